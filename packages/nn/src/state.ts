// Converts a model's state to safetensors bytes and back: every parameter and running moment, by its path in the tree.
import { printable, type TypedArray } from "@weft/tensor";
import { boolean, quoted, readOptions, readValue, sameShape, text } from "@weft/tensor/internals";
import { StateError } from "@weft/autograd";
import { children, namesOf } from "@weft/autograd/internals";
import { writeSafetensors, type Metadata, type Stored, type StoredTensor } from "@weft/formats";
import { fromStored, toStored, writtenMetadata } from "@weft/formats/internals";
import { refuseHidden } from "./hidden.ts";
import { draftsFor, keptPlaces, keptPrefixes } from "./kept.ts";
import { list, plain, some } from "./name-lists.ts";
import { advice, adviceOnBiases, adviceOnKinds, adviceOnLists } from "./misfit.ts";
import { assignAll, hostValues, storedType, type AnyBox } from "./parameter.ts";
import { sourceOf, type Listing } from "./source.ts";
import { boxes, modelKind } from "./tree.ts";
import { annotated, fittingValues } from "./values.ts";

/** Options of `load` and `fromBytes`. */
export interface ReadOptions {
  /** Whether missing and unexpected names are errors (default: true) or are ignored, if there is a common one. */
  readonly strict?: boolean;
}

/** Options of `save`. */
export interface SaveOptions {
  /** How many bytes of tensors a file may have (default: all are in one file). A larger tensor has a file for itself. */
  readonly maxShardBytes?: number;
}

/** The tensors and metadata of a model's file. Tied weights are stored once, their other names are in the metadata. */
export async function storedState(op: string, model: unknown, metadata: Metadata): Promise<Stored> {
  writtenMetadata(metadata); // throws if it cannot be written, before any value is read
  refuseDeep(op, model);
  const { notes, arrays } = annotated(op, model, metadata);
  const places = [...boxes(model), ...keptPlaces(model)];
  if (places.length === 0 && arrays.length === 0)
    throw new StateError(
      `${op}: this model has no parameters, or hides them in closures or #private fields. ` +
        "Make its layers fields: Object.assign((x) => …, { first, second }), or layer(…)",
    );
  refuseHidden(op, model, "would be lost", "are not written");
  const values = await Promise.all(places.map(({ box }) => hostValues(box)));
  const tensors = new Map<string, StoredTensor>();
  const add = (path: string, tensor: StoredTensor): void => {
    if (tensors.has(path)) throw new StateError(`${op}: two parameters have the path ${quoted(path)}`);
    tensors.set(path, tensor);
  };
  for (const [k, { path, box }] of places.entries()) add(path, toStored(values[k]!, box.shape, storedType(box)));
  for (const [{ path }, tensor] of arrays) add(path, tensor);
  const tied = [...places, ...arrays.map(([place]) => place)].flatMap(({ path, aliases }) =>
    aliases.map((alias) => [alias, path] as const),
  );
  return { tensors, metadata: { format: "pt", ...Object.fromEntries(tied), ...notes } };
}

/** How many levels are gone through: the stack of an engine has room for some thousands. */
const deepest = 1_000;

/** Refuses a tree with too many levels. */
function refuseDeep(op: string, x: unknown, level = 0, seen: Set<object> = new Set()): void {
  if ((typeof x !== "object" && typeof x !== "function") || x === null || seen.has(x)) return;
  seen.add(x);
  if (level > deepest)
    throw new StateError(
      `${op}: this model is nested too deep, in more than ${deepest} levels; put its parts into one list`,
    );
  for (const [, child] of children(x)) refuseDeep(op, child, level + 1, seen);
}

/**
 * The state of a model as the bytes of a safetensors file: what `save` writes. A parameter that is not initialized yet
 * is written with its initial values; tied weights are written once. `metadata` takes strings, numbers and booleans,
 * which `readSafetensors` returns. PyTorch reads the bytes with `safetensors.torch.load`.
 *
 * Numbers, strings, booleans, bigints, null and lists of them are saved, too, exactly, if they belong to plain objects,
 * lists or maps and can be assigned; typed arrays are tensors of the file. Those in layers, in fields of functions and of
 * instances of classes are not: they are settings of the program. Throws a StateError for what no file can hold there: a
 * tensor that is in no box, a Date, a Set.
 *
 * @example
 * const bytes = await toBytes(model, { epoch: 3 });
 */
export const toBytes = async (model: unknown, metadata: Metadata = {}): Promise<Uint8Array<ArrayBuffer>> =>
  writeSafetensors(await storedState("toBytes", model, metadata));

/** A box, and the names under which a file has its values: several if the file has tied weights more than once. */
export interface Fit {
  readonly box: AnyBox;
  readonly names: readonly [string, ...string[]];
  /** The format of the file. */
  readonly format: string;
}

/** Whether missing and unexpected names are errors. */
export const strictness = (op: string, options: ReadOptions | undefined): boolean =>
  readOptions(op, options, { strict: boolean }, { strict: true }).strict;

/** What will be loaded. */
export interface Fitting {
  readonly fits: Fit[];
  /** The names of the tensors that are for typed arrays. */
  readonly arrays: readonly string[];
  /** To be called before the boxes get their values: assigns plain values and typed arrays, all of them or none. */
  values(stored: (name: string) => StoredTensor): void;
  /** To be called once the boxes have their values: optimizers then use what was loaded for them. */
  take(): void;
}

