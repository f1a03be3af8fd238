// Packed sequences: the steps of all sequences of a batch without gaps, as PyTorch packs them. Lengths are numbers on the
// host, since they decide about shapes.
import {
  ArgumentError,
  pad,
  permute,
  readTensor,
  readTensors,
  reshape,
  ShapeError,
  slice,
  squeeze,
  stack,
  take,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anyNumber,
  boolean,
  describe,
  inNameOf,
  list,
  positiveCount,
  readOptions,
  readValue,
  sameShape,
  text,
  type OptionKind,
} from "@weft/tensor/internals";
import { packing, sizesKind } from "./layout.ts";

/** The rows of all sequences that have step 0, then of those that have step 1, …; the longest sequence comes first. */
export interface PackedSequence {
  /** `[n, …]`, n the sum of `batchSizes`. */
  readonly data: Tensor;
  /** How many sequences have each step. */
  readonly batchSizes: readonly number[];
  /** Which sequence of the batch is packed first, second, …; left out if they were sorted already. */
  readonly sortedIndices?: readonly number[] | undefined;
}

export const isPacked = (x: unknown): x is PackedSequence =>
  typeof x === "object" && x !== null && "batchSizes" in x && "data" in x;

export interface PadOptions {
  /** `[B, T, …]` instead of `[T, B, …]`. */
  readonly batchFirst?: boolean;
  /** What steps beyond the end of a sequence are; 0 by default. */
  readonly paddingValue?: number;
}
export interface PackOptions {
  /** `[B, T, …]` instead of `[T, B, …]`. */
  readonly batchFirst?: boolean;
  /** Whether the longest sequence must come first (true); if not, the sequences are sorted. */
  readonly enforceSorted?: boolean;
}

const lengthsKind: OptionKind<readonly number[]> = {
  wanted: "a list of positive integers",
  is: (x): x is readonly number[] => Array.isArray(x) && x.length > 0 && x.every(positiveCount.is),
};

/** Lengths as numbers, from a list of them. */
function numbersOf(name: string, given: unknown): readonly number[] {
  if (typeof given === "object" && given !== null && "shape" in given)
    throw new ArgumentError(
      `${name}: wanted numbers as lengths, since they decide about shapes, got ${describe(given)}; ` +
        "use await lengths.array()",
    );
  return readValue(name, "lengths", list.is(given) ? Array.from(given) : given, lengthsKind);
}

/** Whole numbers on the backend of x. */
const indices = (x: Tensor, values: readonly number[], shape: readonly number[]): Tensor =>
  x.backend.upload(Int32Array.from(values), shape, "i32");

const swapped = (x: Tensor): Tensor => permute(x, [1, 0, ...x.shape.map((_, i) => i).slice(2)]);

/** Padded sequences as `[T, B, …]`, and their lengths, which must fit. */
function readPadded(name: string, input: Operand, lengths: unknown, batchFirst: boolean) {
  const given = readTensor(input, name);
  const counts = numbersOf(name, lengths);
  if (given.shape.length < 2) throw new ShapeError(`${name}: wanted x of shape [T, B, …], got ${text(given.shape)}`);
  const x = batchFirst ? swapped(given) : given;
  const [steps, batch] = x.shape as [number, number];
  if (counts.length !== batch || counts.some((n) => n > steps))
    throw new ShapeError(
      `${name}: wanted ${batch} lengths up to ${steps} for x ${text(given.shape)}, got ${text(counts)}`,
    );
  return { x, counts };
}

/** The places of the packed sequences, by their number in the batch: the inverse of `sortedIndices`. */
export function placesIn({ batchSizes, sortedIndices }: PackedSequence): number[] {
  const places = Array.from({ length: batchSizes[0]! }, (_, i) => i);
  for (const [place, b] of (sortedIndices ?? []).entries()) places[b] = place;
  return places;
}

/** The sizes of the batch at each step, for lengths that do not increase. */
const sizesFor = (lengths: readonly number[]): number[] =>
  Array.from({ length: lengths[0]! }, (_, t) => lengths.filter((n) => n > t).length);

