// Ragged data: sequences of different lengths, one after another in one array, which batches pad to their longest.
import { ArgumentError, DTypeError, ShapeError, type DType, type Shape, type TypedArray } from "@weft/tensor";
import { anyNumber, boolean, describe, dtypeInfo, dtypeName, readOptions, sizeOf } from "@weft/tensor/internals";
import { COLUMN, type Column, type CustomSource } from "./batch.ts";
import { hostArray, type HostArray, type Numbers } from "../host-array.ts";
import { uploaded } from "./sources.ts";

/** Sequences of different lengths. Sequence i is the steps from `offsets[i]` to `offsets[i + 1]`. */
export interface Ragged extends CustomSource<HostArray, 2> {
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
}

export interface RaggedOptions {
  /** The dtype of lists of numbers (`"i32"`, for tokens). Arrays have their own. */
  readonly dtype?: DType;
  /** What shorter sequences are filled with (0), as it is stored: a scale multiplies it, too. */
  readonly padding?: number;
  /** Whether batches are `[B, T, …]` (true) or `[T, B, …]`, as recurrent layers take them by default. */
  readonly batchFirst?: boolean;
}

const kinds = { dtype: dtypeName, padding: anyNumber, batchFirst: boolean };

export const isRagged = (x: unknown): x is Ragged =>
  typeof x === "object" && x !== null && "offsets" in x && x.offsets instanceof Int32Array && "step" in x;

/**
 * Sequences of different lengths as a source for `minibatch`. A batch of them is two parts: the sequences, padded at
 * their ends to the longest one of the batch, and their lengths (i32[B]).
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
 */
export function ragged(sequences: Iterable<Numbers>, options?: RaggedOptions): Ragged {
  const read = readOptions("ragged", options, kinds, { dtype: "i32" as const, padding: 0, batchFirst: true });
  if (typeof (sequences as Iterable<Numbers> | undefined)?.[Symbol.iterator] !== "function")
    throw new ArgumentError(`ragged: wanted a list of sequences, got ${describe(sequences)}.`);
  const all = Array.from(sequences, (sequence, i) =>
    Array.isArray(sequence)
      ? listed(sequence as readonly number[], read.dtype, i)
      : hostArray(sequence, "ragged", `sequence ${i}`),
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
  const { padding, batchFirst } = read;
  return { data, offsets, step, dtype, ...(scale !== undefined && { scale }), padding, batchFirst, [COLUMN]: column };
}

/** Its part of batches. */
function column(this: Ragged, _: string, name: string): Column {
  const items = this.offsets.length - 1;
  return {
    name,
    items,
    shown: `${items} sequences`,
    backend: undefined,
    parts: ({ start, end, indices }, backend) => {
      const parts = padded(this, indices ?? Int32Array.from({ length: end - start }, (_, i) => start + i));
      return backend === undefined ? parts : parts.map((x) => uploaded(x, backend));
    },
  };
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
const lengthAt = ({ offsets }: Ragged, i: number): number => offsets[i + 1]! - offsets[i]!;

/** The length of each sequence. */
export const lengthsOf = (x: Ragged): Int32Array =>
  Int32Array.from({ length: x.offsets.length - 1 }, (_, i) => lengthAt(x, i));

/** The sequences with these indices, padded to the longest of them, and their lengths. */
function padded(x: Ragged, indices: ArrayLike<number>): [items: HostArray, lengths: HostArray] {
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
export function pickRagged(x: Ragged, indices: ArrayLike<number>): Ragged {
  const { offsets } = x;
  const width = sizeOf(x.step);
  const own = new Int32Array(indices.length + 1);
  for (let i = 0; i < indices.length; i++) own[i + 1] = own[i]! + lengthAt(x, indices[i]!);
  const data = new dtypeInfo[x.dtype].array(own[indices.length]! * width);
  for (let i = 0; i < indices.length; i++)
    data.set(x.data.subarray(offsets[indices[i]!]! * width, offsets[indices[i]! + 1]! * width), own[i]! * width);
  return { ...x, data, offsets: own };
}
