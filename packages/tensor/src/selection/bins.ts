// Counting: of integers, and of numbers in intervals.
import { placed, readTensor } from "../apply.ts";
import { sizeOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { dtypeInfo } from "../dtype.ts";
import { floorDivide } from "../elementwise/rounding.ts";
import { add, and, ceil, div, equal, floor, less, lessEqual, maximum, mod, mul, sub, where } from "../elementwise.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { filled, iota } from "../filled.ts";
import { scatterAdd } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { inDType, inFloats, inNumbers, positions } from "../operands.ts";
import {
  anything,
  boolean,
  count,
  list,
  positiveCount,
  readOptions,
  readValue,
  type OptionKind,
  type OptionKinds,
} from "../options.ts";
import { max, min, sum } from "../reduce.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";
import { wrapped } from "./wrapping.ts";
import { placesIn } from "./search.ts";

const flat = (x: Tensor): Tensor => reshape(x, [sizeOf(x.shape)]);

/** The weight of each element of x, in floats. */
function weightsFor(op: string, x: Tensor, weights: Operand | undefined): Tensor | undefined {
  if (weights === undefined) return undefined;
  const w = inFloats(readTensor(weights, op, x));
  if (sizeOf(w.shape) !== sizeOf(x.shape))
    throw new ShapeError(`${op}: weights of shape ${text(w.shape)} do not fit shape ${text(x.shape)}`);
  return w;
}

export interface BincountOptions {
  /** How many integers are counted: 0, 1, … below `length`. */
  readonly length: number;
  /** What each element counts, by default 1. */
  readonly weights?: Operand;
}

/**
 * How often each of the integers 0, 1, … below `length` occurs in x (`i32`), or the sum of their weights. Others are an
 * IndexError at each read. The length is given because sizes do not depend on values.
 *
 * @example bincount(tensor([0, 2, 2], { dtype: "i32" }), { length: 4 }) // [1, 0, 2, 0]
 */
export function bincount(x: Operand, options: BincountOptions): Tensor {
  const { length, weights } = readOptions("bincount", options, { length: count, weights: anything }, {});
  readValue("bincount", "length", length, count);
  const t = readTensor(x, "bincount", placed([x, weights]));
  const index = positions("bincount", t);
  const w = weightsFor("bincount", t, weights);
  const zeros = filled(t, 0, [length], w?.dtype ?? "i32");
  return inNameOf("bincount", () => scatterAdd(zeros, flat(index), w === undefined ? 1 : flat(w)));
}

export interface HistogramOptions {
  /** The number of intervals of equal width, or a vector of their edges in ascending order. */
  readonly bins?: number | Operand;
  /** The first and the last edge, by default the smallest and the largest element. */
  readonly range?: readonly [number, number];
  /** What each element counts, by default 1. */
  readonly weights?: Operand;
  /** Divide by the total and the widths, so that the integral is 1. */
  readonly density?: boolean;
}
const ends: OptionKind<readonly [number, number]> = {
  wanted: "[smallest, largest]",
  is: (x): x is readonly [number, number] =>
    list.is(x) && x.length === 2 && Array.from(x).every(Number.isFinite) && x[0]! <= x[1]!,
};
const histogramKinds: OptionKinds<HistogramOptions> = {
  bins: anything,
  range: ends,
  weights: anything,
  density: boolean,
};

/** Counts of intervals, and their edges. */
export interface Histogram {
  readonly counts: Tensor;
  readonly edges: Tensor;
}

/** The interval of each element, and whether it is in one. */
interface Places {
  readonly place: Tensor;
  readonly inside: Tensor;
}

function amongEdges(all: Tensor, edges: Tensor): Places {
  const n = edges.shape[0]! - 1;
  const [first, last] = [span(edges, 0, 0, 1), span(edges, 0, n, 1)];
  const behind = sub(placesIn(edges, all, "right"), 1);
  return { place: where(equal(all, last), n - 1, behind), inside: and(lessEqual(first, all), lessEqual(all, last)) };
}

function amongCuts(all: Tensor, { lower, last }: Cuts): Places {
  const place = sub(placesIn(lower, all, "right"), 1);
  return { place, inside: and(lessEqual(0, place), lessEqual(all, last)) };
}

/** Edges of `bins` intervals of equal width. */
function evenEdges(x: Tensor, bins: number, range: readonly number[] | undefined): Tensor {
  readValue("histogram", "bins", bins, positiveCount);
  const scalar = (n: number) => filled(x, n, []);
  const [low, high] =
    range === undefined && sizeOf(x.shape) > 0 ? [min(x), max(x)] : [scalar(range?.[0] ?? 0), scalar(range?.[1] ?? 1)];
  // An interval without width becomes one of width 1.
  const half = where(equal(low, high), 0.5, 0);
  const [first, last] = [sub(low, half), add(high, half)];
  const places = iota(x, [bins + 1], 0, x.dtype);
  // The distance is not negative. Where a driver adds an unrounded product, an edge is not where its number is.
  const distance = maximum(mul(div(places, bins), sub(last, first)), 0);
  return where(equal(places, bins), last, add(first, distance));
}

/** Up to so many intervals, what `evenCuts` computes fits an i32; of more, the rounded edges count. */
const MOST = 2 ** 19;
/** Multiples of a number of intervals are computed by so many at a time. */
const STEP = 2 ** 9;

/** Which elements an interval has: those from `lower`, and of the last one those up to `last`. All are i32. */
interface Cuts {
  readonly lower: Tensor;
  readonly last: Tensor | number;
}

/** Intervals of equal width between numbers of the host. */
function cutsOfRange(x: Tensor, bins: number, [low, high]: readonly [number, number]): Cuts {
  const [first, last] = low === high ? [low - 0.5, high + 0.5] : [low, high];
  const { store } = dtypeInfo.i32;
  const lower = Int32Array.from({ length: bins }, (_, k) => store(Math.ceil(first + (k * (last - first)) / bins)));
  return { lower: x.interpreter.backend.upload(lower, [bins], "i32"), last: store(Math.floor(last)) };
}

/**
 * Intervals of equal width from the smallest to the largest integer: low + ⌈k · (high − low) / bins⌉. The distance of the
 * ends may be larger than an i32, so both are divided first: it is bins · whole − rest, and what wraps around comes back.
 */
function evenCuts(x: Tensor, bins: number): Cuts {
  const [low, last] = [min(x), max(x)];
  const k = iota(x, [bins]);
  const whole = sub(floorDivide(last, bins), floorDivide(low, bins));
  const rest = sub(mod(low, bins), mod(last, bins));
  // ⌊k · rest / bins⌋, whose product may not fit: of the steps in k, and of what is left.
  const [steps, left] = [floorDivide(k, STEP), mod(k, STEP)];
  const step = mul(rest, STEP);
  const beyond = floorDivide(add(mul(steps, mod(step, bins)), mul(left, rest)), bins);
  const parts = sub(mul(k, whole), add(mul(steps, floorDivide(step, bins)), beyond));
  // An interval without width becomes one of width 1 around the integer, which is in the middle.
  const halves = inDType(less(bins, mul(k, 2)), "i32");
  return { lower: add(low, where(equal(low, last), halves, parts)), last };
}

/** Intervals between these edges. */
function cutsBetween(edges: Tensor): Cuts {
  const n = edges.shape[0]! - 1;
  const [lower, last] = [span(edges, 0, 0, n), span(edges, 0, n, 1)];
  return edges.dtype === "i32"
    ? { lower, last }
    : { lower: inDType(ceil(lower), "i32"), last: inDType(floor(last), "i32") };
}

function cutsOf(x: Tensor, bins: number | Operand, range: readonly [number, number] | undefined, edges: Tensor): Cuts {
  if (typeof bins === "number" && range !== undefined) return cutsOfRange(x, bins, range);
  return typeof bins === "number" && bins <= MOST && sizeOf(x.shape) > 0 ? evenCuts(x, bins) : cutsBetween(edges);
}

/**
 * How many elements of x are in each interval, in the dtype of x (integers: f32), and the edges of the intervals. An
 * interval contains its lower edge, the last one both; elements outside and NaN are not counted. Integers are compared
 * exactly (up to 2^19 intervals of equal width), also where the edges, which are floats, are rounded. Like PyTorch's
 * `histogram`.
 *
 * @example histogram(tensor([1, 2, 1, 4]), { bins: 3 }).counts // [2, 1, 1]
 * @example histogram(tensor([0, 3, 5]), { bins: tensor([0, 1, 5]) }).counts // [1, 2]
 */
export function histogram(x: Operand, options?: HistogramOptions): Histogram {
  const { bins, range, weights, density } = readOptions("histogram", options, histogramKinds, {
    bins: 10 as number | Operand,
    density: false,
  });
  if (typeof bins !== "number" && range !== undefined)
    throw new ArgumentError(
      "histogram: edges as bins leave no range to choose: wanted a number of bins with a range, or edges alone",
    );
  const given = inNumbers(readTensor(x, "histogram", placed([x, weights, bins])));
  const t = inFloats(given);
  const w = weightsFor("histogram", t, weights);
  return inNameOf("histogram", () => {
    const own = typeof bins === "number" ? undefined : inNumbers(readTensor(bins, "histogram", t));
    const edges = own === undefined ? evenEdges(t, bins as number, range) : inDType(own, t.dtype);
    if (edges.shape.length !== 1 || edges.shape[0]! < 2)
      throw new ShapeError(`histogram: wanted a vector of at least two edges as bins, got shape ${text(edges.shape)}`);
    const n = edges.shape[0]! - 1;
    const { place, inside } =
      given.dtype === "i32"
        ? amongCuts(flat(given), cutsOf(given, bins, range, own ?? edges))
        : amongEdges(flat(t), edges);
    const one = w === undefined ? inDType(inside, "i32") : where(inside, flat(w), 0);
    const zeros = filled(t, 0, [n], one.dtype);
    const totals = inDType(scatterAdd(zeros, wrapped(place, n), one), w?.dtype ?? t.dtype);
    const widths = sub(span(edges, 0, 1, n), span(edges, 0, 0, n));
    return { counts: density ? div(totals, mul(sum(totals), widths)) : totals, edges };
  });
}
