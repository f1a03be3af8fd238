// .npy files: a magic number and a version, a header, and the elements.
import { ArgumentError, type TypedArray } from "@weft/tensor";
import { boolean, describe, dtypeInfo, readOptions, sizeOf } from "@weft/tensor/internals";
import { viewOf, wantBytes } from "../bytes.ts";
import { FormatError, refuse } from "../format-error.ts";
import { unpickled } from "../pickle/pickle.ts";
import { held, storedAs, toStored, type HostArray } from "../stored-values.ts";
import type { StoredType } from "../safetensors/safetensors.ts";
import { elementName, elementType, ordered, wantSize } from "./elements.ts";
import { numpyGlobals, type ObjectArray } from "./globals.ts";
import { readHeader, type Header } from "./header.ts";

/** Options of `fromNpy`. */
export interface NpyOptions {
  /** Whether arrays of Python objects are read, too: their pickles of plain values (default: false). */
  readonly objects?: boolean;
}

/** As in NumPy: no array of numbers has a longer header. */
const longestHeader = 10_000;
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** The header, and where it ends. */
function headerOf(bytes: Uint8Array): { readonly header: Header; readonly end: number } {
  const fail = (problem: string): never => refuse("npy", bytes, problem);
  if (bytes.length < 10 || magic.some((byte, k) => bytes[k] !== byte))
    return fail("it does not begin as an array of NumPy");
  const [major, minor] = [bytes[6]!, bytes[7]!];
  if (major < 1 || major > 3 || minor !== 0) return fail(`it has the version ${major}.${minor}, 1.0 to 3.0 are known`);
  const begin = major === 1 ? 10 : 12;
  if (bytes.length < begin) return fail("it ends inside its header");
  const length = major === 1 ? viewOf(bytes).getUint16(8, true) : viewOf(bytes).getUint32(8, true);
  const end = begin + length;
  if (length > longestHeader) return fail(`its header claims ${length} bytes, at most ${longestHeader} are allowed`);
  if (end > bytes.length) return fail(`its header claims ${length} bytes, the file ends after ${bytes.length - begin}`);
  return { header: readHeader(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(begin, end))), end };
}

/**
 * Reads an array that NumPy saved (`numpy.save`), as `{ data, shape, dtype }` in row-major order, whatever its order and
 * byte order are. Floats keep their type, `uint8` becomes `u8` and `bool` `bool`; all other integers become `i32`, if
 * they fit. With `{ objects: true }` an array of Python objects is read, too, if they are plain values (numbers, texts,
 * None, lists, tuples, dicts, sets, arrays): nothing is executed. Then `dtype` is `"object"`.
 *
 * Throws a FormatError for anything else: other types of elements, integers outside of i32, a file that is shorter or
 * longer than its shape says.
 *
 * Source: NumPy, `numpy.lib.format`, versions 1.0 to 3.0.
 *
 * @example
 * const file = toNpy({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2], dtype: "f32" });
 * const { data, shape, dtype } = fromNpy(file);
 * shape; // [2, 2]
 */
export function fromNpy(bytes: Uint8Array, options?: NpyOptions & { readonly objects?: false }): HostArray;
export function fromNpy(bytes: Uint8Array, options?: NpyOptions): HostArray | ObjectArray;
export function fromNpy(bytes: Uint8Array, options?: NpyOptions): HostArray | ObjectArray {
  const { objects } = readOptions("fromNpy", options, { objects: boolean }, { objects: false });
  return read(wantBytes("fromNpy", bytes), objects);
}

/** The same without checks of arguments. */
export function read(bytes: Uint8Array, objects: boolean): HostArray | ObjectArray {
  const { header, end } = headerOf(bytes);
  const { descr, fortran, shape } = header;
  const type = elementType("npy", descr);
  const rest = bytes.subarray(end);
  if (type !== "object") {
    wantSize("npy", shape, type, rest.length);
    return held("npy: the array", ordered(type, shape, fortran, rest));
  }
  if (!objects) throw new FormatError("npy: its elements are Python objects; read it with { objects: true }");
  const { value, end: last } = unpickled(rest, { globals: numpyGlobals });
  if (last !== rest.length) throw new FormatError(`npy: ${rest.length - last} bytes follow its pickle`);
  if (!isObjects(value) || String(value.shape) !== String(shape))
    throw new FormatError("npy: its pickle is not the array of objects that its header describes");
  return value;
}

const isObjects = (x: unknown): x is ObjectArray =>
  typeof x === "object" && x !== null && "dtype" in x && x.dtype === "object";

/** Numbers that can be written: an array with its shape and dtype, or a typed array. */
export type NumberArray =
  | HostArray
  | TypedArray
  | Int8Array
  | Int16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

const typedArrays = new Map<unknown, StoredType>([
  [Float32Array, "F32"],
  [Float64Array, "F64"],
  [Int8Array, "I8"],
  [Int16Array, "I16"],
  [Int32Array, "I32"],
  [BigInt64Array, "I64"],
  [Uint8Array, "U8"],
  [Uint8ClampedArray, "U8"],
  [Uint16Array, "U16"],
  [Uint32Array, "U32"],
  [BigUint64Array, "U64"],
]);

/**
 * Writes an array as NumPy does (`numpy.save`, version 1.0): `{ data, shape, dtype }`, or a typed array, which is one
 * axis of its own type. Throws an ArgumentError for `bf16`, which NumPy lacks.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * const file = toNpy({ data: await x.data(), shape: x.shape, dtype: x.dtype });
 * fromNpy(file).dtype; // "f32"
 */
export function toNpy(array: NumberArray): Uint8Array<ArrayBuffer> {
  const { stored, shape, bytes } = elementsOf("toNpy", array);
  const name = elementName(stored);
  if (name === undefined) throw new ArgumentError(`toNpy: NumPy has no ${stored}; convert it first: cast(x, "f32")`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${name}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64; // elements begin where any processor can load them
  const file = new Uint8Array(length + bytes.length).fill(0x20, 0, length);
  file.set([...magic, 1, 0, (length - 10) & 255, (length - 10) >> 8]);
  file.set(new TextEncoder().encode(text), 10);
  file[length - 1] = 0x0a;
  file.set(bytes, length);
  return file;
}

interface Elements {
  readonly stored: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

function elementsOf(op: string, array: NumberArray): Elements {
  if (ArrayBuffer.isView(array)) {
    const stored = typedArrays.get(array.constructor);
    if (stored === undefined) throw new ArgumentError(`${op}: wanted an array of numbers, got ${describe(array)}`);
    return { stored, shape: [array.length], bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength) };
  }
  const { data, shape, dtype } = (array ?? {}) as Partial<HostArray>;
  if (
    typeof dtype !== "string" ||
    !Object.hasOwn(dtypeInfo, dtype) ||
    !Array.isArray(shape) ||
    !ArrayBuffer.isView(data)
  )
    throw new ArgumentError(
      `${op}: wanted { data, shape, dtype } or a typed array, got ${describe(array)}; ` +
        "of a tensor: { data: await x.data(), shape: x.shape, dtype: x.dtype }",
    );
  if (!(data instanceof dtypeInfo[dtype].array) && !(data instanceof Float64Array && dtype === "f32"))
    throw new ArgumentError(`${op}: the dtype is ${dtype}, but data is ${describe(data)}`);
  if (data.length !== sizeOf(shape))
    throw new ArgumentError(`${op}: [${shape.join(", ")}] has ${sizeOf(shape)} elements, data has ${data.length}`);
  return { stored: storedAs(dtype), shape, bytes: toStored(data, shape, storedAs(dtype)).bytes };
}
