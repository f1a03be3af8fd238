// Folders that are made where they are missing, one by one: the recursive `mkdir` of Node never ends in a file system
// that makes none, such as /proc.
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

/** Makes a folder and those that it is in, if they are missing. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const parent = dirname(path);
    if (codeOf(error) === "ENOENT" && parent !== path) {
      await makeFolder(parent);
      await mkdir(path).catch((again: unknown) => unlessThere(path, again));
    } else await unlessThere(path, error);
  }
}

/** Throws the error of making a folder that is not there. */
async function unlessThere(path: string, error: unknown): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory() !== true) throw error;
}
