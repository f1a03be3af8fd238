// IDX, the format of MNIST: four magic bytes (two zeros, a type, the number of axes), the sizes, then the numbers,
// everything big-endian. Nothing is trusted before it is checked against the actual bytes.
import { hex } from "@weft/formats/internals";
import { ArgumentError, type DType, type TypedArray } from "@weft/tensor";
import { describe, sizeOf } from "@weft/tensor/internals";
import { DataError } from "./data-error.ts";
import type { HostArray } from "./host-array.ts";

interface Stored {
  readonly name: string;
  readonly bytes: number;
  readonly dtype: DType;
  readonly read: (view: DataView, start: number, count: number) => TypedArray;
}

const numbers =
  <A extends TypedArray>(make: (count: number) => A, get: (view: DataView, at: number) => number, bytes: number) =>
  (view: DataView, start: number, count: number): A => {
    const out = make(count);
    for (let i = 0; i < count; i++) out[i] = get(view, start + i * bytes);
    return out;
  };

/** The types of the format, by their code. The narrow signed ones are widened to i32, which backends compute with. */
const stored: Readonly<Record<number, Stored>> = {
  0x08: {
    name: "unsigned byte",
    bytes: 1,
    dtype: "u8",
    read: (view, start, count) => new Uint8Array(view.buffer, view.byteOffset + start, count).slice(),
  },
  0x09: {
    name: "signed byte",
    bytes: 1,
    dtype: "i32",
    read: numbers(
      (n) => new Int32Array(n),
      (v, at) => v.getInt8(at),
      1,
    ),
  },
  0x0b: {
    name: "short",
    bytes: 2,
    dtype: "i32",
    read: numbers(
      (n) => new Int32Array(n),
      (v, at) => v.getInt16(at),
      2,
    ),
  },
  0x0c: {
    name: "int",
    bytes: 4,
    dtype: "i32",
    read: numbers(
      (n) => new Int32Array(n),
      (v, at) => v.getInt32(at),
      4,
    ),
  },
  0x0d: {
    name: "float",
    bytes: 4,
    dtype: "f32",
    read: numbers(
      (n) => new Float32Array(n),
      (v, at) => v.getFloat32(at),
      4,
    ),
  },
  0x0e: {
    name: "double",
    bytes: 8,
    dtype: "f64",
    read: numbers(
      (n) => new Float64Array(n),
      (v, at) => v.getFloat64(at),
      8,
    ),
  },
};

/**
 * Reads an IDX file (unpacked). Unsigned bytes stay `u8`, other integers become `i32`, floats `f32`, doubles `f64`.
 *
 * Throws a DataError if the bytes are not an IDX file, too few, or too many. The claimed sizes are compared with the
 * actual bytes before anything is allocated.
 *
 * Source: Y. LeCun, "The IDX file format", on the page of the MNIST database.
 *
 * @example
 * const { data, shape } = parseIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9));
 * shape; // [2]
 * [...data]; // [7, 9]
 */
export function parseIdx(bytes: Uint8Array, name = "the file"): HostArray {
  const fail = (problem: string): never => {
    throw new DataError(`parseIdx: ${name} ${problem}`);
  };
  if (!ArrayBuffer.isView(bytes) || bytes.BYTES_PER_ELEMENT !== 1)
    throw new ArgumentError(`parseIdx: wanted the bytes of a file as a Uint8Array, got ${describe(bytes)}.`);
  if (bytes.length < 4) fail(`has ${bytes.length} bytes, too few for the 4 magic bytes of an IDX file.`);
  const type = stored[bytes[2]!];
  if (bytes[0] !== 0 || bytes[1] !== 0 || type === undefined)
    return fail(
      `begins with ${hex(bytes.subarray(0, 4), " ")}, which is not an IDX file. ` +
        (bytes[0] === 0x1f && bytes[1] === 0x8b
          ? "These are the first bytes of a gzip file: unpack it first."
          : "Wanted 00 00, a type (08 09 0b 0c 0d 0e) and the number of axes."),
    );
  const rank = bytes[3]!;
  const header = 4 + 4 * rank;
  if (bytes.length < header)
    fail(`ends after ${bytes.length} bytes, inside the sizes of its ${rank} axes (${header} bytes).`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = sizeOf(shape); // a double: many large sizes give a large number, never a wrapped one
  const wanted = header + count * type.bytes;
  if (wanted !== bytes.length)
    fail(
      `claims the shape [${shape}] of ${type.name}s, which takes ${wanted} bytes with the header, ` +
        `but has ${bytes.length}. ` +
        (wanted > bytes.length ? "It is truncated, or not what it claims to be." : "Something follows the numbers."),
    );
  return { data: type.read(view, header, count), shape, dtype: type.dtype };
}
