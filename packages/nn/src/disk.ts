// Node's file system, as this package uses it.
import { randomUUID } from "node:crypto";
import * as disk from "node:fs/promises";
import * as paths from "node:path";
import { replaceFile as replaceWhole, type Disk, type FileSystem } from "@weft/tensor/internals";
import { FileError } from "./file-error.ts";

/** Declared without Node's types, which a program may lack. Tests exchange the disk. */
interface NodeFiles extends FileSystem {
  disk: Disk & { readFile(path: string): Promise<Uint8Array<ArrayBuffer>> };
  readonly paths: FileSystem["paths"] & { extname(path: string): string };
}

export const system: NodeFiles = { disk, paths, randomUUID };
/** Where the index of a model in several files is. */
export const indexOf = (path: string): string => `${path}.index.json`;
export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
export const isMissing = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === "ENOENT";

/** The error of a `save` that failed. */
export const unwritten = (path: string, cause: unknown): FileError =>
  new FileError(`save: could not write ${path}; the old file, if any, is unchanged: ${reason(cause)}`, { cause });

/** Writes a whole file or none; the old file stays until the new one is on disk. */
export async function replaceFile(
  path: string,
  pieces: Uint8Array | Iterable<Uint8Array>,
  on: Disk = system.disk,
): Promise<void> {
  try {
    await replaceWhole({ ...system, disk: on }, path, ArrayBuffer.isView(pieces) ? [pieces] : pieces);
  } catch (cause) {
    throw unwritten(path, cause);
  }
}
