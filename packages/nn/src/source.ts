// What may be read into a model: the tensors of a file by name, whatever its format. A file of PyTorch has a state dict,
// or a checkpoint with one among other things.
import { namesOf } from "@weft/autograd/internals";
import { fromPt, type Metadata, type PtFile, type StoredTensor, type StoredType } from "@weft/formats";
import { mayBePt, readIndex } from "@weft/formats/internals";
import { boxes } from "./tree.ts";

/** The tensors of a file, and its metadata. */
export interface Listing {
  /** The name of the format, for messages. */
  readonly format: string;
  readonly entries: ReadonlyMap<string, { readonly shape: readonly number[]; readonly dtype: StoredType }>;
  readonly metadata: Metadata;
}

/** The tensors of a file that are for a model, read when they are asked for by name. */
export interface Source<Tensor> {
  readonly index: Listing;
  stored(name: string): Tensor;
}

/** Under which keys checkpoints keep the state dict of a model. */
const wrappers = ["state_dict", "model_state_dict", "model"];

/** What a checkpoint has beside tensors: numbers, texts and booleans by name. */
const plainValues = ({ values }: PtFile): Metadata =>
  Object.fromEntries(
    [...values].filter((entry): entry is [string, string | number | boolean] =>
      ["string", "number", "boolean"].includes(typeof entry[1]),
    ),
  );

/** All of a file of PyTorch. */
export const ptSource = (file: PtFile): Source<StoredTensor> => ({
  index: { format: "pt", entries: file.tensors, metadata: plainValues(file) },
  stored: (name) => file.tensors.get(name)!,
});

/**
 * What is for a model in a file. Of PyTorch that is all of it, or the first of its parts that has a name of the model.
 */
export function partFor<Tensor>({ index, stored }: Source<Tensor>, model: unknown): Source<Tensor> {
  if (index.format !== "pt") return { index, stored };
  const names = boxes(model).flatMap(namesOf);
  const all = index.entries;
  const prefix =
    ["", ...wrappers.map((key) => `${key}.`)].find((prefix) => names.some((name) => all.has(prefix + name))) ?? "";
  const entries = new Map(
    [...all].flatMap(([name, entry]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), entry] as const] : [])),
  );
  return { index: { ...index, entries, metadata: {} }, stored: (name) => stored(prefix + name) };
}

/** What is for a model in the bytes of a file. */
export function sourceOf(bytes: Uint8Array, model: unknown): Source<StoredTensor> {
  if (ArrayBuffer.isView(bytes) && mayBePt(bytes)) return partFor(ptSource(fromPt(bytes)), model);
  const { entries, metadata } = readIndex(bytes, bytes?.length);
  const stored = (name: string): StoredTensor => {
    const entry = entries.get(name)!;
    return { ...entry, bytes: bytes.subarray(entry.begin, entry.end) };
  };
  return { index: { format: "safetensors", entries, metadata }, stored };
}