/**
 * Packs x `[T, B, …]`, where sequence b has `lengths[b]` steps. Throws an ArgumentError if the lengths increase, unless
 * `enforceSorted` is false: then the sequences are sorted, and `sortedIndices` says how. Like PyTorch's
 * `pack_padded_sequence`.
 *
 * @example
 * packPaddedSequence(tensor([[1, 2], [3, 0]]), [2, 1]).data; // [1, 2, 3]
 */
export function packPaddedSequence(input: Operand, lengths: readonly number[], options?: PackOptions): PackedSequence {
  const name = "packPaddedSequence";
  const kinds = { batchFirst: boolean, enforceSorted: boolean };
  const { batchFirst, enforceSorted } = readOptions(name, options, kinds, { batchFirst: false, enforceSorted: true });
  const { x, counts } = readPadded(name, input, lengths, batchFirst);
  const [steps, batch, ...rest] = x.shape as [number, number, ...number[]];
  const isSorted = counts.every((n, b) => b === 0 || n <= counts[b - 1]!);
  if (enforceSorted && !isSorted)
    throw new ArgumentError(
      `${name}: wanted lengths that do not increase, got ${text(counts)}; or { enforceSorted: false }`,
    );
  const order = counts.map((_, b) => b).sort((a, b) => counts[b]! - counts[a]!);
  const batchSizes = sizesFor(order.map((b) => counts[b]!));
  const rows = batchSizes.flatMap((size, t) => order.slice(0, size).map((b) => t * batch + b));
  const data = take(reshape(x, [steps * batch, ...rest]), indices(x, rows, [rows.length]));
  return isSorted ? { data, batchSizes } : { data, batchSizes, sortedIndices: order };
}

/**
 * The sequences of a packed one in their first order, `[T, B, …]`, and their lengths. Steps beyond the end of a sequence
 * are `paddingValue`; with `totalLength` there are so many. Like PyTorch's `pad_packed_sequence`.
 *
 * @example
 * const packed = packSequence([tensor([1, 3]), tensor([2])]);
 * padPackedSequence(packed, { batchFirst: true }).x; // [[1, 3], [2, 0]]
 */
export function padPackedSequence(
  packed: PackedSequence,
  options?: PadOptions & { readonly totalLength?: number },
): { readonly x: Tensor; readonly lengths: number[] } {
  const name = "padPackedSequence";
  const kinds = { batchFirst: boolean, paddingValue: anyNumber, totalLength: positiveCount };
  const { batchFirst, paddingValue, totalLength } = readOptions(name, options, kinds, {
    batchFirst: false,
    paddingValue: 0,
  });
  const { data, batchSizes } = checked(name, packed);
  const steps = totalLength ?? batchSizes.length;
  if (steps < batchSizes.length)
    throw new ArgumentError(`${name}: wanted a totalLength of at least ${batchSizes.length}, got ${steps}`);
  const [total, ...rest] = data.shape as [number, ...number[]];
  const { rows, lengths } = packing(batchSizes);
  const places = placesIn(packed);
  const batch = places.length;
  // Row `total` is one of padding.
  const chosen = Array.from({ length: steps }, (_, t) =>
    places.map((place) => (t < lengths[place]! ? rows[t * batch + place]! : total)),
  ).flat();
  const padded = pad(data, { pads: data.shape.map((_, i) => [0, i === 0 ? 1 : 0] as const), value: paddingValue });
  const x = reshape(take(padded, indices(data, chosen, [chosen.length])), [steps, batch, ...rest]);
  return { x: batchFirst ? swapped(x) : x, lengths: places.map((place) => lengths[place]!) };
}

/** The packed sequence, with its parts checked. */
function checked(name: string, packed: PackedSequence): PackedSequence {
  if (!isPacked(packed)) throw new ArgumentError(`${name}: wanted a packed sequence { data, batchSizes }`);
  const data = readTensor(packed.data, name);
  readValue(name, "batchSizes", packed.batchSizes, sizesKind);
  const total = packed.batchSizes.reduce((a, b) => a + b, 0);
  if (data.shape[0] !== total)
    throw new ShapeError(`${name}: wanted ${total} rows, the sum of batchSizes, got data ${text(data.shape)}`);
  const { sortedIndices, batchSizes } = packed;
  if (sortedIndices !== undefined) {
    readValue(name, "sortedIndices", sortedIndices, list);
    const batch = batchSizes[0]!;
    if (sortedIndices.toSorted((a, b) => a - b).some((b, i) => b !== i) || sortedIndices.length !== batch)
      throw new ArgumentError(`${name}: wanted each of 0 to ${batch - 1} as sortedIndices, got ${text(sortedIndices)}`);
  }
  return packed;
}

