// NumPy's names of element types (`<f4`), and the bytes of arrays brought into the order of this machine: little-endian
// and row-major.
import { printable } from "@weft/tensor";
import { sizeOf } from "@weft/tensor/internals";
import type { StoredTensor, StoredType } from "../safetensors/safetensors.ts";
import { FormatError } from "../format-error.ts";
import { rowMajor } from "../strided.ts";

/** How NumPy stores numbers: the type, and whether the first byte is the highest. */
export interface ElementType {
  readonly stored: StoredType;
  readonly bytes: number;
  readonly bigEndian: boolean;
}

/** The types of numbers by their names without byte order. */
const numbers: Readonly<Record<string, StoredType>> = {
  f2: "F16",
  f4: "F32",
  f8: "F64",
  i1: "I8",
  i2: "I16",
  i4: "I32",
  i8: "I64",
  u1: "U8",
  u2: "U16",
  u4: "U32",
  u8: "U64",
  b1: "BOOL",
};

/** What other names begin with. */
const others: Readonly<Record<string, string>> = {
  c: "complex numbers",
  f: "floats of another size",
  S: "bytes",
  a: "bytes",
  U: "text",
  M: "dates",
  m: "time spans",
  V: "records",
};

/** The element type of that name, or "object". */
export function elementType(where: string, name: string): ElementType | "object" {
  const [, order, code] = /^([<>|=]?)(\w+)/.exec(name) ?? [];
  if (code === "O" || code === "O8" || code === "O4") return "object";
  const stored = code !== undefined && Object.hasOwn(numbers, code) ? numbers[code] : undefined;
  if (stored === undefined) {
    const kind = others[code?.[0] ?? ""] ?? "something unknown";
    throw new FormatError(
      `${where}: its elements are ${printable(JSON.stringify(name), 60)}, ${kind}; ` +
        `wanted ${Object.keys(numbers).join(", ")}. Convert it in Python: array.astype(…)`,
    );
  }
  return { stored, bytes: Number(code![1]), bigEndian: order === ">" };
}

/** NumPy's name of a stored type; undefined if it has none. */
export const elementName = (stored: StoredType): string | undefined => {
  const name = Object.keys(numbers).find((name) => numbers[name] === stored);
  return name === undefined ? undefined : `${name.endsWith("1") ? "|" : "<"}${name}`;
};

/** Elements of an array in row-major order and little-endian; `bytes` has exactly as many as the shape says. */
export function ordered(
  { stored, bytes: width, bigEndian }: ElementType,
  shape: readonly number[],
  fortran: boolean,
  bytes: Uint8Array,
): StoredTensor {
  const flip = bigEndian && width > 1;
  const straight = !fortran || shape.filter((size) => size !== 1).length < 2;
  if (!flip && straight) return { dtype: stored, shape, bytes };
  const [sizes, strides] = straight ? [[sizeOf(shape)], [1]] : [shape, columnMajor(shape)];
  return { dtype: stored, shape, bytes: rowMajor(bytes, width, sizes, strides, 0, flip) };
}

/** How many elements lie between neighbors along each axis in column-major order. */
function columnMajor(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape) {
    strides.push(stride);
    stride *= size;
  }
  return strides;
}

/** Refuses a shape whose elements would not take these many bytes. */
export function wantSize(where: string, shape: readonly number[], { stored, bytes }: ElementType, got: number): void {
  const wanted = sizeOf(shape) * bytes;
  if (wanted === got) return;
  throw new FormatError(
    `${where}: it claims the shape [${printable(String(shape), 120)}] of ${stored}, which takes ${wanted} bytes, ` +
      `but has ${got}. ${wanted > got ? "It may be truncated." : "Something follows the elements."}`,
  );
}
