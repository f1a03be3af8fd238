// Files in Node: those that the user already has (WEFT_DATA), those in the cache folder, and downloads, which are saved
// there in one step, so that a file is either whole or absent.
import { randomUUID } from "node:crypto";
import * as nodeDisk from "node:fs/promises";
import { homedir } from "node:os";
import * as paths from "node:path";
import { makeFolder, openFile, readRange, replaceFile, type Disk } from "@weft/tensor/internals";
import { terminal } from "../bar.node.ts";
import { DataError } from "../data-error.ts";
import {
  described,
  problem,
  reason,
  wrongSize,
  type Bytes,
  type FileSource,
  type LoadOptions,
  type Publication,
  type PublishedFile,
} from "./files.ts";

const { dirname, join } = paths;

/** The part of `node:fs/promises` that is used; tests pass one that fails. */
export interface FileSystem extends Disk {
  mkdir(path: string): Promise<unknown>;
  readdir(path: string): Promise<string[]>;
  readdir(path: string, options: { readonly withFileTypes: true }): Promise<Entry[]>;
}

interface Entry {
  readonly name: string;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const isMissing = (error: unknown): boolean => codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
const system = (disk: FileSystem) => ({ disk, paths, randomUUID });

/** A file that was found: its bytes, or what is wrong with it. */
type Found =
  | { readonly bytes: Bytes; readonly wrong?: undefined }
  | { readonly bytes?: undefined; readonly wrong: string };

/** How deep a file in another form is looked for, and how many names are shown. */
const [LEVELS, SHOWN] = [3, 8];
const unpackedName = (name: string): string => name.toLowerCase().replace(/(\.tar)?\.(gz|tgz|zip|bz2|xz)$/, "");

/** The user's cache folder, by system. */
export function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === "win32") return join(env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"), "weft", "Cache");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "weft");
  const xdg = env["XDG_CACHE_HOME"];
  return join(xdg === undefined || xdg === "" ? join(homedir(), ".cache") : xdg, "weft");
}

/** Where a file of a set may lie in the user's folder. */
const placesIn = (folder: string, file: PublishedFile, { set }: Publication): string[] => [
  join(folder, set, file.name),
  join(folder, file.name),
];

/** A source of files that looks into WEFT_DATA, then into the cache, and then downloads. */
export function folders(fs: FileSystem = nodeDisk, env: NodeJS.ProcessEnv = process.env): FileSource {
  /** The user's folder, WEFT_DATA; asked anew each time, since a program may set it. */
  const ownFolder = (): string | undefined => env["WEFT_DATA"] || undefined;

  const find = async (path: string, wanted: PublishedFile): Promise<Found | undefined> => {
    try {
      const { file, size } = await openFile(system(fs), path);
      try {
        const tooLarge = wrongSize(size, wanted);
        if (tooLarge !== undefined) return { wrong: tooLarge };
        const bytes = await readRange(file, 0, size);
        const wrong = await problem(bytes, wanted);
        return wrong === undefined ? { bytes } : { wrong };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new DataError(`Could not read ${path}: ${reason(error)}.`);
    }
  };

  /** A file that the user put there: wrong content is an error, never replaced. */
  const given = async (folder: string, file: PublishedFile, from: Publication): Promise<Bytes | undefined> => {
    const found = await fs.stat(folder).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw new DataError(`Could not read the folder ${folder}, WEFT_DATA: ${reason(error)}.`);
    });
    if (found?.isDirectory() !== true)
      throw new DataError(
        `WEFT_DATA is ${folder}, which ${found === undefined ? "does not exist" : "is not a folder"}. ` +
          `Set it to a folder with ${file.name} in it, or unset it to download.\n${described(file, from)}`,
      );
    for (const path of placesIn(folder, file, from)) {
      const found = await find(path, file);
      if (found?.wrong !== undefined)
        throw new DataError(
          `${path}: ${found.wrong}. Replace it with the original, or move it away to download it.\n${described(file, from)}`,
        );
      if (found !== undefined) return found.bytes;
    }
    return undefined;
  };

  /** Files in a folder that have the name of the wanted one, but for what it is packed in; no more than `most`. */
  const alike = async (folder: string, wanted: string, levels: number, most: number): Promise<string[]> => {
    const found: string[] = [];
    for (const entry of await entriesIn(folder)) {
      if (found.length === most) break;
      const path = join(folder, entry.name);
      if (await isFolder(entry, path)) {
        if (levels > 1) found.push(...(await alike(path, wanted, levels - 1, most - found.length)));
      } else if (unpackedName(entry.name) === unpackedName(wanted)) found.push(path);
    }
    return found;
  };
  /** In their order; none if there is no such folder. */
  const entriesIn = async (folder: string): Promise<Entry[]> => {
    const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  };
  /** A link to a folder is one. */
  const isFolder = async (entry: Entry, path: string): Promise<boolean> =>
    entry.isDirectory() ||
    (entry.isSymbolicLink() && (await fs.stat(path).catch(() => undefined))?.isDirectory() === true);

  const cached = (file: PublishedFile, from: Publication, { cache }: LoadOptions): string | undefined =>
    cache === false ? undefined : join(cache ?? cacheFolder(env, process.platform), from.set, file.name);

  return {
    place: "into a folder and set WEFT_DATA to that folder",
    async find(file, from, options) {
      const folder = ownFolder();
      const own = folder === undefined ? undefined : await given(folder, file, from);
      if (own !== undefined) return own;
      const path = cached(file, from, options);
      const kept = path === undefined ? undefined : await find(path, file);
      return kept?.bytes; // a damaged one is downloaded again
    },
    async has(file, from, options) {
      const folder = ownFolder();
      const own = folder === undefined ? [] : placesIn(folder, file, from);
      for (const path of [...own, cached(file, from, options)]) {
        const facts = path === undefined ? undefined : await fs.stat(path).catch(() => undefined);
        if (facts?.isFile() === true) return wrongSize(facts.size, file) === undefined;
      }
      return false;
    },
    async keep(file, from, options, bytes) {
      const path = cached(file, from, options);
      if (path !== undefined) await save(fs, path, bytes);
    },
    async instead(file, { set }) {
      const folder = ownFolder();
      if (folder === undefined) return undefined;
      const wanted = `wanted ${file.name} as it is published, in ${join(folder, set)} or in ${folder}.`;
      const found = await alike(folder, file.name, LEVELS, SHOWN);
      if (found.length > 0) return `There is ${found.join(", ")}: ${wanted}`;
      const others = (await entriesIn(join(folder, set))).slice(0, SHOWN).map(({ name }) => name);
      return others.length === 0 ? undefined : `${join(folder, set)} has ${others.join(", ")}: ${wanted}`;
    },
    display: terminal,
  };
}

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "The disk is full: make room",
  EDQUOT: "The quota is used up: make room",
  EACCES: "The folder is not writable: change its permissions",
  EROFS: "The disk is read-only: remount it",
};

/** Writes a file whole or not at all. */
export async function save(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  try {
    await makeFolder(system(fs), dirname(path));
    await replaceFile(system(fs), path, [bytes]);
  } catch (error) {
    throw new DataError(
      `Could not save ${path} (${bytes.length} bytes): ${reason(error)}. ` +
        `${remedies[codeOf(error) ?? ""] ?? "Fix that"}, ` +
        `name another folder with { cache: "…" }, or keep nothing with { cache: false }.`,
    );
  }
}