/** Sequences `[Tᵢ, …]` with equal features, as tensors. */
function listOf(name: string, sequences: readonly Operand[]): [Tensor, ...Tensor[]] {
  readValue(name, "the sequences", sequences, list);
  if (sequences.length === 0) throw new ArgumentError(`${name}: wanted at least one sequence, got none`);
  const all = readTensors(name, [...sequences]) as [Tensor, ...Tensor[]];
  const wanted = all[0].shape.slice(1);
  for (const { shape } of all)
    if (shape.length === 0 || !sameShape(shape.slice(1), wanted))
      throw new ShapeError(`${name}: wanted sequences [T${wanted.map((n) => `, ${n}`).join("")}], got ${text(shape)}`);
  return all;
}

/**
 * Sequences `[Tᵢ, …]` of different lengths as one tensor `[T, B, …]`; what is missing at their ends is `paddingValue`.
 * Like PyTorch's `pad_sequence`.
 *
 * @example
 * padSequence([tensor([1, 3]), tensor([2])], { batchFirst: true }); // [[1, 3], [2, 0]]
 */
export function padSequence(sequences: readonly Operand[], options?: PadOptions): Tensor {
  const name = "padSequence";
  const kinds = { batchFirst: boolean, paddingValue: anyNumber };
  const { batchFirst, paddingValue } = readOptions(name, options, kinds, { batchFirst: false, paddingValue: 0 });
  const all = listOf(name, sequences);
  const steps = Math.max(...all.map(({ shape }) => shape[0]!));
  const padded = all.map((x) =>
    pad(x, { pads: x.shape.map((n, i) => [0, i === 0 ? steps - n : 0] as const), value: paddingValue }),
  );
  return inNameOf(name, () => stack(padded, { axis: batchFirst ? 0 : 1 }));
}

/** The first `lengths[b]` steps of each sequence b of x `[T, B, …]`. Like PyTorch's `unpad_sequence`.
 *
 * @example
 * unpadSequence(tensor([[1, 2], [3, 0]]), [2, 1]); // [[1, 3], [2]]
 */
export function unpadSequence(
  input: Operand,
  lengths: readonly number[],
  options?: { readonly batchFirst?: boolean },
): Tensor[] {
  const name = "unpadSequence";
  const { batchFirst } = readOptions(name, options, { batchFirst: boolean }, { batchFirst: false });
  const { x, counts } = readPadded(name, input, lengths, batchFirst);
  const [, , ...rest] = x.shape;
  const zeros = rest.map(() => 0);
  return counts.map((n, b) => squeeze(slice(x, { starts: [0, b, ...zeros], ends: [n, b + 1, ...rest] }), 1));
}

/**
 * Packs sequences `[Tᵢ, …]` (see `packPaddedSequence`). Like PyTorch's `pack_sequence`.
 *
 * @example
 * packSequence([tensor([1, 3]), tensor([2])]).batchSizes; // [2, 1]
 */
export function packSequence(
  sequences: readonly Operand[],
  options?: Pick<PackOptions, "enforceSorted">,
): PackedSequence {
  const { enforceSorted } = readOptions("packSequence", options, { enforceSorted: boolean }, { enforceSorted: true });
  const all = listOf("packSequence", sequences);
  const lengths = all.map(({ shape }) => shape[0]!);
  return inNameOf("packSequence", () => packPaddedSequence(padSequence(all), lengths, { enforceSorted }));
}

/** The sequences of a packed one, in their first order. Like PyTorch's `unpack_sequence`.
 *
 * @example
 * unpackSequence(packSequence([tensor([1, 3]), tensor([2])])); // [[1, 3], [2]]
 */
export function unpackSequence(packed: PackedSequence): Tensor[] {
  return inNameOf("unpackSequence", () => {
    const { x, lengths } = padPackedSequence(packed);
    return unpadSequence(x, lengths);
  });
}
