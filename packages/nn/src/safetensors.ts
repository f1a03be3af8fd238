// The safetensors format, byte for byte as PyTorch's library writes it: eight bytes with the length of a JSON header, the
// header, and the values without gaps. A file is hostile until every number in its header has been checked.
import { WeftError } from "@weft/tensor";

/** A file or buffer that is not safetensors, or breaks the format's rules. */
export class FormatError extends WeftError {}

/** Bytes an element takes, for every dtype of the format, in the order in which its own library writes tensors. */
const bytesOf = {
  U64: 8,
  I64: 8,
  F64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;
const order = Object.keys(bytesOf);

/** The format's names of dtypes. */
export type StoredType = keyof typeof bytesOf;

/** One tensor of a file: its values are the bytes in the file, little-endian and row-major. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** What a file holds: tensors by name, and a table of text. */
export interface Stored {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The reference reader refuses longer headers, and so does this one. */
const longestHeader = 100_000_000;

const elements = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/**
 * Writes the format, byte for byte as its own library does: by dtype and then by name. Wide elements come first, so that
 * every tensor lies where a typed array can look at it.
 *
 * Header: `{"__metadata__": {…}, name: {"dtype", "shape", "data_offsets": [begin, end]}, …}`.
 */
export function writeSafetensors({ tensors, metadata }: Stored): Uint8Array<ArrayBuffer> {
  const rank = ({ dtype }: StoredTensor): number => order.indexOf(dtype);
  const entries = [...tensors].toSorted(([p, a], [q, b]) => rank(a) - rank(b) || (p < q ? -1 : 1));
  const header: [string, unknown][] = Object.keys(metadata).length === 0 ? [] : [["__metadata__", metadata]];
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of entries) {
    const wanted = elements(shape) * bytesOf[dtype];
    if (name === "__metadata__") throw new FormatError(`safetensors: no tensor may be called "__metadata__"`);
    if (bytes.length !== wanted)
      throw new FormatError(`safetensors: "${name}" ${dtype}[${shape}] takes ${wanted} bytes, got ${bytes.length}`);
    header.push([name, { dtype, shape, data_offsets: [end, end + wanted] }]);
    end += wanted;
  }
  const body = header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  let text = new TextEncoder().encode(`{${body}}`);
  const padding = (8 - (text.length % 8)) % 8;
  if (padding > 0) text = new TextEncoder().encode(`{${body}}${" ".repeat(padding)}`);
  const file = new Uint8Array(8 + text.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  let at = 8 + text.length;
  for (const [, { bytes }] of entries) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/** Reads the format, and refuses whatever is not exactly it; the tensors are views of `file`. */
export function readSafetensors(file: Uint8Array): Stored {
  const { header, start } = readHeader(file);
  const room = file.length - start;
  const tensors = new Map<string, StoredTensor>();
  const metadata: Record<string, string> = {};
  const spans: { name: string; begin: number; end: number }[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (!isTable(value)) throw new FormatError("safetensors: __metadata__ is not a table of text");
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== "string")
          throw new FormatError(`safetensors: __metadata__ has ${JSON.stringify(key)}, which is not text`);
        metadata[key] = text;
      }
      continue;
    }
    const { dtype, shape, begin, end } = readEntry(name, value, room);
    spans.push({ name, begin, end });
    tensors.set(name, { dtype, shape, bytes: file.subarray(start + begin, start + end) });
  }
  checkSpans(spans, room);
  return { tensors, metadata };
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function readHeader(file: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (file.length < 8) throw new FormatError(`safetensors: a file has at least 8 bytes, this has ${file.length}`);
  const length = new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true);
  if (length > longestHeader)
    throw new FormatError(
      `safetensors: a header of ${length} bytes is announced, at most ${longestHeader} are allowed`,
    );
  const start = 8 + Number(length);
  if (start > file.length)
    throw new FormatError(
      `safetensors: a header of ${length} bytes is announced, the file ends after ${file.length - 8}`,
    );
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, start)));
  } catch (cause) {
    throw new FormatError("safetensors: the header is not JSON in UTF-8", { cause });
  }
  if (!isTable(header)) throw new FormatError("safetensors: the header is not a table");
  return { header, start };
}

const isSize = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;

function readEntry(name: string, value: unknown, room: number) {
  const refuse = (why: string): never => {
    throw new FormatError(`safetensors: ${JSON.stringify(name)} ${why}`);
  };
  if (!isTable(value)) return refuse("is not described by a table");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(bytesOf, dtype))
    return refuse(`has the dtype ${JSON.stringify(dtype)}, which the format does not know`);
  if (!Array.isArray(shape) || !shape.every(isSize))
    return refuse(`has the shape ${JSON.stringify(shape)}, wanted a list of sizes`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    return refuse(`has the offsets ${JSON.stringify(offsets)}, wanted [begin, end]`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) return refuse(`ends at byte ${end}, before it begins at ${begin}`);
  if (end > room) return refuse(`ends at byte ${end}, the file has ${room} bytes of values`);
  const stored = dtype as StoredType;
  const wanted = elements(shape) * bytesOf[stored];
  if (wanted !== end - begin)
    return refuse(`is ${stored}[${shape}], which takes ${wanted} bytes, but has ${end - begin}`);
  return { dtype: stored, shape: shape as number[], begin, end };
}

/** The values must lie side by side: neither overlapping nor leaving room for what nobody checks. */
function checkSpans(spans: { name: string; begin: number; end: number }[], room: number): void {
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of spans) {
    const quoted = JSON.stringify(name);
    if (begin < at)
      throw new FormatError(
        `safetensors: ${quoted} begins at byte ${begin}, inside the tensor before it, which ends at ${at}`,
      );
    if (begin > at) throw new FormatError(`safetensors: ${begin - at} bytes before ${quoted} belong to no tensor`);
    at = end;
  }
  if (at !== room) throw new FormatError(`safetensors: ${room - at} bytes at the end belong to no tensor`);
}
