// Models in files: written whole or not at all, and read tensor by tensor, so that a file may be larger than one
// buffer.
import { randomUUID } from "node:crypto";
import * as disk from "node:fs/promises";
import * as paths from "node:path";
import { FormatError, fromPt, type Metadata, type StoredTensor } from "@weft/formats";
import { headerEnd, mayBePt, piecesOf, readIndex } from "@weft/formats/internals";
import { ArgumentError } from "@weft/tensor";
import { describe, openFile, readRange, replaceFile as replaceWhole, type Disk } from "@weft/tensor/internals";
import { FileError } from "./file-error.ts";
import { mayBeNumbers } from "./kept.ts";
import { assignAllSurely } from "./parameter.ts";
import { ptMetadata, ptSource, type Source } from "./source.ts";
import { fitted, fitting, storedState, strictness, type ReadOptions } from "./state.ts";

const system = { disk, paths, randomUUID };
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function wantPath(op: string, path: unknown): void {
  if (typeof path !== "string" || path === "")
    throw new ArgumentError(`${op}: wanted the path of a file, got ${describe(path)}`);
}

/** Writes a whole file or none; the old file stays until the new one is on disk. */
export async function replaceFile(
  path: string,
  pieces: Uint8Array | Iterable<Uint8Array>,
  on: Disk = disk,
): Promise<void> {
  try {
    await replaceWhole({ ...system, disk: on }, path, ArrayBuffer.isView(pieces) ? [pieces] : pieces);
  } catch (cause) {
    throw new FileError(`save: could not write ${path}; the old file, if any, is unchanged: ${reason(cause)}`, {
      cause,
    });
  }
}

/**
 * Writes the state of a model as a safetensors file (see `toBytes`), with metadata that `readMetadata` returns. If that
 * fails (the disk is full, say), the old file is unchanged and a FileError says why. Links are followed and permissions
 * kept. Several programs may save to one path: the last to finish wins. Within a program the last call wins.
 *
 * @example
 * await save("model.safetensors", model, { epoch: 3, accuracy: 0.98 });
 */
export async function save(path: string, model: unknown, metadata: Metadata = {}): Promise<void> {
  wantPath("save", path);
  const state = storedState("save", model, metadata); // read now, not when earlier writes have ended
  state.catch(() => undefined); // awaited below, after earlier writes
  await inTurn(paths.resolve(path), async () => replaceFile(path, piecesOf(await state)));
}

/** The last pending write to each path. */
const writes = new Map<string, Promise<void>>();

/** Calls `write` when all earlier writes to this path have ended. */
function inTurn(path: string, write: () => Promise<void>): Promise<void> {
  const written = (writes.get(path) ?? Promise.resolve()).then(write, write);
  writes.set(path, written);
  const end = (): void => void (writes.get(path) === written && writes.delete(path));
  written.then(end, end);
  return written;
}

/** An open file of a model. */
interface Opened {
  readonly metadata: Metadata;
  /** What is for a model in it. */
  source(model: unknown): Source<StoredTensor | Promise<StoredTensor>>;
}

/** Reads bytes of an open file. */
type Read = (begin: number, end: number) => Promise<Uint8Array<ArrayBuffer>>;

/** Reads what tells the formats apart, and what is needed to read tensors one by one. */
async function opened(size: number, read: Read): Promise<Opened> {
  const first = await read(0, Math.min(size, 64));
  if (mayBePt(first)) {
    const file = fromPt(await read(0, size));
    return { metadata: ptMetadata(file), source: (model) => ptSource(file, model) };
  }
  const { entries, metadata } = readIndex(await read(0, headerEnd(first, size)), size);
  const stored = async (name: string): Promise<StoredTensor> => {
    const entry = entries.get(name)!;
    return { ...entry, bytes: await read(entry.begin, entry.end) };
  };
  return { metadata, source: () => ({ index: { format: "safetensors", entries, metadata }, stored }) };
}

/** Opens a file, and lets `use` read it. Errors name the operation and the file. */
async function withFile<T>(op: string, path: string, use: (file: Opened, where: string) => Promise<T> | T): Promise<T> {
  wantPath(op, path);
  const where = `${op}: ${path}`;
  const unreadable = (cause: unknown): never => {
    throw new FileError(`${where} cannot be read: ${reason(cause)}`, { cause });
  };
  const { file, size } = await openFile(system, path).catch(unreadable);
  try {
    return await use(await opened(size, (begin, end) => readRange(file, begin, end).catch(unreadable)), where);
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError(`${where}: ${cause.message}`, { cause });
    throw cause;
  } finally {
    await file.close();
  }
}

/**
 * Reads a file into a model and returns the model (see `fromBytes`). Any program may have written the file: PyTorch uses
 * the same names if the model has the same structure. Nothing changes unless everything fits. Of safetensors only the
 * tensors of the model are read, so such a file may be of any size; a file of `torch.save` is read as a whole.
 *
 * @example
 * await save("model.safetensors", Linear(784, 10));
 * const model = await load("model.safetensors", Linear(784, 10));
 */
export async function load<Model>(path: string, model: Model, options?: ReadOptions): Promise<Model> {
  const strict = strictness("load", options);
  return withFile("load", path, async (file, where) => {
    const { index, stored } = file.source(model);
    const numbers = new Map<string, StoredTensor>();
    for (const name of mayBeNumbers(model, index)) numbers.set(name, await stored(name));
    const { fits, take } = fitting(index, model, strict, where, (name) => numbers.get(name)!);
    const values: ReturnType<typeof fitted>[] = [];
    for (const fit of fits) {
      const tensors: StoredTensor[] = [];
      for (const name of fit.names) tensors.push(await stored(name));
      values.push(fitted(fit, tensors, where));
    }
    await assignAllSurely(values);
    take();
    return model;
  });
}

/**
 * The metadata of a file: strings, numbers and booleans, as they were given to `save`. Of safetensors only the header is
 * read; of a checkpoint of PyTorch they are what it has beside tensors and lists.
 *
 * @example
 * await save("model.safetensors", model, { epoch: 3 });
 * const { epoch } = await readMetadata("model.safetensors");
 * epoch; // 3
 */
export const readMetadata = (path: string): Promise<Metadata> =>
  withFile("readMetadata", path, ({ metadata }) => metadata);
