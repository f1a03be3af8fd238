// Models in several files, with an index beside them. The index is replaced last and in one step, and its files have
// names that no older index has: so there is an old set or a new one, whole, at every moment.
import type { Stored } from "@weft/formats";
import { inShards, piecesOf, readShardIndex, shardIndex } from "@weft/formats/internals";
import { leftovers, openFile } from "@weft/tensor/internals";
import { indexOf, isMissing, replaceFile, system, unwritten } from "./disk.ts";

const { paths } = system;

/** The names of files: `model-00001-of-00002.safetensors`, or `model-1a2b3c4d-00001-of-00002.safetensors`. */
function namesOf(path: string) {
  const end = paths.extname(path);
  const name = paths.basename(path);
  const stem = name.slice(0, name.length - end.length);
  const number = (n: number): string => String(n).padStart(5, "0");
  const numbered = /^-\d{5,}-of-\d{5,}$/;
  return {
    name: (mark: string, k: number, count: number): string =>
      `${stem}${mark}-${number(k + 1)}-of-${number(count)}${end}`,
    /** Whether a file is one of a set for this path; with a mark only if `marked`. */
    isOurs: (name: string, marked: boolean): boolean => {
      if (!name.startsWith(stem) || !name.endsWith(end)) return false;
      const middle = name.slice(stem.length, name.length - end.length);
      const rest = middle.replace(/^-[0-9a-f]{8}(?=-)/, "");
      return numbered.test(rest) && (!marked || rest !== middle);
    },
  };
}

const remove = (folder: string, names: Iterable<string>): Promise<unknown> =>
  Promise.all(
    Array.from(names, (name) => system.disk.rm(paths.join(folder, name), { force: true }).catch(() => undefined)),
  );

/**
 * Names for files that no other program takes. Without a mark if there is neither an index nor such a file: what removes
 * the files of an old index must not meet names that are used again.
 */
async function claimed(path: string, count: number): Promise<string[]> {
  const folder = paths.dirname(path);
  const { name } = namesOf(path);
  const there = new Set(await system.disk.readdir(folder));
  const marked = (): string => `-${system.randomUUID().slice(0, 8)}`;
  for (let mark = there.has(paths.basename(indexOf(path))) ? marked() : ""; ; mark = marked()) {
    const names = Array.from({ length: count }, (_, k) => name(mark, k, count));
    if (names.some((name) => there.has(name))) continue;
    try {
      await (await system.disk.open(paths.join(folder, names[0]!), "wx")).close();
      return names;
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EEXIST") throw error;
    }
  }
}

/** The files of the index at a path, if there is one. */
async function listed(index: string): Promise<string[]> {
  try {
    return [...readShardIndex(await system.disk.readFile(index)).keys()];
  } catch {
    return []; // nothing there, or nothing of ours
  }
}

/** Removes the files of the index before, and those of killed programs; never what another index lists. */
async function sweep(path: string, before: readonly string[], now: readonly string[]): Promise<void> {
  const folder = paths.dirname(path);
  const { isOurs } = namesOf(path);
  const there = await system.disk.readdir(folder);
  const others = there.filter((name) => name.endsWith(indexOf("")) && name !== paths.basename(indexOf(path)));
  const spared = new Set([
    ...now,
    ...(await Promise.all(others.map((name) => listed(paths.join(folder, name))))).flat(),
  ]);
  const newest = now[0] === undefined ? Date.now() : (await system.disk.stat(paths.join(folder, now[0]))).mtimeMs;
  const marked = there.filter((name) => isOurs(name, true));
  const old = new Set([
    ...before.filter((name) => isOurs(name, false)),
    ...(await leftovers(system, folder, marked, newest)),
  ]);
  for (const name of spared) old.delete(name);
  await remove(folder, old);
}

/**
 * Writes a model in files of at most `most` bytes of tensors each, and their index, `PATH.index.json`. A single file at
 * the path is removed once the index is there. A model that fits in one file is written as one; then the index of an
 * older set and its files are removed.
 */
export async function writeShards(path: string, { tensors, metadata }: Stored, most: number): Promise<void> {
  const parts = inShards(tensors, most);
  const folder = paths.dirname(path);
  const index = indexOf(path);
  if (parts.length < 2) {
    await replaceFile(path, piecesOf({ tensors, metadata }));
    const before = await listed(index);
    if (before.length === 0 && most === Infinity) return;
    await system.disk.rm(index, { force: true }).catch(() => undefined);
    return sweep(path, before, []).catch(() => undefined);
  }
  let names: string[];
  try {
    const single = await openFile(system, path).catch((error: unknown) => {
      if (!isMissing(error)) throw error; // something that is not a file
      return undefined;
    });
    await single?.file.close();
    names = await claimed(path, parts.length);
  } catch (cause) {
    throw unwritten(path, cause);
  }
  const files = new Map(names.map((name, k) => [name, parts[k]!]));
  let before: string[];
  try {
    // All metadata is in the first file; readers of the others want to know who wrote them.
    let notes = metadata;
    for (const [name, tensors] of files) {
      await replaceFile(paths.join(folder, name), piecesOf({ tensors, metadata: notes }));
      notes = { format: "pt" };
    }
    before = await listed(index);
    await replaceFile(index, shardIndex(files));
  } catch (error) {
    await remove(folder, names);
    throw error;
  }
  try {
    await system.disk.rm(path, { force: true });
  } catch (cause) {
    throw unwritten(path, cause);
  }
  await sweep(path, before, names).catch(() => undefined); // what is left takes room only
}
