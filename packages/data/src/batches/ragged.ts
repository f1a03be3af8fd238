// Ragged data: sequences of different lengths, one after another in one array, which batches pad to their longest.
import { ArgumentError, DTypeError, ShapeError, type DType, type Shape, type TypedArray } from "@weft/tensor";
import { anyNumber, boolean, describe, dtypeInfo, dtypeName, readOptions, sizeOf } from "@weft/tensor/internals";
import { COLUMN, type Column, type CustomSource } from "./batch.ts";
import { readArray, type HostArray, type Numbers } from "../host-array.ts";
import { uploaded } from "./sources.ts";

/**
 * Sequences of different lengths. Sequence i is the steps from `offsets[i]` to `offsets[i + 1]`. A batch of them is N
 * parts: with their lengths, or without.
 */
export interface Ragged<N extends 1 | 2 = 2> extends CustomSource<HostArray, N> {
  /** All steps, one sequence after another. */
  readonly data: TypedArray;
  /** Where each sequence begins, and where the last one ends: one more than there are sequences. */
  readonly offsets: Int32Array;
  /** The shape of one step: `[]` for numbers such as tokens. */
  readonly step: Shape;
  readonly dtype: DType;
  /** The value of a stored 1, as in host arrays. */
  readonly scale?: number;
  /** What shorter sequences are filled with. */
  readonly padding: number;
  /** Whether batches are `[B, T, …]` rather than `[T, B, …]`. */
  readonly batchFirst: boolean;
  /** Whether batches have the lengths of the sequences, too. */
  readonly lengths: boolean;
}

export interface RaggedOptions {
  /** The dtype of lists of numbers (`"i32"`, for tokens). Arrays have their own. */
  readonly dtype?: DType;
  /** What shorter sequences are filled with (0), as it is stored: a scale multiplies it, too. */
  readonly padding?: number;
  /** Whether batches are `[B, T, …]` (true) or `[T, B, …]`, as recurrent layers take them by default. */
  readonly batchFirst?: boolean;
  /** Whether batches have the lengths of the sequences, too (true); tags of words need none beside those of the words. */
  readonly lengths?: boolean;
}

const kinds = { dtype: dtypeName, padding: anyNumber, batchFirst: boolean, lengths: boolean };

export type AnyRagged = Ragged<1 | 2>;

const LENGTHS: unique symbol = Symbol.for("weft.data.lengths");

/** The lengths that batches have, so that they are not mistaken for targets: those of all copies of this package. */
const handedOut = (): WeakSet<object> => ((globalThis as { [LENGTHS]?: WeakSet<object> })[LENGTHS] ??= new WeakSet());

/** Whether x is the lengths of the sequences in a batch. */
export const areLengths = (x: unknown): boolean => typeof x === "object" && x !== null && handedOut().has(x);

export const isRagged = (x: unknown): x is AnyRagged =>
  typeof x === "object" && x !== null && "offsets" in x && x.offsets instanceof Int32Array && "step" in x;

/**
 * Sequences of different lengths as a source for `minibatch`. A batch of them is two parts: the sequences, padded at
 * their ends to the longest one of the batch, and their lengths (i32[B]). With `{ lengths: false }` it is one, without
 * the lengths.
 *
 * A sequence is a list of numbers, a typed array, or a host array `[T, …]`; all have the same dtype, the same scale and
 * the same shape of a step, and any of them may be empty.
 *
 * Errors: DTypeError for different dtypes and for numbers that `dtype` cannot hold, ShapeError for different shapes,
 * ArgumentError for different scales.
 *
 * @example
 * const words = ragged([[4, 7, 1], [5], [2, 2]]);
 * const [[x, lengths, y]] = minibatch([words, [0, 1, 0]], 3);
 * [...x.data]; // [4, 7, 1, 5, 0, 0, 2, 2, 0]
 * [...lengths.data]; // [3, 1, 2]
 *
 * @example
 * const tags = ragged([[1, 0, 2], [2], [0, 1]], { lengths: false, padding: -1 });
 * const [[x, lengths, y]] = minibatch([ragged([[4, 7, 1], [5], [2, 2]]), tags], 3);
 * [...y.data]; // [1, 0, 2, 2, -1, -1, 0, 1, -1]
 */
