// How the sequences of a call are laid out: time or batch first, one sequence without a batch, sequences of different
// lengths, masked steps, or packed rows. All become x `[T, B, n]` with lengths, and y goes back.
import {
  argsort,
  ArgumentError,
  broadcastTo,
  cast,
  cumsum,
  DTypeError,
  gather,
  maximum,
  permute,
  readTensor,
  reshape,
  ShapeError,
  squeeze,
  sub,
  sum,
  take,
  unsqueeze,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { anything, boolean, count, sameShape, text, type OptionKind, type OptionKinds } from "@weft/tensor/internals";
import { readLengths, within, type Lengths } from "../lengths.ts";

export interface LayoutOptions {
  /** x is `[B, T, in]` and y `[B, T, …]`; states keep their axes. */
  readonly batchFirst?: boolean;
  /**
   * How many steps each sequence of the batch has: B numbers from 0 to T, or an integer tensor `[B]`, in which numbers
   * below 0 count as 0, above T as T. What x has at later steps does not count: there y is 0, and the final states are
   * those after each sequence's last step. The backward direction begins with that step.
   */
  readonly lengths?: Lengths | null | undefined;
  /**
   * Which steps each sequence has, bool `[T, B]` (`[B, T]` with `batchFirst`). The others are passed over: there y is 0,
   * and the states stay as they were.
   */
  readonly mask?: Operand | null | undefined;
  /**
   * x is packed, `[n, in]`: the rows of all sequences that have step 0, then of those that have step 1, …; so many each.
   * The longest sequence comes first. y is packed, too.
   */
  readonly batchSizes?: readonly number[] | undefined;
}

export const sizesKind: OptionKind<readonly number[]> = {
  wanted: "a list of positive integers that do not increase",
  is: (x): x is readonly number[] =>
    Array.isArray(x) && x.length > 0 && x.every((n, i) => count.is(n) && n > 0 && (i === 0 || n <= x[i - 1])),
};

export const layoutKinds: OptionKinds<LayoutOptions> = {
  batchFirst: boolean,
  lengths: anything,
  mask: anything,
  batchSizes: sizesKind,
};

/** Sequences as the steps see them. */
export interface Sequences {
  /** `[T, B, n]`. Beyond the end of a sequence it is 0: 0 times infinity would be NaN on the way back. */
  readonly x: Tensor;
  readonly lengths: Tensor | undefined;
  /** x is one sequence without a batch. */
  readonly single: boolean;
  /** y `[T, B, m]` in the layout of the given x. */
  readonly laidOut: (y: Tensor) => Tensor;
}

/** Reads the layout of x. Throws if x or an option does not fit. */
export function sequencesOf(name: string, given: Tensor, options: LayoutOptions): Sequences {
  const { batchFirst, lengths, mask, batchSizes } = options;
  const several = Object.entries({ lengths, mask, batchSizes }).filter(([, x]) => x !== undefined && x !== null);
  if (several.length > 1)
    throw new ArgumentError(
      `${name}: wanted one of lengths, mask and batchSizes, got ${several.map(([key]) => key).join(" and ")}`,
    );
  if (batchSizes !== undefined) return packedRows(name, given, batchSizes, batchFirst === true);
  const single = given.shape.length === 2;
  const swapped = batchFirst === true && !single;
  const x = single ? unsqueeze(given, 1) : swapped && given.shape.length === 3 ? permute(given, [1, 0, 2]) : given;
  if (x.shape.length !== 3 || x.shape[0] === 0)
    throw new ShapeError(
      `${name}: wanted x of shape [${swapped ? "B, T" : "T, B"}, in] with T > 0, got ${text(given.shape)}`,
    );
  const laidOut = (y: Tensor): Tensor => (single ? squeeze(y, 1) : swapped ? permute(y, [1, 0, 2]) : y);
  if (mask !== undefined && mask !== null) {
    const wanted = single ? [x.shape[0]!] : given.shape.slice(0, 2);
    const steps = maskOf(name, mask, given, wanted);
    const packed = passedOver(x, single ? unsqueeze(steps, 1) : swapped ? permute(steps, [1, 0]) : steps);
    return { ...packed, single, laidOut: (y) => laidOut(packed.laidOut(y)) };
  }
  const [steps, batch] = x.shape as [number, number, number];
  const counts = lengths == null ? undefined : readLengths(name, "lengths", lengths, batch, steps, x);
  return { x: within(x, counts), lengths: counts, single, laidOut };
}

/** The given mask of the steps of x. */
function maskOf(name: string, given: Operand, x: Tensor, wanted: readonly number[]): Tensor {
  const mask = readTensor(given, name, x);
  if (!sameShape(mask.shape, wanted))
    throw new ShapeError(`${name}: wanted a mask of shape ${text(wanted)}, got ${text(mask.shape)}`);
  if (mask.dtype !== "bool")
    throw new DTypeError(`${name}: a mask is bool, got ${mask.dtype}; compare it with a number`);
  return mask;
}

/** The steps that the mask `[T, B]` has come first, in their order: then sequences have lengths. */
function passedOver(x: Tensor, mask: Tensor): Pick<Sequences, "x" | "lengths" | "laidOut"> {
  const ones = cast(mask, "i32");
  const lengths = cast(sum(ones, { axis: 0 }), "i32");
  /** Element `[t, b]` of the first axis for all features. */
  const picked = (from: Tensor, at: Tensor): Tensor =>
    gather(from, broadcastTo(unsqueeze(at, 2), from.shape), { axis: 0 });
  const order = argsort(ones, { axis: 0, descending: true });
  const place = maximum(sub(cast(cumsum(ones, { axis: 0 }), "i32"), 1), 0);
  return {
    x: within(picked(x, order), lengths),
    lengths,
    laidOut: (y) => where(unsqueeze(mask, 2), picked(y, place), 0),
  };
}

/** Packed rows as sequences: row t, b is row (the sum of the sizes before t) + b. */
function packedRows(name: string, x: Tensor, sizes: readonly number[], batchFirst: boolean): Sequences {
  if (batchFirst)
    throw new ArgumentError(`${name}: wanted no batchFirst with batchSizes, since packed rows have no batch axis`);
  const total = sizes.reduce((a, b) => a + b, 0);
  if (x.shape.length !== 2 || x.shape[0] !== total)
    throw new ShapeError(
      `${name}: wanted packed x of shape [${total}, in], the sum of batchSizes, got ${text(x.shape)}`,
    );
  const { rows, places, lengths } = packing(sizes);
  const [steps, batch] = [sizes.length, sizes[0]!];
  const uploaded = (data: readonly number[], shape: readonly number[]): Tensor =>
    x.backend.upload(Int32Array.from(data), shape, "i32");
  const counts = uploaded(lengths, [batch]);
  return {
    x: within(take(x, uploaded(rows, [steps, batch])), counts),
    lengths: counts,
    single: false,
    laidOut: (y) => take(reshape(y, [steps * batch, -1]), uploaded(places, [total])),
  };
}

/**
 * For sizes of the batch at each step: the packed row of each step and sequence (0 where there is none), the place t · B
 * + b of each packed row, and the length of each sequence.
 */
export function packing(sizes: readonly number[]): Readonly<Record<"rows" | "places" | "lengths", number[]>> {
  const batch = sizes[0]!;
  const [rows, places, lengths]: number[][] = [[], [], Array<number>(batch).fill(0)];
  let first = 0;
  for (const [t, size] of sizes.entries()) {
    for (let b = 0; b < batch; b++) {
      rows!.push(b < size ? first + b : 0);
      if (b >= size) continue;
      places!.push(t * batch + b);
      lengths![b]!++;
    }
    first += size;
  }
  return { rows: rows!, places: places!, lengths: lengths! };
}
