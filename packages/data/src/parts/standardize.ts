// Standardization: numbers moved and scaled so that what a model is trained on has mean 0 and standard deviation 1.
import { ArgumentError, ShapeError, type DType, type TypedArray } from "@weft/tensor";
import { count, describe, dtypeInfo, isFloat, numbers, readOptions, sizeOf } from "@weft/tensor/internals";
import { converted, readArray, isHostArray, isNumbers, show, type HostArray } from "../host-array.ts";
import { isRagged } from "../batches/ragged.ts";
import type { Category } from "../tables/column.ts";
import { isSourceList, isTypedArray } from "./selection.ts";

type Floats = Float32Array | Float64Array;

/** Data with floating-point numbers in place of bytes that have a scale. */
export type Standardized<T> = T extends HostArray<Floats> | Category | TypedArray | readonly number[]
  ? T
  : T extends HostArray
    ? HostArray
    : { readonly [K in keyof T]: Standardized<T[K]> };

/** A number for each column of each array; undefined for arrays that are left as they are. */
export type Statistics<T> = T extends HostArray | TypedArray | readonly number[]
  ? HostArray
  : { readonly [K in keyof T]: Statistics<T[K]> | undefined };

/** What `standardize` learned. */
export interface Scaling<T> {
  /** The mean of each column, with the axes over which it was taken of length 1. */
  readonly mean: Statistics<T>;
  /** The standard deviation of each column; 1 where it never changes. */
  readonly std: Statistics<T>;
  /** (x - mean) / std, for these data or others of the same form. */
  apply<U>(data: U): Standardized<U>;
  /** x · std + mean: predictions in the units of the data. */
  inverse<U>(data: U): Standardized<U>;
}

export interface StandardizeOptions {
  /** The axes over which means are taken: 0 (default), or for pictures `[0, 2, 3]`, which gives one per channel. */
  readonly axis?: number | readonly number[];
  /** Variances divide by n - correction (1), where n is how many numbers a column has: more than the correction. */
  readonly correction?: number;
}

const kinds = { axis: numbers, correction: count };

/** What is done to one array. */
interface Scaler {
  readonly mean: HostArray;
  readonly std: HostArray;
  readonly map: (op: string, name: string, x: unknown, inverse: boolean) => unknown;
}
type Scalers = Scaler | undefined | { readonly [key: string]: Scalers };

/**
 * Learns the mean and the standard deviation of each column of the data to train on, and returns what applies them to
 * these and to other data: (x - mean) / std.
 *
 * Data is a host array, a typed array or a list of numbers, or a list of arrays or an object of these. Floating-point
 * arrays and bytes with a `scale` are standardized, each by itself, and keep their dtype (bytes become `f32`); all
 * others, such as labels, are left as they are. A column that never changes becomes 0. NaN counts as missing: means
 * leave it out, and it stays NaN.
 *
 * Errors: ArgumentError for infinite numbers, for no items and where there is nothing to standardize, ShapeError for
 * other data with other columns.
 *
 * Source: scikit-learn's `StandardScaler`, with the `correction` of PyTorch's `std`.
 *
 * @example
 * const train = { data: Float32Array.of(1, 10, 3, 10), shape: [2, 2], dtype: "f32" };
 * const scaling = standardize(train, { correction: 0 });
 * [...scaling.mean.data]; // [2, 10]
 * [...scaling.apply(train).data]; // [-1, 0, 1, 0]
 * [...scaling.inverse(Float32Array.of(0, 0, 2, 1))]; // [2, 10, 4, 11]
 */
export function standardize<T>(train: T, options?: StandardizeOptions): Scaling<T> {
  const { axis, correction } = readOptions("standardize", options, kinds, { axis: 0, correction: 1 });
  const axes = typeof axis === "number" ? [axis] : Array.from(axis);
  const scalers = learn("", train, axes, correction);
  if (nothing(scalers))
    throw new ArgumentError(
      "standardize: there is nothing to standardize: wanted floating-point numbers, or bytes with a scale.",
    );
  return {
    mean: statistics(scalers, "mean") as Statistics<T>,
    std: statistics(scalers, "std") as Statistics<T>,
    apply: <U>(data: U) => mapped("apply", "", data, scalers, false) as Standardized<U>,
    inverse: <U>(data: U) => mapped("inverse", "", data, scalers, true) as Standardized<U>,
  };
}