export function ragged(sequences: Iterable<Numbers>, options: RaggedOptions & { readonly lengths: false }): Ragged<1>;
export function ragged(
  sequences: Iterable<Numbers>,
  options?: RaggedOptions & { readonly lengths?: true | undefined },
): Ragged<2>;
export function ragged(sequences: Iterable<Numbers>, options?: RaggedOptions): AnyRagged {
  const defaults = { dtype: "i32" as const, padding: 0, batchFirst: true, lengths: true };
  const read = readOptions("ragged", options, kinds, defaults);
  if (typeof (sequences as Iterable<Numbers> | undefined)?.[Symbol.iterator] !== "function")
    throw new ArgumentError(`ragged: wanted a list of sequences, got ${describe(sequences)}.`);
  const all = Array.from(sequences, (sequence, i) =>
    Array.isArray(sequence)
      ? listed(sequence as readonly number[], read.dtype, i)
      : readArray(sequence, "ragged", `sequence ${i}`),
  );
  const { dtype, shape, scale }: Omit<HostArray, "data"> = all[0] ?? { dtype: read.dtype, shape: [0] };
  const step = shape.slice(1);
  const offsets = new Int32Array(all.length + 1);
  all.forEach((sequence, i) => {
    if (sequence.dtype !== dtype)
      throw new DTypeError(`ragged: sequence ${i} is ${sequence.dtype}, sequence 0 is ${dtype}. All need one dtype.`);
    if (sequence.shape.length === 0 || String(sequence.shape.slice(1)) !== String(step))
      throw new ShapeError(
        `ragged: sequence ${i} has shape [${sequence.shape}], sequence 0 [${shape}]. ` +
          "All need the same shape after the first axis.",
      );
    if ((sequence.scale ?? 1) !== (scale ?? 1))
      throw new ArgumentError(
        `ragged: sequence ${i} has the scale ${sequence.scale ?? 1}, sequence 0 ${scale ?? 1}. All need one scale.`,
      );
    offsets[i + 1] = offsets[i]! + sequence.shape[0]!;
  });
  const width = sizeOf(step);
  const data = new dtypeInfo[dtype].array(offsets[all.length]! * width);
  all.forEach((sequence, i) => data.set(sequence.data, offsets[i]! * width));
  const { padding, batchFirst, lengths } = read;
  if (!holds(dtype, padding))
    throw new DTypeError(`ragged: { padding: ${padding} } is no ${dtype}, which the sequences are.`);
  const scaled = scale !== undefined && { scale };
  return { data, offsets, step, dtype, ...scaled, padding, batchFirst, lengths, [COLUMN]: column };
}

/** Its part of batches. */
function column(this: AnyRagged, _: string, name: string): Column {
  const items = this.offsets.length - 1;
  return {
    name,
    items,
    shown: `${items} sequences`,
    backend: undefined,
    parts: ({ start, end, indices }, backend) => {
      const parts = padded(this, indices ?? Int32Array.from({ length: end - start }, (_, i) => start + i));
      const made = (this.lengths ? parts : parts.slice(0, 1)).map((x) => (backend ? uploaded(x, backend) : x));
      if (made[1] !== undefined) handedOut().add(made[1]);
      return made;
    },
  };
}

/** Whether a number is one of a dtype; floats round it. */
function holds(dtype: DType, x: number): boolean {
  const { array, store, kind } = dtypeInfo[dtype];
  return kind === "float" || array.of(store === undefined ? x : store(x))[0] === x;
}

/** A list of numbers in a dtype that holds them exactly, but for the rounding of floats. */
function listed(list: readonly number[], dtype: DType, i: number): HostArray {
  const { array, store, kind } = dtypeInfo[dtype];
  const data = new array(list.length);
  list.forEach((x, t) => {
    if (typeof x !== "number") throw new ArgumentError(`ragged: sequence ${i} has ${describe(x)} at step ${t}.`);
    data[t] = store === undefined ? x : store(x);
    if (kind !== "float" && data[t] !== x)
      throw new DTypeError(`ragged: sequence ${i} has ${x} at step ${t}, which is no ${dtype}. Pass { dtype: "f32" }.`);
  });
  return { data, shape: [list.length], dtype };
}

/** The length of sequence i. */
const lengthAt = ({ offsets }: AnyRagged, i: number): number => offsets[i + 1]! - offsets[i]!;

/** The length of each sequence. */
export const lengthsOf = (x: AnyRagged): Int32Array =>
  Int32Array.from({ length: x.offsets.length - 1 }, (_, i) => lengthAt(x, i));

/** The sequences with these indices, padded to the longest of them, and their lengths. */
function padded(x: AnyRagged, indices: ArrayLike<number>): [items: HostArray, lengths: HostArray] {
  const { offsets, step, dtype, scale, batchFirst } = x;
  const n = indices.length;
  const lengths = Int32Array.from(indices, (i) => lengthAt(x, i));
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const width = sizeOf(step);
  const { array, store } = dtypeInfo[dtype];
  const data = new array(n * longest * width).fill(store === undefined ? x.padding : store(x.padding));
  for (let b = 0; b < n; b++) {
    const from = offsets[indices[b]!]! * width;
    if (batchFirst) data.set(x.data.subarray(from, from + lengths[b]! * width), b * longest * width);
    else
      for (let t = 0; t < lengths[b]!; t++)
        data.set(x.data.subarray(from + t * width, from + (t + 1) * width), (t * n + b) * width);
  }
  const shape = batchFirst ? [n, longest, ...step] : [longest, n, ...step];
  return [
    { data, shape, dtype, ...(scale !== undefined && { scale }) },
    { data: lengths, shape: [n], dtype: "i32" },
  ];
}

/** The sequences with these indices, copied. */
export function pickRagged(x: AnyRagged, indices: ArrayLike<number>): AnyRagged {
  const { offsets } = x;
  const width = sizeOf(x.step);
  const own = new Int32Array(indices.length + 1);
  for (let i = 0; i < indices.length; i++) own[i + 1] = own[i]! + lengthAt(x, indices[i]!);
  const data = new dtypeInfo[x.dtype].array(own[indices.length]! * width);
  for (let i = 0; i < indices.length; i++)
    data.set(x.data.subarray(offsets[indices[i]!]! * width, offsets[indices[i]! + 1]! * width), own[i]! * width);
  return { ...x, data, offsets: own };
}
