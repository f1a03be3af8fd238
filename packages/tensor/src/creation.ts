// The functions that make tensors on a backend: from host data, filled, counted or random. What a backend's `open()`
// returns has these functions.
import { readTensor, source, sourceOwn } from "./apply.ts";
import { inNameOf } from "./context.ts";
import { checkThere, listOf, MOST_AXES, shapeOf, sizeOf, text } from "./axes.ts";
import { dtypeInfo, isFloat, type DType, type TypedArray } from "./dtype.ts";
import { add, equal, mul } from "./elementwise.ts";
import { ArgumentError, describe, DTypeError, MemoryError, ShapeError } from "./errors.ts";
import type { Backend, Operand } from "./interpreter.ts";
import { inDType } from "./operands.ts";
import type { Shape } from "./ops.ts";
import { count, dtypeName, finite, list, nonNegativeFinite, readOptions, readValue, seedNumber } from "./options.ts";
import { integers, normal, reseed, uniform } from "./random.ts";
import { resultOf } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** Numbers or booleans, nested to any depth. */
export type NestedArray = number | boolean | readonly NestedArray[];
/** A `Float16Array`, which not every engine has. */
type HalfArray = ArrayBufferView & ArrayLike<number> & { readonly [Symbol.toStringTag]: "Float16Array" };
/** Typed arrays that hold numbers. */
export type HostArray =
  | TypedArray
  | Int8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | HalfArray;

interface DTypeOptions {
  readonly dtype?: DType;
}
interface SeedOptions extends DTypeOptions {
  /** Makes the result depend on this non-negative integer alone, and leaves the backend's stream where it is. */
  readonly seed?: number;
}
interface TensorOptions extends DTypeOptions {
  readonly shape?: Shape;
}
interface NormalOptions extends SeedOptions {
  readonly mean?: number;
  readonly std?: number;
}
interface RangeOptions extends SeedOptions {
  readonly low?: number;
  readonly high: number;
}
type LogspaceOptions = DTypeOptions & { readonly base?: number };
type ArangeOptions = DTypeOptions & { readonly step?: number };

const dtyped = { dtype: dtypeName };
const seeded = { ...dtyped, seed: seedNumber };
const f32: { readonly dtype: DType } = { dtype: "f32" };

/** The functions that make tensors. A shape may be a single number, for a vector. */
export interface Creation {
  /**
   * A tensor of host data, copied: a number, nested arrays or a typed array (with its shape). Numbers become `f32`,
   * booleans `bool`. A typed array keeps its type: a `Float64Array` gives `f64`, and so does all that is computed with
   * it; pass `{ dtype: "f32" }` to convert. Integers of other widths become `i32`, with an ArgumentError if one does
   * not fit. Numbers become integers as in `cast`: NaN is 0, and what is out of range becomes its nearest end. NaN as
   * `bool` is true.
   *
   * @example tensor([[1, 2], [3, 4]]) // [[1, 2], [3, 4]]
   */
  tensor(data: NestedArray | HostArray, options?: TensorOptions): Tensor;
  /** Zeros. @example zeros([2]) // [0, 0] */
  zeros(shape: Shape | number, options?: DTypeOptions): Tensor;
  /** Ones. @example ones([2]) // [1, 1] */
  ones(shape: Shape | number, options?: DTypeOptions): Tensor;
  /** One value everywhere; a boolean gives `bool`. @example full([2], 7) // [7, 7] */
  full(shape: Shape | number, value: number | boolean, options?: DTypeOptions): Tensor;
  /**
   * start, start + step, … below stop; `arange(stop)` counts from 0. Options are last: `arange(3, { dtype: "i32" })`,
   * `arange(0, 3, { step: 2 })`.
   *
   * @example arange(3) // [0, 1, 2]
   */
  arange(stop: number, options?: ArangeOptions): Tensor;
  arange(start: number, stop?: number, options?: ArangeOptions): Tensor;
  arange(start: number, stop: number | undefined, step: number | undefined, options?: DTypeOptions): Tensor;
  /** Evenly spaced values, both ends included. @example linspace(0, 1, 3) // [0, 0.5, 1] */
  linspace(start: number, stop: number, count: number, options?: DTypeOptions): Tensor;
  /**
   * Powers of `base` (by default 10) with evenly spaced exponents, both ends included.
   *
   * @example logspace(0, 2, 3) // [1, 10, 100]
   */
  logspace(start: number, stop: number, count: number, options?: LogspaceOptions): Tensor;
  /** Ones on the diagonal of a matrix. @example eye(2) // [[1, 0], [0, 1]] */
  eye(rows: number, options?: DTypeOptions & { readonly columns?: number }): Tensor;
  /** Uniformly distributed random numbers in [0, 1). */
  rand(shape: Shape | number, options?: SeedOptions): Tensor;
  /** Normally distributed random numbers. */
  randn(shape: Shape | number, options?: NormalOptions): Tensor;
  /** Random `i32` integers from `low` (by default 0) up to but not including `high`. */
  randint(shape: Shape | number, options: RangeOptions): Tensor;
  /** Restarts the backend's random stream: the same seed gives the same numbers, on every backend. */
  seed(n: number): void;
}

