// A model's state as bytes and back: every parameter and running moment by its path in the tree, as safetensors.
import { WeftError } from "@weft/tensor";
import { assign, hostValues, storedType } from "./parameter.ts";
import { readSafetensors, writeSafetensors, type StoredTensor } from "./safetensors.ts";
import { fromStored, toStored } from "./stored-values.ts";
import { boxes } from "./tree.ts";

/** The names or shapes of a file are not those of the model. */
export class StateError extends WeftError {}

/** What reading a state may ask for. */
export interface ReadOptions {
  /** Missing and unexpected names are errors; without it they are left alone. */
  readonly strict?: boolean;
}

/**
 * The state of a model as the bytes of a safetensors file: what `save` writes. A parameter that has not come to life
 * yet is written with its first values. PyTorch reads it with `safetensors.torch.load`.
 *
 * @example
 * const bytes = await toBytes(model);
 */
export async function toBytes(
  model: unknown,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const places = boxes(model);
  if (places.length === 0) throw new StateError("toBytes: this model has no parameters");
  const values = await Promise.all(places.map(({ box }) => hostValues(box)));
  const tensors = new Map<string, StoredTensor>();
  for (const [k, { path, box }] of places.entries()) {
    if (tensors.has(path)) throw new StateError(`toBytes: two parameters have the path ${JSON.stringify(path)}`);
    tensors.set(path, toStored(values[k]!, box.shape, storedType(box)));
  }
  return writeSafetensors({ tensors, metadata: { format: "pt", ...metadata } });
}

/**
 * Reads a state into a model and returns the model: values of the same names and shapes. A parameter that has not come
 * to life yet holds them on the host until it does. Nothing is changed unless everything fits: throws a FormatError if
 * the bytes are not safetensors, and a StateError that lists what is missing, unexpected or of another shape.
 *
 * @example
 * fromBytes(new Uint8Array(await (await fetch("model.safetensors")).arrayBuffer()), model);
 */
export function fromBytes<Model>(bytes: Uint8Array, model: Model, { strict = true }: ReadOptions = {}): Model {
  const { tensors } = readSafetensors(bytes);
  const places = boxes(model);
  const names = new Set(places.map(({ path }) => path));
  if (strict) {
    const missing = [...names].filter((name) => !tensors.has(name));
    const unexpected = [...tensors.keys()].filter((name) => !names.has(name));
    const parts = [...list("missing", missing), ...list("unexpected", unexpected)];
    if (parts.length > 0) throw new StateError(`fromBytes: the names are not those of the model: ${parts.join("; ")}`);
  }
  const found = places.filter(({ path }) => tensors.has(path));
  const wrong = found.flatMap(({ path, box }) => {
    const [wanted, given] = [box.shape, tensors.get(path)!.shape];
    return wanted.length === given.length && wanted.every((d, k) => d === given[k])
      ? []
      : [`${path} is [${given}], wanted [${wanted}]`];
  });
  if (wrong.length > 0) throw new StateError(`fromBytes: the shapes are not those of the model: ${wrong.join("; ")}`);
  const values = found.map(({ path, box }) => [box, fromStored(path, tensors.get(path)!, box.dtype)] as const);
  for (const [box, array] of values) assign(box, array);
  return model;
}

const list = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${what} ${names.join(", ")}`];
