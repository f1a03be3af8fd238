// Models in files: written whole or not at all, and read tensor by tensor, so that a file may be larger than one
// buffer.
import { FormatError, type Metadata, type StoredTensor } from "@weft/formats";
import { ArgumentError } from "@weft/tensor";
import { describe, positiveCount, readOptions } from "@weft/tensor/internals";
import { system } from "./disk.ts";
import { mayBeNumbers } from "./kept.ts";
import { openModel, type Opened } from "./opened.ts";
import { assignAllSurely } from "./parameter.ts";
import { writeShards } from "./sharded.ts";
import { partFor } from "./source.ts";
import { fitted, fitting, storedState, strictness, type ReadOptions, type SaveOptions } from "./state.ts";
import { withoutNotes } from "./values.ts";

export { replaceFile } from "./disk.ts";

const noOptions: SaveOptions = {};

function wantPath(op: string, path: unknown): void {
  if (typeof path !== "string" || path === "")
    throw new ArgumentError(`${op}: wanted the path of a file, got ${describe(path)}`);
}

/**
 * Writes the state of a model as a safetensors file (see `toBytes`), with metadata that `readMetadata` returns. If that
 * fails (the disk is full, say), the old file is unchanged and a FileError says why. Links are followed and permissions
 * kept. Several programs may save to one path: the last to finish wins. Within a program the last call wins.
 *
 * With `maxShardBytes`, a model that is larger is written in several files beside the path, with an index, in the form
 * of Hugging Face: `model-00001-of-00003.safetensors` and so on, and `model.safetensors.index.json`. The index is written
 * last, and what it replaces is removed then: the old files, or a single file at the path; a single file replaces such a
 * set in the same way. Later saves write files with other names, since the old ones stay until then. `load` reads them
 * by the same path.
 *
 * @example
 * await save("model.safetensors", model, { epoch: 3, accuracy: 0.98 });
 * await save("large.safetensors", model, {}, { maxShardBytes: 2e9 });
 *
 * @example
 * const run = { model, step: 100, best: Infinity, random: backend.stream };
 * await save("run.safetensors", run);
 */
export async function save(
  path: string,
  model: unknown,
  metadata: Metadata = {},
  options?: SaveOptions,
): Promise<void> {
  wantPath("save", path);
  const { maxShardBytes } = readOptions("save", options, { maxShardBytes: positiveCount }, noOptions);
  const state = storedState("save", model, metadata); // read now, not when earlier writes have ended
  state.catch(() => undefined); // awaited below, after earlier writes
  await inTurn(system.paths.resolve(path), async () => {
    await writeShards(path, await state, maxShardBytes ?? Infinity);
  });
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

/** Opens a model, and lets `use` read it. Errors name the operation and the file. */
async function withFile<T>(op: string, path: string, use: (file: Opened, where: string) => Promise<T> | T): Promise<T> {
  wantPath(op, path);
  const where = `${op}: ${path}`;
  try {
    const file = await openModel(path, where);
    try {
      return await use(file, where);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof FormatError && !cause.message.startsWith(where))
      throw new FormatError(`${where}: ${cause.message}`, { cause });
    throw cause;
  }
}

/**
 * Reads a file into a model and returns the model (see `fromBytes`). Any program may have written the file: PyTorch uses
 * the same names if the model has the same structure. The path is that of a file, of an index of several files
 * (`model.safetensors.index.json`), or of a folder with one of them. Nothing changes unless everything fits. Of
 * safetensors only the tensors of the model are read, so such a file may be of any size; a file of `torch.save` is read
 * as a whole.
 *
 * @example
 * await save("model.safetensors", Linear(784, 10));
 * const model = await load("model.safetensors", Linear(784, 10));
 *
 * @example
 * const run = { model: Linear(784, 10), step: 0 };
 * await save("run.safetensors", { model: Linear(784, 10), step: 100 });
 * await load("run.safetensors", run);
 * run.step; // 100
 */
export async function load<Model>(path: string, model: Model, options?: ReadOptions): Promise<Model> {
  const strict = strictness("load", options);
  return withFile("load", path, async (file, where) => {
    const { index, stored } = partFor(file, model);
    const numbers = new Map<string, StoredTensor>();
    for (const name of mayBeNumbers(model, index)) numbers.set(name, await stored(name));
    const { fits, arrays, values, take } = fitting(index, model, strict, where, (name) => numbers.get(name)!);
    const pairs: ReturnType<typeof fitted>[] = [];
    for (const fit of fits) {
      const tensors: StoredTensor[] = [];
      for (const name of fit.names) tensors.push(await stored(name));
      pairs.push(fitted(fit, tensors, where));
    }
    const read = new Map<string, StoredTensor>();
    for (const name of arrays) read.set(name, await stored(name));
    await assignAllSurely(pairs, { before: () => values((name) => read.get(name)!) });
    take();
    return model;
  });
}

/**
 * The metadata of a file: strings, numbers and booleans, as they were given to `save`. Of safetensors only the header is
 * read. Of a checkpoint of PyTorch they are its numbers, texts and booleans; its lists and dictionaries are among the
 * values that `fromPt` of `@weft/formats` returns.
 *
 * @example
 * await save("model.safetensors", model, { epoch: 3 });
 * const { epoch } = await readMetadata("model.safetensors");
 * epoch; // 3
 */
export const readMetadata = (path: string): Promise<Metadata> =>
  withFile("readMetadata", path, ({ index }) => withoutNotes(index.metadata));