/** A shape, or the size of a vector. */
export const shapeFor = (op: string, shape: Shape | number): Shape =>
  shapeOf(op, typeof shape === "number" ? [shape] : shape);

function fill(backend: Backend, op: string, shape: Shape | number, value: number, dtype: DType): Tensor {
  const { store, load } = dtypeInfo[dtype];
  // As `tensor` stores it: integers saturate, and what is not 0 is true.
  const element = store?.(value) ?? value;
  const held = load?.(element) ?? element;
  return inNameOf(op, () => sourceOwn(backend, "full", [held], { shape: shapeFor(op, shape), dtype }));
}

export function checkFloat(op: string, dtype: DType): void {
  if (!isFloat(dtype))
    throw new DTypeError(`${op}: wanted a floating-point dtype, got ${dtype}; randint makes random integers`);
}

function checkNumbers(op: string, given: Readonly<Record<string, unknown>>): void {
  for (const name in given)
    if (!Number.isFinite(given[name]))
      throw new ArgumentError(`${op}: wanted a finite number as ${name}, got ${describe(given[name])}`);
}

/** The i-th of `size` evenly spaced numbers, both ends included. */
function spaced(op: string, start: number, stop: number, size: number): (i: number) => number {
  checkNumbers(op, { start, stop });
  readValue(op, "count", size, count);
  const last = size - 1;
  const span = stop - start;
  const between = (i: number) =>
    // the distance between the ends may overflow
    Number.isFinite(span)
      ? start + (i * span) / Math.max(1, last)
      : start * (1 - i / Math.max(1, last)) + stop * (i / Math.max(1, last));
  return (i) => (i === last && i > 0 ? stop : between(i));
}