const isNumeric = (x: unknown): x is HostArray | TypedArray | readonly number[] =>
  isHostArray(x) || isNumbers(x) || isTypedArray(x);

const isScaler = (x: Scalers): x is Scaler => x !== undefined && "map" in x && typeof x["map"] === "function";

const nothing = (x: Scalers): boolean => x === undefined || (!isScaler(x) && Object.values(x).every(nothing));

const statistics = (x: Scalers, which: "mean" | "std"): unknown =>
  x === undefined
    ? undefined
    : isScaler(x)
      ? x[which]
      : Object.fromEntries(Object.entries(x).map(([key, part]) => [key, statistics(part, which)]));

const child = (name: string, key: string): string => (name === "" ? key : `${name}.${key}`);
const called = (name: string): string => (name === "" ? "the data" : name);

function learn(name: string, data: unknown, axes: readonly number[], correction: number): Scalers {
  if (isNumeric(data)) {
    const x = readArray(data, "standardize", called(name));
    return isFloat(x.dtype) || x.scale !== undefined ? scalerOf(name, x, axes, correction) : undefined;
  }
  if (isRagged(data) || (Array.isArray(data) && !isSourceList(data))) return undefined;
  if (typeof data !== "object" || data === null || "interpreter" in data)
    throw new ArgumentError(
      `standardize: ${called(name)} is ${describe(data)}. Wanted an array on the host, or an object of them.`,
    );
  return Object.fromEntries(
    Object.entries(data).map(([key, part]) => [key, learn(child(name, key), part, axes, correction)]),
  );
}

function mapped(op: string, name: string, data: unknown, scalers: Scalers, inverse: boolean): unknown {
  if (scalers === undefined) return data;
  if (isScaler(scalers)) return scalers.map(op, called(name), data, inverse);
  if (typeof data !== "object" || data === null || isNumeric(data))
    throw new ArgumentError(
      `${op}: ${called(name)} is ${describe(data)}, wanted { ${Object.keys(scalers).join(", ")} }.`,
    );
  const parts = Object.entries(data).map(([key, part]) => {
    if (!Object.hasOwn(scalers, key))
      throw new ArgumentError(
        `${op}: there was no ${child(name, key)} to learn from, only ${Object.keys(scalers).join(", ")}.`,
      );
    return [key, mapped(op, child(name, key), part, scalers[key], inverse)] as const;
  });
  return Array.isArray(data) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
}

/** Values as numbers, whatever they are stored in. */
const valuesOf = (x: HostArray): TypedArray =>
  dtypeInfo[x.dtype].load === undefined && x.scale === undefined ? x.data : converted(x, "f32").data;

