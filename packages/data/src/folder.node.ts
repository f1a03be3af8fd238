// Files in Node: those that the user already has (WEFT_DATA), those in the cache folder, and downloads that are put there
// in one step, so that a file is either whole or not there.
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { terminal } from "./bar.node.ts";
import { DataError } from "./data-error.ts";
import { download, problem, reason, type FileSource, type KnownFile } from "./files.ts";

/** What of `node:fs/promises` is used: tests give one that fails. */
export interface FileSystem {
  readonly mkdir: typeof mkdir;
  readonly open: typeof open;
  readonly readFile: typeof readFile;
  readonly rename: typeof rename;
  readonly rm: typeof rm;
  readonly stat: typeof stat;
}

type Bytes = Uint8Array<ArrayBuffer>;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const isMissing = (error: unknown): boolean => codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";

/** The user's cache folder, as each system has it. */
export function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === "win32") return join(env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"), "weft", "Cache");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "weft");
  const xdg = env["XDG_CACHE_HOME"];
  return join(xdg === undefined || xdg === "" ? join(homedir(), ".cache") : xdg, "weft");
}

/** A source of files that looks into WEFT_DATA, then into the cache, and then downloads. */
export function folders(
  fs: FileSystem = { mkdir, open, readFile, rename, rm, stat },
  env: NodeJS.ProcessEnv = process.env,
): FileSource {
  const find = async (path: string): Promise<Bytes | undefined> => {
    try {
      return new Uint8Array(await fs.readFile(path)) as Bytes;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new DataError(`Could not read ${path}: ${reason(error)}`);
    }
  };

  /** A file that the user has put there: wrong bytes are said, never replaced. */
  const given = async (folder: string, set: string, file: KnownFile): Promise<Bytes | undefined> => {
    const found = await fs.stat(folder).catch(() => undefined);
    if (found?.isDirectory() !== true)
      throw new DataError(
        `WEFT_DATA is ${folder}, which is ${found === undefined ? "not there" : "no folder"}. ` +
          `Set it to a folder with ${file.name} in it, or unset it to download.`,
      );
    for (const path of [join(folder, file.name), join(folder, set, file.name)]) {
      const bytes = await find(path);
      const wrong = bytes && (await problem(bytes, file));
      if (wrong !== undefined)
        throw new DataError(`${path}: ${wrong}. Replace it by the original, or move it away to download it.`);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  };

  return async (file, from, options) => {
    const folder = env["WEFT_DATA"];
    const own = folder === undefined || folder === "" ? undefined : await given(folder, from.set, file);
    if (own !== undefined) return own;
    const path =
      options.cache === false
        ? undefined
        : join(options.cache ?? cacheFolder(env, process.platform), from.set, file.name);
    const kept = path && (await find(path));
    if (kept && (await problem(kept, file)) === undefined) return kept; // a damaged one is downloaded again
    const bytes = await download(file, from, options, options.progress === false ? undefined : terminal());
    if (path !== undefined) await save(fs, path, bytes);
    return bytes;
  };
}

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "The disk is full: make room",
  EDQUOT: "The quota is used up: make room",
  EACCES: "The folder may not be written to: change that",
  EROFS: "The disk is read-only: mount it otherwise",
};

/** Writes a file under another name, brings it to the disk, and only then gives it its name. */
export async function save(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.part`;
  try {
    await fs.mkdir(dirname(path), { recursive: true });
    const file = await fs.open(part, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(part, path);
  } catch (error) {
    await fs.rm(part, { force: true }).catch(() => undefined);
    throw new DataError(
      `Could not save ${path} (${bytes.length} bytes): ${reason(error)}. ${remedies[codeOf(error) ?? ""] ?? "See to that"}, ` +
        `name another folder with { cache: "…" }, or keep nothing with { cache: false }.`,
    );
  }
}