/** The creation functions of a backend. */
export function creation(backend: Backend): Creation {
  const host = (op: string, count: number, value: (i: number) => number, dtype: DType): Tensor => {
    const shape = shapeOf(op, [count]);
    const { store } = dtypeInfo[dtype];
    backend.roomFor?.(count * dtypeInfo[dtype].bytes);
    const data = hostArray(op, count, dtype);
    for (let i = 0; i < count; i++) data[i] = store === undefined ? value(i) : store(value(i));
    return backend.upload(data, shape, dtype);
  };
  const filled =
    (op: string, value: number): Creation["zeros"] =>
    (shape, options) =>
      fill(backend, op, shape, value, readOptions(op, options, dtyped, f32).dtype);
  return {
    tensor: (data, options) => upload(backend, data, options),
    zeros: filled("zeros", 0),
    ones: filled("ones", 1),
    full(shape, value, options) {
      const { dtype } = readOptions("full", options, dtyped, typeof value === "boolean" ? { dtype: "bool" } : f32);
      if (typeof value !== "number" && typeof value !== "boolean")
        throw new ArgumentError(`full: wanted a number or a boolean, got ${describe(value)}`);
      return fill(backend, "full", shape, Number(value), dtype);
    },
    arange(start: number, ...rest: readonly (number | ArangeOptions | undefined)[]) {
      const last = rest.at(-1);
      const [given, numbers] = typeof last === "object" ? [last, rest.slice(0, -1)] : [undefined, rest];
      const [stop, by, ...more] = numbers as (number | undefined)[];
      if (more.length > 0) throw new ArgumentError("arange: wanted (start, stop, step)");
      const [from, to] = stop === undefined ? [0, start] : [start, stop];
      const options = by === undefined ? given : { step: by, ...given };
      const { step, dtype } = readOptions<ArangeOptions, { step: number; dtype: DType }>(
        "arange",
        options,
        { ...dtyped, step: finite },
        { step: 1, dtype: "f32" },
      );
      checkNumbers("arange", { start: from, stop: to });
      const count = Math.max(0, Math.ceil((to - from) / step));
      if (!Number.isFinite(count))
        throw new ArgumentError(`arange: cannot count from ${from} to ${to} in steps of ${step}`);
      return host("arange", count, (i) => from + i * step, dtype);
    },
    linspace(start, stop, size, options) {
      const { dtype } = readOptions("linspace", options, dtyped, f32);
      return host("linspace", size, spaced("linspace", start, stop, size), dtype);
    },
    logspace(start, stop, size, options) {
      const { base, dtype } = readOptions("logspace", options, { ...dtyped, base: finite }, { base: 10, ...f32 });
      const exponent = spaced("logspace", start, stop, size);
      return host("logspace", size, (i) => base ** exponent(i), dtype);
    },
    eye(rows, options) {
      const { columns, dtype } = readOptions("eye", options, { ...dtyped, columns: count }, { columns: rows, ...f32 });
      shapeOf("eye", [rows, columns]);
      const counted = (shape: Shape) => source(backend, "iota", [], { shape, axis: 0, dtype: "i32" });
      return inNameOf("eye", () => resultOf(() => inDType(equal(counted([rows, 1]), counted([columns])), dtype)));
    },
    rand(shape, options) {
      const { seed, dtype } = readOptions<SeedOptions, typeof f32>("rand", options, seeded, f32);
      checkFloat("rand", dtype);
      return inNameOf("rand", () => resultOf(() => inDType(uniform(backend, shapeFor("rand", shape), seed), dtype)));
    },
    randn(shape, options) {
      const { mean, std, seed, dtype } = readOptions<NormalOptions, Required<Omit<NormalOptions, "seed">>>(
        "randn",
        options,
        { ...seeded, mean: finite, std: nonNegativeFinite },
        { mean: 0, std: 1, dtype: "f32" },
      );
      checkFloat("randn", dtype);
      return inNameOf("randn", () =>
        resultOf(() => {
          const x = normal(backend, shapeFor("randn", shape), seed);
          const scaled = std === 1 ? x : mul(x, std);
          return inDType(mean === 0 ? scaled : add(scaled, mean), dtype);
        }),
      );
    },
    randint(shape, options) {
      const { low, high, seed, dtype } = readOptions<RangeOptions, { low: number; dtype: DType }>(
        "randint",
        options,
        { ...seeded, low: finite, high: finite },
        { low: 0, dtype: "i32" },
      );
      return inNameOf("randint", () =>
        resultOf(() => inDType(integers(backend, shapeFor("randint", shape), low, high, seed), dtype)),
      );
    },
    seed: (n) => reseed(backend.stream, n),
  };
}

/** Zeros of the shape and dtype of x, on its backend. @example zerosLike(tensor([1, 2])) // [0, 0] */
export function zerosLike(x: Operand): Tensor {
  const { interpreter, shape, dtype } = readTensor(x, "zerosLike");
  return fill(interpreter.backend, "zerosLike", shape, 0, dtype);
}

/** Ones of the shape and dtype of x, on its backend. @example onesLike(tensor([1, 2])) // [1, 1] */
export function onesLike(x: Operand): Tensor {
  const { interpreter, shape, dtype } = readTensor(x, "onesLike");
  return fill(interpreter.backend, "onesLike", shape, 1, dtype);
}

/**
 * The dtype of a typed array, by its name: it may come from another realm, or be of a class that not every engine has.
 */