function scalerOf(name: string, x: HostArray, axes: readonly number[], correction: number): Scaler {
  const { shape } = x;
  const wrong = axes.find((axis) => !(Number.isInteger(axis) && axis >= -shape.length && axis < shape.length));
  if (wrong !== undefined || shape.length === 0)
    throw new ArgumentError(`standardize: there is no axis ${wrong ?? 0} in ${called(name)}, ${show(x)}.`);
  const over = shape.map((_, axis) => axes.includes(axis) || axes.includes(axis - shape.length));
  if (over[0] !== true)
    throw new ArgumentError(`standardize: wanted axis 0, the items, among the axes, got [${axes.join(", ")}].`);
  if (shape[0] === 0) throw new ArgumentError(`standardize: ${called(name)} has no items to learn from.`);
  const kept = shape.map((n, axis) => (over[axis] === true ? 1 : n));
  const item = shape.slice(1);
  const columns = columnsOf(item, over.slice(1));
  const { mean, std } = moments(called(name), valuesOf(x), columns, sizeOf(kept), correction);
  const compute: DType = x.dtype === "f64" && x.scale === undefined ? "f64" : "f32";
  const own = (values: Float64Array): HostArray => ({
    data: new dtypeInfo[compute].array(values),
    shape: kept,
    dtype: compute,
  });
  const [shift, divisor] = [own(mean), own(std)];
  const map: Scaler["map"] = (op, at, given, inverse) => {
    if (!isNumeric(given)) throw new ArgumentError(`${op}: ${at} is ${describe(given)}, wanted an array on the host.`);
    const y = readArray(given, op, at);
    const fits = isHostArray(given) ? String(y.shape.slice(1)) === String(item) : y.data.length % columns.length === 0;
    if (!fits) throw new ShapeError(`${op}: ${at} is ${show(y)}, wanted items of shape [${item}].`);
    const values = valuesOf(y);
    const dtype = isFloat(y.dtype) && y.scale === undefined ? y.dtype : "f32";
    const { array, store } = dtypeInfo[dtype];
    const data = new array(values.length);
    for (let start = 0; start < values.length; start += columns.length)
      for (let c = 0; c < columns.length; c++) {
        const m = shift.data[columns[c]!]!;
        const s = divisor.data[columns[c]!]!;
        const v = inverse ? values[start + c]! * s + m : (values[start + c]! - m) / s;
        data[start + c] = store === undefined ? v : store(v);
      }
    if (isHostArray(given)) {
      const { scale: _, ...rest } = given;
      return { ...rest, data, shape: y.shape, dtype };
    }
    return Array.isArray(given) ? Array.from(data) : data;
  };
  return { mean: shift, std: divisor, map };
}

/** The column that each number of an item belongs to. */
function columnsOf(item: readonly number[], over: readonly boolean[]): Int32Array {
  const columns = new Int32Array(sizeOf(item));
  let inner = columns.length;
  let width = item.reduce((n, d, axis) => (over[axis] === true ? n : n * d), 1);
  item.forEach((d, axis) => {
    inner /= d;
    if (over[axis] === true) return;
    width /= d;
    for (let i = 0; i < columns.length; i++) columns[i]! += (Math.floor(i / inner) % d) * width;
  });
  return columns;
}

/** Mean and standard deviation of each column, of what is not NaN. */
function moments(name: string, values: TypedArray, columns: Int32Array, many: number, correction: number) {
  const [counts, mean, std] = [new Float64Array(many), new Float64Array(many), new Float64Array(many)];
  const least = new Float64Array(many).fill(Infinity);
  const most = new Float64Array(many).fill(-Infinity);
  const width = columns.length;
  for (let start = 0; start < values.length; start += width)
    for (let i = 0; i < width; i++) {
      const v = values[start + i]!;
      const c = columns[i]!;
      if (v !== v) continue;
      counts[c]!++;
      mean[c]! += v;
      if (v < least[c]!) least[c] = v;
      if (v > most[c]!) most[c] = v;
    }
  for (let c = 0; c < many; c++) {
    // A column that never changes is exact: its mean is not rounded.
    mean[c] = counts[c] === 0 ? 0 : least[c] === most[c] ? least[c]! : mean[c]! / counts[c]!;
    if (!Number.isFinite(mean[c])) throw new ArgumentError(`standardize: column ${c} of ${name} is infinite.`);
  }
  for (let start = 0; start < values.length; start += width)
    for (let i = 0; i < width; i++) {
      const v = values[start + i]!;
      const c = columns[i]!;
      if (v === v) std[c]! += (v - mean[c]!) * (v - mean[c]!);
    }
  for (let c = 0; c < many; c++) {
    const varies = least[c]! < most[c]!;
    if (varies && counts[c]! <= correction)
      throw new ArgumentError(
        `standardize: { correction: ${correction} } needs more numbers than that in a column; column ${c} of ${name} has ${counts[c]}.`,
      );
    std[c] = varies ? Math.sqrt(std[c]! / (counts[c]! - correction)) || 1 : 1;
  }
  return { mean, std };
}
