// How tensors come into being on a backend: from host data, filled, counted or random. `open()` of a backend gives these
// functions with the backend.
import { readTensor, source } from "./apply.ts";
import { checkSizes, sizeOf, text } from "./axes.ts";
import { arrayOf, isFloat, type DType, type TypedArray } from "./dtype.ts";
import { add, cast, equal, mul } from "./elementwise.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { toHalf } from "./half.ts";
import type { Backend, Operand } from "./interpreter.ts";
import type { Shape } from "./ops.ts";
import { integers, normal, reseed, uniform } from "./random.ts";
import { resultOf } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** Numbers or booleans, nested to any depth. */
export type NestedArray = number | boolean | readonly NestedArray[];
/** Typed arrays that hold numbers. */
export type HostArray = TypedArray | Int8Array | Uint8ClampedArray | Int16Array | Uint32Array;

interface DTypeOptions {
  readonly dtype?: DType;
}
interface SeedOptions extends DTypeOptions {
  /** Makes the result depend on this number alone, and leaves the backend's stream where it is. */
  readonly seed?: number;
}

/** The functions that make tensors. A shape may be one number, for a vector. */
export interface Creation {
  /**
   * A tensor of host data: a number, nested arrays or a typed array (with its shape). Numbers become `f32`, booleans
   * `bool`; a typed array keeps its type.
   *
   * @example tensor([[1, 2], [3, 4]]) // [[1, 2], [3, 4]]
   */
  tensor(data: NestedArray | HostArray, options?: DTypeOptions & { readonly shape?: Shape }): Tensor;
  /** Zeros. @example zeros([2]) // [0, 0] */
  zeros(shape: Shape | number, options?: DTypeOptions): Tensor;
  /** Ones. @example ones([2]) // [1, 1] */
  ones(shape: Shape | number, options?: DTypeOptions): Tensor;
  /** One value everywhere. @example full([2], 7) // [7, 7] */
  full(shape: Shape | number, value: number, options?: DTypeOptions): Tensor;
  /** start, start + step, … below stop; `arange(stop)` counts from 0. @example arange(3) // [0, 1, 2] */
  arange(start: number, stop?: number, step?: number | (DTypeOptions & { readonly step?: number })): Tensor;
  /** Evenly spaced values, both ends included. @example linspace(0, 1, 3) // [0, 0.5, 1] */
  linspace(start: number, stop: number, count: number, options?: DTypeOptions): Tensor;
  /** Ones on the diagonal of a matrix. @example eye(2) // [[1, 0], [0, 1]] */
  eye(rows: number, options?: DTypeOptions & { readonly columns?: number }): Tensor;
  /** Evenly distributed random numbers in [0, 1). */
  rand(shape: Shape | number, options?: SeedOptions): Tensor;
  /** Normally distributed random numbers. */
  randn(shape: Shape | number, options?: SeedOptions & { readonly mean?: number; readonly std?: number }): Tensor;
  /** Random integers from `low` (0 if left out) up to but not including `high`, `i32`. */
  randint(shape: Shape | number, options: SeedOptions & { readonly low?: number; readonly high: number }): Tensor;
  /** Starts the backend's random stream again: the same seed gives the same numbers, on every backend. */
  seed(n: number): void;
}

const shapeOf = (op: string, shape: Shape | number): Shape =>
  checkSizes(op, typeof shape === "number" ? [shape] : shape);

const fill = (backend: Backend, op: string, shape: Shape | number, value: number, dtype: DType = "f32"): Tensor =>
  // As `tensor` stores it: whole numbers saturate, and what is not 0 is true.
  source(backend, "full", [isFloat(dtype) ? value : stored[dtype]!(value)], { shape: shapeOf(op, shape), dtype });

