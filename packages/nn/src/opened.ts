// Opens the files of a model: one file of safetensors or of PyTorch, or an index and the files that it lists, which a
// folder may stand for.
import { FormatError, fromPt, type StoredTensor } from "@weft/formats";
import {
  headerEnd,
  longestShardIndex,
  mayBePt,
  mayBeShardIndex,
  readIndex,
  readShardIndex,
} from "@weft/formats/internals";
import { openFile, quoted, readRange } from "@weft/tensor/internals";
import { indexOf, isMissing, reason, system } from "./disk.ts";
import { FileError } from "./file-error.ts";
import { ptSource, type Source } from "./source.ts";

/** An open model. */
export interface Opened extends Source<StoredTensor | Promise<StoredTensor>> {
  close(): Promise<void>;
}

/** An index: the tensors that are in each file. */
type Index = ReadonlyMap<string, readonly string[]>;

const { paths } = system;

/** The names under which a folder has a model; the first that is there counts. */
const inFolders = ["model.safetensors", "pytorch_model.bin"].flatMap((name) => [name, indexOf(name)]);

/** The file to begin with. */
async function beginning(path: string): Promise<string> {
  const facts = await system.disk.stat(path).catch(() => undefined);
  if (facts === undefined) {
    const index = await system.disk.stat(indexOf(path)).catch(() => undefined);
    return index?.isFile() === true ? indexOf(path) : path;
  }
  if (!facts.isDirectory()) return path;
  const names = await system.disk.readdir(path).catch((): string[] => []);
  const indices = names.filter((name) => name.endsWith(indexOf("")));
  // A single file beside an index is newer: a save in several files removes it.
  const [only] = indices.length === 1 ? indices.flatMap((name) => [name.slice(0, -indexOf("").length), name]) : [];
  const singles = names.filter((name) => name.endsWith(".safetensors"));
  const [lone] = indices.length === 0 && singles.length === 1 ? singles : [];
  const name =
    inFolders.find((name) => names.includes(name)) ??
    (only !== undefined && names.includes(only) ? only : indices.length === 1 ? indices[0] : lone);
  return name === undefined ? path : paths.join(path, name);
}

/** Opens one file; `where` begins the messages of its errors. */
async function openOne(path: string, where: string): Promise<Opened | Index> {
  const unreadable = (cause: unknown): never => {
    throw new FileError(`${where} cannot be read: ${reason(cause)}`, { cause });
  };
  const { file, size } = await openFile(system, path).catch(unreadable);
  const read = (begin: number, end: number) => readRange(file, begin, end).catch(unreadable);
  const close = async (): Promise<void> => void (await file.close());
  let kept = false;
  try {
    const first = await read(0, Math.min(size, 64));
    if (mayBeShardIndex(first)) {
      if (size > longestShardIndex) throw new FormatError(`index: it has ${size} bytes, at most ${longestShardIndex}`);
      return readShardIndex(await read(0, size));
    }
    if (mayBePt(first)) return { ...ptSource(fromPt(await read(0, size))), close: async () => undefined };
    const { entries, metadata } = readIndex(await read(0, headerEnd(first, size)), size);
    const stored = async (name: string): Promise<StoredTensor> => {
      const entry = entries.get(name)!;
      return { ...entry, bytes: await read(entry.begin, entry.end) };
    };
    kept = true;
    return { index: { format: "safetensors", entries, metadata }, stored, close };
  } finally {
    if (!kept) await close();
  }
}

const isIndex = (x: Opened | Index): x is Index => x instanceof Map;

/** Opens all files of an index. What it says of them must be what they say. */
async function openAll(folder: string, index: Index, where: string): Promise<Opened> {
  const open: Opened[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map((file) => file.close()));
  };
  const places = new Map<string, { readonly file: string; readonly from: Opened }>();
  try {
    for (const [file, names] of index) {
      const about = `${where}: its file ${quoted(file)}`;
      const from = await openOne(paths.join(folder, file), about).catch((error: unknown) => {
        if (error instanceof FormatError) throw new FormatError(`${quoted(file)}: ${error.message}`, { cause: error });
        throw error;
      });
      if (isIndex(from)) throw new FormatError(`index: ${quoted(file)} is an index itself`);
      open.push(from);
      const { entries } = from.index;
      for (const name of entries.keys()) {
        const other = places.get(name);
        if (other !== undefined)
          throw new FormatError(`index: both ${quoted(other.file)} and ${quoted(file)} have ${quoted(name)}`);
        places.set(name, { file, from });
      }
      const lost = names.find((name) => !entries.has(name));
      if (lost !== undefined) throw new FormatError(`index: ${quoted(lost)} is not in ${quoted(file)}, where it says`);
      if (names.length !== entries.size) {
        const known = new Set(names);
        const other = [...entries.keys()].find((name) => !known.has(name))!;
        throw new FormatError(`index: ${quoted(other)} is in ${quoted(file)}, which it does not say`);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  const listed = [...places].map(([name, { from }]) => [name, from.index.entries.get(name)!] as const);
  return {
    index: {
      format: open[0]?.index.format ?? "safetensors",
      entries: new Map(listed),
      metadata: Object.assign({}, ...open.map((file) => file.index.metadata).toReversed()), // the first has ours
    },
    stored: (name) => places.get(name)!.from.stored(name),
    close,
  };
}

/** So often a model may be replaced, and its files be removed, while they are opened. */
const tries = 4;

/** Opens the files of a model. Errors begin with `where`, those of formats do not. */
export async function openModel(path: string, where: string): Promise<Opened> {
  for (let left = tries; ; left--) {
    const begin = await beginning(path);
    try {
      const first = await openOne(begin, where);
      return isIndex(first) ? await openAll(paths.dirname(begin), first, where) : first;
    } catch (error) {
      if (left === 1 || !(error instanceof FileError) || !isMissing(error.cause)) throw error;
    }
  }
}
