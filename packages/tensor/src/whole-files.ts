// Atomic file replacement: a file is replaced in one step, so a reader sees the old one or the new one, never a part.
// And only regular files are read. `nn` stores models this way, and `data` its downloads. Folders are made where they
// are missing. The file system is a parameter, since this package also runs where there is none.

/** What is checked of a file before it is read or replaced. */
interface FileFacts {
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
}

/** The methods of an open file that are used here. */
export interface OpenFile {
  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ readonly bytesRead: number }>;
  writeFile(bytes: Uint8Array): Promise<unknown>;
  stat(): Promise<FileFacts>;
  chmod(mode: number): Promise<unknown>;
  chown(uid: number, gid: number): Promise<unknown>;
  sync(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** The parts of `node:fs/promises` that are used here, spelled out so that users do not need Node's types. */
export interface Disk {
  readonly constants: { readonly O_NONBLOCK?: number };
  open(path: string, flags: string | number, mode?: number): Promise<OpenFile>;
  rename(from: string, to: string): Promise<unknown>;
  rm(path: string, options: { readonly force: boolean }): Promise<unknown>;
  stat(path: string): Promise<FileFacts>;
  lstat(path: string): Promise<FileFacts>;
  realpath(path: string): Promise<string>;
  readlink(path: string): Promise<string>;
  readdir(path: string): Promise<readonly string[]>;
}

/** A disk, its path functions (`node:path`), and unique names (`node:crypto`). */
export interface FileSystem {
  readonly disk: Disk;
  readonly paths: {
    join(...parts: string[]): string;
    resolve(...parts: string[]): string;
    dirname(path: string): string;
    basename(path: string): string;
  };
  randomUUID(): string;
}

const isThere = (error: unknown): boolean => (error as { code?: unknown }).code !== "ENOENT";

const kindOf = (facts: FileFacts): string =>
  facts.isDirectory() ? "a folder" : facts.isFIFO() ? "a pipe" : "a device or a socket";

function wantFile(facts: FileFacts): void {
  if (!facts.isFile()) throw new Error(`it is ${kindOf(facts)}, wanted a file`);
}

/** Resolves a path through symbolic links, also to a file that does not exist yet. */
async function destination({ disk, paths }: FileSystem, path: string): Promise<string> {
  let at = path;
  for (let links = 0; links < 40; links++) {
    const folder = await disk.realpath(paths.dirname(at));
    at = paths.join(folder, paths.basename(at));
    const link = await disk.readlink(at).catch(() => undefined);
    if (link === undefined) return at;
    at = paths.resolve(folder, link);
  }
  throw new Error("ELOOP: too many symbolic links");
}

/** The start of a name, short enough for every file system together with what is appended to it. */
function beginning(name: string): string {
  let text = "";
  let bytes = 0;
  for (const c of name) {
    bytes += c.codePointAt(0)! < 0x80 ? 1 : 4;
    if (bytes > 80) break;
    text += c;
  }
  return text;
}

/** Milliseconds without a write after which a file that nothing refers to is the leftover of a killed program. */
const abandoned = 3_600_000;

/** Those of some names in a folder that are of leftover files. `now` is the disk's own time, which may differ from ours. */
export async function leftovers(
  { disk, paths }: FileSystem,
  folder: string,
  names: readonly string[],
  now: number,
): Promise<string[]> {
  const old: string[] = [];
  for (const name of names) {
    const facts = await disk.lstat(paths.join(folder, name)).catch(() => undefined);
    if (facts?.isFile() === true && now - facts.mtimeMs > abandoned) old.push(name);
  }
  return old;
}

const unique = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/;

/** Removes leftover temporary files of the same file. */
async function sweep(system: FileSystem, folder: string, stem: string, now: number): Promise<void> {
  const { disk, paths } = system;
  const there = await disk.readdir(folder);
  const parts = there.filter((name) => name.startsWith(stem) && unique.test(name.slice(stem.length)));
  for (const name of await leftovers(system, folder, parts, now))
    await disk.rm(paths.join(folder, name), { force: true });
}

/**
 * Writes a whole file or nothing: to a temporary file beside it, which replaces it once it is on the disk. Follows
 * links and keeps permissions. Several programs may replace the same file at once: the last to finish wins.
 */
export async function replaceFile(system: FileSystem, path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const { disk, paths } = system;
  const target = await destination(system, path);
  const old = await disk.stat(target).catch((error: unknown) => {
    if (isThere(error)) throw error;
    return undefined;
  });
  if (old !== undefined) {
    wantFile(old);
    // A file that is not writable must not be replaced either. Opened, since Deno's `access` asks who the user is, for
    // which a program needs a permission of its own.
    await (await disk.open(target, "r+")).close();
  }
  const folder = paths.dirname(target);
  const stem = `.${beginning(paths.basename(target))}.`;
  const part = paths.join(folder, `${stem}${system.randomUUID()}.part`);
  try {
    const file = await disk.open(part, "wx", (old?.mode ?? 0o666) & 0o777);
    try {
      const { uid, gid, mtimeMs } = await file.stat();
      await sweep(system, folder, stem, mtimeMs).catch(() => undefined);
      if (old !== undefined) {
        if (uid !== old.uid || gid !== old.gid) await file.chown(old.uid, old.gid).catch(() => undefined);
        await file.chmod(old.mode & 0o7777).catch(() => undefined); // not every disk has permissions
      }
      for (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(part, target);
  } catch (error) {
    await disk.rm(part, { force: true }).catch(() => undefined);
    // A folder may have taken its place meanwhile.
    const now = await disk.stat(target).catch(() => undefined);
    if (now !== undefined) wantFile(now);
    throw error;
  }
  // The new name is on the disk once its folder is synced; not every system can sync folders.
  const entry = await disk.open(folder, "r").catch(() => undefined);
  await entry?.sync().catch(() => undefined);
  await entry?.close();
}

/** What makes folders: a part of `node:fs/promises`, and of `node:path`. */
interface FolderSystem {
  readonly disk: {
    mkdir(path: string): Promise<unknown>;
    stat(path: string): Promise<Pick<FileFacts, "isDirectory">>;
  };
  readonly paths: Pick<FileSystem["paths"], "dirname">;
}

/**
 * Makes a folder and those that it is in, if they are missing, one by one: the recursive `mkdir` of Node never ends in a
 * file system that makes none, such as /proc.
 */
export async function makeFolder(system: FolderSystem, path: string): Promise<void> {
  const { disk, paths } = system;
  const unlessThere = async (error: unknown): Promise<void> => {
    const there = await disk.stat(path).catch(() => undefined);
    if (there?.isDirectory() !== true) throw error;
  };
  try {
    await disk.mkdir(path);
  } catch (error) {
    const parent = paths.dirname(path);
    if (isThere(error) || parent === path) return unlessThere(error);
    await makeFolder(system, parent);
    await disk.mkdir(path).catch(unlessThere);
  }
}

/** Opens a file for reading, and refuses what may never end: a pipe, a device. */
export async function openFile({ disk }: FileSystem, path: string): Promise<{ file: OpenFile; size: number }> {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const file = await disk.open(path, disk.constants.O_NONBLOCK ?? 0);
  try {
    const facts = await file.stat();
    wantFile(facts);
    return { file, size: facts.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The bytes of an open file from `begin` to `end`. */
export async function readRange(file: OpenFile, begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - begin);
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, 2 ** 30), begin + at);
    if (bytesRead === 0) throw new Error(`it ends at byte ${begin + at}, while it is being read`);
    at += bytesRead;
  }
  return bytes;
}