const typeOf: { readonly [name: string]: DType | undefined } = {
  Float16Array: "f16",
  Float32Array: "f32",
  Float64Array: "f64",
  Int8Array: "i32",
  Int16Array: "i32",
  Int32Array: "i32",
  Uint8Array: "u8",
  Uint8ClampedArray: "u8",
  Uint16Array: "i32",
  Uint32Array: "i32",
  BigInt64Array: "i32",
  BigUint64Array: "i32",
};
const nameOf = (data: object): string => (data as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "";

const tensorOptions = { ...dtyped, shape: list };

function upload(backend: Backend, data: NestedArray | HostArray, options: TensorOptions | undefined): Tensor {
  const given = readOptions<TensorOptions, object>("tensor", options, tensorOptions, {});
  let flat: ArrayLike<number | bigint>;
  let own: Shape;
  let natural: DType | undefined;
  if (ArrayBuffer.isView(data)) {
    if (data.length === 0) checkThere("tensor", data.buffer);
    [flat, own, natural] = [data, [data.length], typeOf[nameOf(data)]];
    if (natural === undefined)
      throw new ArgumentError(`tensor: wanted a typed array of numbers, got ${describe(data)}`);
  } else {
    const found = { values: [] as number[], shape: [] as number[], booleans: true };
    flatten(data, 0, found, []);
    [flat, own, natural] = [found.values, found.shape, found.booleans && found.values.length > 0 ? "bool" : "f32"];
  }
  const dtype = given.dtype ?? natural;
  let shape = given.shape === undefined ? own : listOf("tensor", "shape", given.shape);
  if (shape.includes(-1)) {
    const rest = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
    shape = shape.map((d) => (d === -1 ? flat.length / rest : d));
  }
  shape = shapeOf("tensor", shape);
  if (sizeOf(shape) !== flat.length)
    throw new ShapeError(`tensor: ${flat.length} elements do not fill shape ${text(shape)}`);
  return backend.upload(converted("tensor", flat, dtype), shape, dtype);
}

interface Found {
  readonly values: number[];
  readonly shape: number[];
  booleans: boolean;
}

function flatten(data: unknown, depth: number, found: Found, place: readonly number[]): void {
  const { values, shape } = found;
  if (Array.isArray(data)) {
    if (depth >= MOST_AXES) throw new ShapeError(`tensor: wanted arrays nested at most ${MOST_AXES} deep`);
    if (values.length === 0 && shape.length === depth) shape.push(data.length);
    if (shape[depth] !== data.length)
      throw new ShapeError(
        `tensor: nested arrays must be even: wanted ${shape[depth] === undefined ? "a number" : `${shape[depth]} elements`} at ${text(place)}, got ${data.length}`,
      );
    for (let i = 0; i < data.length; i++) flatten(data[i], depth + 1, found, [...place, i]);
    return;
  }
  if (typeof data !== "number" && typeof data !== "boolean")
    throw new ArgumentError(
      `tensor: wanted numbers or booleans, got ${data === null ? "null" : typeof data} at ${text(place)}`,
    );
  if (depth !== shape.length)
    throw new ShapeError(
      `tensor: nested arrays must be even: wanted ${shape[depth]} elements at ${text(place)}, got a number`,
    );
  if (typeof data === "number") found.booleans = false;
  values.push(Number(data));
}

/** A typed array of a dtype. Throws a MemoryError if it is too long. */
export function hostArray(op: string, length: number, dtype: DType): TypedArray {
  try {
    return new dtypeInfo[dtype].array(length);
  } catch (cause) {
    throw new MemoryError(`${op}: no memory for ${length} elements of ${dtype}`, { cause });
  }
}

/** Arrays of integers that may not fit an i32. */
const mayOverflow: { readonly [name: string]: true | undefined } = {
  Uint32Array: true,
  BigInt64Array: true,
  BigUint64Array: true,
};

/** Host data in the typed array of a dtype; the data itself if it is in one already. */
function converted(op: string, data: ArrayLike<number | bigint>, dtype: DType): TypedArray {
  const Target = dtypeInfo[dtype].array;
  const name = nameOf(data);
  if (data instanceof Target && dtype !== "bool") return data;
  if (name === "Float16Array" && dtype === "f16") {
    const { buffer, byteOffset, length } = data as unknown as Uint16Array;
    return new Uint16Array(buffer, byteOffset, length);
  }
  const { store } = dtypeInfo[dtype];
  const exact = mayOverflow[name] === true && dtype === "i32";
  const array = hostArray(op, data.length, dtype);
  for (let i = 0; i < data.length; i++) {
    const x = Number(data[i]);
    if (exact && (x | 0) !== x)
      throw new ArgumentError(
        `${op}: ${data[i]} of a ${name} does not fit an i32; give { dtype: "f64" } or { dtype: "f32" } to store it as a float`,
      );
    array[i] = store === undefined ? x : store(x);
  }
  return array;
}