/** The creation functions of a backend. */
export function creation(backend: Backend): Creation {
  const host = (values: ArrayLike<number>, dtype: DType = "f32") =>
    backend.upload(converted(values, dtype), [values.length], dtype);
  return {
    tensor: (data, options) => upload(backend, data, options),
    zeros: (shape, options) => fill(backend, "zeros", shape, 0, options?.dtype),
    ones: (shape, options) => fill(backend, "ones", shape, 1, options?.dtype),
    full: (shape, value, options) => fill(backend, "full", shape, value, options?.dtype),
    arange(start, stop, options) {
      const [from, to] = stop === undefined ? [0, start] : [start, stop];
      const { step = 1, dtype = undefined } = typeof options === "number" ? { step: options } : (options ?? {});
      const count = Math.max(0, Math.ceil((to - from) / step));
      if (!Number.isFinite(count))
        throw new ArgumentError(`arange: cannot count from ${from} to ${to} in steps of ${step}`);
      return host(
        Array.from({ length: count }, (_, i) => from + i * step),
        dtype,
      );
    },
    linspace(start, stop, count, options) {
      const [last] = checkSizes("linspace", [count]).map((n) => n - 1) as [number];
      const value = (i: number) => (i === last && i > 0 ? stop : start + (i * (stop - start)) / Math.max(1, last));
      return host(
        Array.from({ length: count }, (_, i) => value(i)),
        options?.dtype,
      );
    },
    eye(rows, { columns = rows, dtype = "f32" } = {}) {
      checkSizes("eye", [rows, columns]);
      const count = (shape: Shape) => source(backend, "iota", [], { shape, axis: 0, dtype: "i32" });
      return resultOf(() => cast(equal(count([rows, 1]), count([columns])), dtype));
    },
    rand: (shape, { seed, dtype = "f32" } = {}) =>
      resultOf(() => cast(uniform(backend, shapeOf("rand", shape), seed), dtype)),
    randn: (shape, { mean = 0, std = 1, seed, dtype = "f32" } = {}) =>
      resultOf(() => {
        const x = normal(backend, shapeOf("randn", shape), seed);
        const scaled = std === 1 ? x : mul(x, std);
        return cast(mean === 0 ? scaled : add(scaled, mean), dtype);
      }),
    randint: (shape, { low = 0, high, seed, dtype = "i32" }) =>
      resultOf(() => cast(integers(backend, shapeOf("randint", shape), low, high, seed), dtype)),
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

/** Which dtype a typed array has by itself. */
const typeOf = (data: ArrayBufferView): DType =>
  data instanceof Float32Array
    ? "f32"
    : data instanceof Float64Array
      ? "f64"
      : data instanceof Uint8Array || data instanceof Uint8ClampedArray
        ? "u8"
        : "i32";

function upload(
  backend: Backend,
  data: NestedArray | HostArray,
  options: (DTypeOptions & { readonly shape?: Shape }) | undefined,
): Tensor {
  let flat: ArrayLike<number>;
  let own: Shape;
  let dtype: DType;
  if (ArrayBuffer.isView(data)) {
    [flat, own, dtype] = [data, [data.length], typeOf(data)];
  } else {
    const found = { values: [] as number[], shape: [] as number[], booleans: true };
    flatten(data, 0, found, []);
    [flat, own, dtype] = [found.values, found.shape, found.booleans && found.values.length > 0 ? "bool" : "f32"];
  }
  dtype = options?.dtype ?? dtype;
  let shape = options?.shape ?? own;
  const rest = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
  if (shape.includes(-1)) shape = shape.map((d) => (d === -1 ? flat.length / rest : d));
  checkSizes("tensor", shape);
  if (sizeOf(shape) !== flat.length)
    throw new ShapeError(`tensor: ${flat.length} elements do not fill shape ${text(shape)}`);
  return backend.upload(converted(flat, dtype), shape, dtype);
}

interface Found {
  readonly values: number[];
  readonly shape: number[];
  booleans: boolean;
}

function flatten(data: unknown, depth: number, found: Found, place: readonly number[]): void {
  const { values, shape } = found;
  if (Array.isArray(data)) {
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

/** How a number is stored in a dtype: as `cast` does it. */
const stored: { readonly [D in DType]?: (x: number) => number } = {
  i32: (x) => Math.min(Math.max(Math.trunc(x) || 0, -0x80000000), 0x7fffffff),
  bool: (x) => (x === 0 ? 0 : 1),
  u8: (x) => Math.min(Math.max(Math.trunc(x) || 0, 0), 255),
  f16: toHalf,
};

/** Host data in the typed array of a dtype; the data itself where it is one. */
function converted(data: ArrayLike<number>, dtype: DType): TypedArray {
  const Target = arrayOf[dtype];
  if (data instanceof Target && dtype !== "bool") return data;
  const store = stored[dtype];
  if (store === undefined) return new Target(data);
  const array = new Target(data.length);
  for (let i = 0; i < data.length; i++) array[i] = store(data[i]!);
  return array;
}
