// A host array is data in its stored type with its shape, as it lies in a file: narrow, and not on a backend yet.
import type { HostArray as StoredArray } from "@weft/formats";
import { ArgumentError, DTypeError, ShapeError, type DType, type Shape, type TypedArray } from "@weft/tensor";
import { describe, dtypeInfo, finiteNumber, readValue, sizeOf } from "@weft/tensor/internals";

/**
 * A host array of `@weft/formats`, so what `fromNpy` returns is one; it may have a scale. Data sets return these;
 * `minibatch` uploads them batch by batch in the type in which they are stored.
 *
 * @example
 * const points = { data: Float32Array.of(0, 1, 1, 0), shape: [2, 2], dtype: "f32" };
 */
export interface HostArray<A extends TypedArray = TypedArray> extends StoredArray {
  readonly data: A;
  /**
   * The value of a stored 1: gray bytes with scale 1/255 are numbers from 0 to 1. `minibatch` multiplies on
   * the backend, after the upload; where it yields host arrays the scale stays beside the data.
   */
  readonly scale?: number;
}

/** Typed arrays and lists of numbers count as one axis. */
export type Numbers = HostArray | TypedArray | readonly number[];

const dtypeOf = new Map<unknown, DType>([
  [Float32Array, "f32"],
  [Float64Array, "f64"],
  [Int32Array, "i32"],
  [Uint8Array, "u8"],
]);

export const isHostArray = (x: unknown): x is HostArray =>
  typeof x === "object" && x !== null && "data" in x && "shape" in x && ArrayBuffer.isView(x.data);

export const isNumbers = (x: unknown): x is readonly number[] =>
  Array.isArray(x) && x.length > 0 && x.every((v) => typeof v === "number");

export const show = ({ dtype, shape }: { dtype: DType; shape: Shape }): string => `${dtype}[${shape}]`;

/** Checks a source and returns it in full form. `op` and `name` are for messages. */
export function readArray(source: Numbers, op: string, name: string): HostArray {
  if (ArrayBuffer.isView(source)) {
    const dtype = dtypeOf.get(source.constructor);
    if (dtype === undefined)
      throw new DTypeError(
        `${op}: ${name} is a ${source.constructor.name}. ` +
          "Pass a Float32Array, Float64Array, Int32Array or Uint8Array, " +
          "or { data, shape, dtype }.",
      );
    return { data: source, shape: [source.length], dtype };
  }
  if (isNumbers(source)) return { data: Float32Array.from(source), shape: [source.length], dtype: "f32" };
  if (!isHostArray(source))
    throw new ArgumentError(
      `${op}: ${name} is ${describe(source)}. ` +
        "Wanted a tensor, { data, shape, dtype }, a typed array or a list of numbers.",
    );
  const { data, shape, dtype, scale } = source;
  const wanted = dtypeInfo[dtype].array;
  if (wanted === undefined || !(data instanceof wanted))
    throw new DTypeError(`${op}: ${name} has dtype ${dtype} but its data is a ${data.constructor.name}.`);
  if (data.length !== sizeOf(shape))
    throw new ShapeError(
      `${op}: ${name} has shape [${shape}], which is ${sizeOf(shape)} numbers, but ${data.length} of data.`,
    );
  if (scale !== undefined) readValue(op, `the scale of ${name}`, scale, finiteNumber);
  // Field by field: a class may have them as getters.
  return { data, shape: [...shape], dtype, ...(scale !== undefined && { scale }) };
}

/** Rows from `start` to `end`: a view on the same memory. */
export function rows(x: HostArray, start: number, end: number): HostArray {
  const width = sizeOf(x.shape.slice(1));
  return { ...x, data: x.data.subarray(start * width, end * width), shape: [end - start, ...x.shape.slice(1)] };
}

/** The rows with these indices, copied. */
export function pick(x: HostArray, indices: Int32Array): HostArray {
  const width = sizeOf(x.shape.slice(1));
  const data = new dtypeInfo[x.dtype].array(indices.length * width);
  if (width === 1) for (let i = 0; i < indices.length; i++) data[i] = x.data[indices[i]!]!;
  else
    for (let i = 0; i < indices.length; i++) {
      const from = indices[i]! * width;
      data.set(x.data.subarray(from, from + width), i * width);
    }
  return { ...x, data, shape: [indices.length, ...x.shape.slice(1)] };
}

/** The values of an array by their places: stored elements as numbers, multiplied by the scale. */
export function valueAt({ data, dtype, scale }: HostArray, by = scale ?? 1): (i: number) => number {
  const { load } = dtypeInfo[dtype];
  return load === undefined ? (i) => data[i]! * by : (i) => load(data[i]!) * by;
}

/** The values of an array in another dtype, as `cast` converts them; a scale is multiplied in. */
export function converted(x: HostArray, dtype: DType): HostArray {
  const { scale: _, ...rest } = x;
  const value = valueAt(x);
  const { array, store } = dtypeInfo[dtype];
  const data = new array(x.data.length);
  for (let i = 0; i < data.length; i++) data[i] = store === undefined ? value(i) : store(value(i));
  return { ...rest, data, dtype };
}
