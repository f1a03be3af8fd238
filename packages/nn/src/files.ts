// Models in files. A file is either the old one or the new one, never half of each: what is written goes into a file
// beside it, which takes its place when it is whole and on the disk.
import * as disk from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "./file-error.ts";
import { FormatError } from "./safetensors.ts";
import { fromBytes, StateError, toBytes, type ReadOptions } from "./state.ts";

/** An open file, as far as it is needed. */
interface OpenFile {
  writeFile(bytes: Uint8Array): Promise<unknown>;
  sync(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** What is needed of `node:fs/promises`; spelled out so that users need no types of Node. */
export interface Disk {
  open(path: string, flags: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<unknown>;
  rm(path: string, options: { readonly force: boolean }): Promise<unknown>;
}

let attempts = 0;

/** Writes a whole file or none; the old one stays until the new one is on the disk. */
export async function replaceFile(path: string, bytes: Uint8Array, { open, rename, rm }: Disk = disk): Promise<void> {
  const part = join(dirname(path), `.${basename(path)}.${process.pid}-${attempts++}.part`);
  try {
    const file = await open(part, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true }).catch(() => undefined);
    throw new FileError(`save: ${path} was not written, what stood there is unchanged: ${reason(cause)}`, { cause });
  }
  // The new name is on the disk once its folder is; not every system can do that for folders.
  const folder = await open(dirname(path), "r").catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Writes the state of a model as a safetensors file (see `toBytes`). If that fails, because the disk is full say, the
 * old file is unchanged and a FileError tells why.
 *
 * @example
 * await save("model.safetensors", model);
 */
export async function save(
  path: string,
  model: unknown,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await replaceFile(path, await toBytes(model, metadata));
}

/**
 * Reads a safetensors file into a model and returns the model (see `fromBytes`), whichever program wrote it: one of
 * PyTorch's has the same names if the model has the same structure.
 *
 * @example
 * const model = await load("model.safetensors", Chain(Linear(784, 10)));
 */
export async function load<Model>(path: string, model: Model, options: ReadOptions = {}): Promise<Model> {
  const bytes = await disk.readFile(path).catch((cause: unknown) => {
    throw new FileError(`load: ${path} cannot be read: ${reason(cause)}`, { cause });
  });
  try {
    return fromBytes(bytes, model, options);
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError(`load: ${path}: ${cause.message}`, { cause });
    if (cause instanceof StateError) throw new StateError(`load: ${path}: ${cause.message}`, { cause });
    throw cause;
  }
}