/**
 * Which tensors of a file go into which boxes. Throws a StateError if names or shapes are not those of the model; its
 * message starts with `where`. `stored` returns a scalar of the file.
 */
export function fitting(
  listing: Listing,
  model: unknown,
  strict: boolean,
  where: string,
  stored: (name: string) => StoredTensor,
): Fitting {
  readValue(where, "the model", model, modelKind);
  const { format, entries, metadata } = listing;
  const places = boxes(model);
  /** The name under which the file has a tensor: of tied weights it has one, and the metadata maps the others to it. */
  const source = (name: string): string => (entries.has(name) ? name : String(metadata[name] ?? name));
  const values = fittingValues(listing, model, where, source);
  const found = places.map((place) => ({
    ...place,
    names: [...new Set(namesOf(place).map(source))].filter((name) => entries.has(name)),
  }));
  const known = new Set([...places.flatMap(namesOf), ...found.flatMap(({ names }) => names), ...values.arrays]);
  const others = new Map([...entries].filter(([name]) => !known.has(name)));
  const names = [...places.map(({ path }) => path), ...values.paths];
  if (strict) {
    const prefixes = keptPrefixes(model);
    const missing = found.flatMap(({ path, names }) => (names.length === 0 ? [path] : []));
    const unexpected = [...others.keys()].filter((name) => !prefixes.some((prefix) => name.startsWith(prefix)));
    const [lacking, beside] = [
      [...missing, ...values.missing],
      [...unexpected, ...values.unexpected],
    ];
    const parts = [...list("missing", lacking), ...list("unexpected", beside)];
    const hint =
      advice(names, [...entries.keys()]) +
      adviceOnKinds(lacking, beside, entries) +
      adviceOnLists(values.missing, values.unexpected) +
      adviceOnBiases(lacking, beside);
    if (parts.length > 0)
      throw Object.assign(
        new StateError(`${where}: the names are not those of the model: ${parts.join("; ")}${hint}`),
        { names: [...lacking, ...beside] },
      );
  }
  const wrong = found.flatMap(({ names, box: { shape } }) =>
    names.flatMap((name) => {
      const given = entries.get(name)!.shape;
      return sameShape(shape, given) ? [] : [`${plain(name)} is ${printable(text(given), 120)}, wanted ${text(shape)}`];
    }),
  );
  if (wrong.length > 0) throw new StateError(`${where}: the shapes are not those of the model: ${some(wrong, "; ")}`);
  const drafts = draftsFor(model, others, strict, where, stored);
  const fits = found.flatMap(({ box, names }): Fit[] =>
    names.length === 0 ? [] : [{ box, names: names as [string], format }],
  );
  for (const { boxes, prefix } of drafts)
    for (const [path, box] of Object.entries(boxes)) fits.push({ box, names: [prefix + path], format });
  if (fits.length + drafts.length + values.count === 0)
    throw new StateError(
      `${where}: not one name in the file is a name of the model, and nothing would be loaded: ` +
        `the file has ${some([...entries.keys()].map(plain), ", ") || "no tensors"}; ` +
        `the model has ${some(names.map(plain), ", ") || "no parameters"}${advice(names, [...entries.keys()])}`,
    );
  return { fits, arrays: values.arrays, values: values.take, take: () => drafts.forEach((draft) => draft.take()) };
}

/** The values of a box from a file. */
export function fitted(
  { box, names, format }: Fit,
  tensors: readonly StoredTensor[],
  where: string,
): [AnyBox, TypedArray] {
  const [first, ...others] = tensors.map((tensor, k) =>
    fromStored(`${format}: ${quoted(names[k]!)}`, tensor, box.dtype),
  ) as [TypedArray];
  const same = (array: TypedArray): boolean => array.every((x, i) => Object.is(x, first[i]));
  const other = others.findIndex((array) => !same(array));
  if (other >= 0)
    throw new StateError(
      `${where}: ${quoted(names[0])} and ${quoted(names[other + 1]!)} are one parameter in the model, ` +
        "the file has different values for them",
    );
  return [box, first];
}

/**
 * Reads a state into a model, by names and shapes, and returns the model. The bytes are safetensors, or a file of
 * `torch.save`: a state dict, or a checkpoint that has it as `state_dict`, `model_state_dict` or `model`. A parameter
 * that is not initialized yet holds the values on the host until it is. Numbers and other plain values of the tree are
 * assigned what the file has for them, null in place of any value and the other way round; typed arrays, for which null
 * does not stand, are filled, if type and length are the same; a file that has none at all (of PyTorch, for example) leaves them as they are.
 * Nothing changes unless everything fits and there is memory for all of it. Throws a FormatError if the bytes are of
 * neither format, a StateError that lists what is missing, unexpected or of a different shape, or says that nothing
 * would be loaded, and the backend's error if it is out of memory.
 *
 * @example
 * fromBytes(new Uint8Array(await (await fetch("model.safetensors")).arrayBuffer()), model);
 */
export function fromBytes<Model>(bytes: Uint8Array, model: Model, options?: ReadOptions): Model {
  const op = "fromBytes";
  const strict = strictness(op, options);
  const { index, stored } = sourceOf(bytes, model);
  const { fits, values, take } = fitting(index, model, strict, op, stored);
  const pairs = fits.map((fit) => fitted(fit, fit.names.map(stored), op));
  assignAll(pairs, () => values(stored));
  take();
  return model;
}
