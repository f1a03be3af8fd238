// The safetensors format, byte for byte as its reference library writes it: eight bytes with the length of a JSON
// header, the header, and the values without gaps. A file is untrusted until every number in its header has been
// checked.
import { ArgumentError, printable } from "@weft/tensor";
import { count, describe, oneOf, type OptionKind, quoted, sizeOf } from "@weft/tensor/internals";
import { joined, viewOf, wantBytes } from "../bytes.ts";
import { FormatError, refuse } from "../format-error.ts";
import { byCodePoint } from "../text-order.ts";
import { readMetadata, writtenMetadata, type Metadata } from "./metadata.ts";
import { halfCharacter, isTable, parseStrict, type Table } from "./strict-json.ts";

/** Bytes per element of each dtype, in the order in which the reference library writes tensors. */
export const bytesOf = {
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
const order = Object.keys(bytesOf) as StoredType[];

/** The format's names of dtypes. */
export type StoredType = keyof typeof bytesOf;
export const storedName: OptionKind<StoredType> = oneOf(...order);

/** One tensor of a file: its values are the bytes in the file, little-endian and row-major. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** What a file holds: tensors by name, and metadata. */
export interface Stored {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Metadata;
}

/** A tensor in the header of a file: its values are the bytes from `begin` to `end` of the file. */
interface StoredEntry {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The header of a file. */
export interface StoredIndex {
  readonly entries: ReadonlyMap<string, StoredEntry>;
  readonly metadata: Metadata;
}

/** The reference library rejects longer headers, and so does this one. */
const longestHeader = 100_000_000;

/**
 * Writes the format, byte for byte as the reference library does: by dtype and then by name. Wide elements come first,
 * so that every tensor is aligned for a typed array. Throws if the result could not be read back.
 *
 * Header: `{"__metadata__": {…}, name: {"dtype", "shape", "data_offsets": [begin, end]}, …}`.
 *
 * @example
 * const one = { dtype: "F16", shape: [1], bytes: Uint8Array.of(0, 0x3c) };
 * const file = writeSafetensors({ tensors: new Map([["one", one]]), metadata: { epoch: 3 } });
 * readSafetensors(file).metadata.epoch; // 3
 */
export function writeSafetensors(stored: Stored): Uint8Array<ArrayBuffer> {
  if (!(stored?.tensors instanceof Map))
    throw new ArgumentError(`writeSafetensors: wanted { tensors, metadata }, tensors a Map, got ${describe(stored)}`);
  return joined(piecesOf(stored));
}

/** The same as pieces in order: the header, then the bytes of each tensor. */
export function piecesOf({ tensors, metadata }: Stored): Uint8Array[] {
  const rank = ({ dtype }: StoredTensor): number => order.indexOf(dtype);
  const entries = [...tensors].toSorted(([p, a], [q, b]) => rank(a) - rank(b) || byCodePoint(p, q));
  const notes = writtenMetadata(metadata);
  const header: [string, unknown][] = Object.keys(notes).length === 0 ? [] : [["__metadata__", notes]];
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of entries) {
    wantEntry(name, dtype, shape);
    const wanted = sizeOf(shape) * bytesOf[dtype];
    if (name === "__metadata__") throw new FormatError(`safetensors: a tensor cannot be named "__metadata__"`);
    if (halfCharacter.test(name)) throw new FormatError(`safetensors: the name ${quoted(name)} is not valid Unicode`);
    if (bytes.length !== wanted)
      throw new FormatError(
        `safetensors: ${quoted(name)} ${dtype}[${shape}] takes ${wanted} bytes, got ${bytes.length}`,
      );
    header.push([name, { dtype, shape, data_offsets: [end, end + wanted] }]);
    end += wanted;
  }
  const body = header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  const text = new TextEncoder().encode(`{${body}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > longestHeader)
    throw new FormatError(
      `safetensors: names and metadata take ${length} bytes, a header has at most ${longestHeader}`,
    );
  const head = new Uint8Array(8 + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(text, 8);
  return [head, ...entries.map(([, { bytes }]) => bytes)];
}

/** Refuses to write an entry that could not be read. */
function wantEntry(name: string, dtype: unknown, shape: unknown): void {
  if (!storedName.is(dtype))
    throw new FormatError(
      `safetensors: ${quoted(name)} has the dtype ${shown(dtype)}, wanted one of ${order.join(", ")}`,
    );
  if (!Array.isArray(shape) || !shape.every(count.is))
    throw new FormatError(`safetensors: ${quoted(name)} has the shape ${shown(shape)}, wanted a list of sizes`);
}

/**
 * Reads the format, and throws a FormatError for anything else. The tensors are views of `file`.
 *
 * @example
 * const { tensors } = readSafetensors(await toBytes(Linear(784, 10)));
 * tensors.get("weight").shape; // [10, 784]
 */
export function readSafetensors(file: Uint8Array): Stored {
  const { entries, metadata } = readIndex(file, file?.length);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, begin, end }] of entries)
    tensors.set(name, { dtype, shape, bytes: file.subarray(begin, end) });
  return { tensors, metadata };
}

/** Where the header ends in a file of `size` bytes that begins with `first`. */
export function headerEnd(first: Uint8Array, size: number): number {
  wantBytes("safetensors", first);
  if (size < 8) return refuse("safetensors", first, `a file has at least 8 bytes, this has ${size}`);
  const length = viewOf(first).getBigUint64(0, true);
  if (length > longestHeader)
    return refuse("safetensors", first, `the header claims ${length} bytes, at most ${longestHeader} are allowed`);
  const end = 8 + Number(length);
  if (end > size)
    return refuse("safetensors", first, `the header claims ${length} bytes, the file ends after ${size - 8}`);
  return end;
}

/** Reads the header of a file of `size` bytes. `first` is the beginning of the file, at least the whole header. */
export function readIndex(first: Uint8Array, size: number): StoredIndex {
  const start = headerEnd(first, size);
  const header = readHeader(first, start);
  const room = size - start;
  const entries = new Map<string, StoredEntry>();
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  const spans: { name: string; begin: number; end: number }[] = [];
  for (const name of Object.keys(header)) {
    if (name === "__metadata__") {
      const notes = header[name];
      if (!isTable(notes)) throw new FormatError("safetensors: __metadata__ is not a JSON object of strings");
      for (const key of Object.keys(notes)) {
        const text = notes[key];
        if (typeof text !== "string")
          throw new FormatError(`safetensors: __metadata__ has ${quoted(key)}, which is not a string`);
        texts[key] = text;
      }
      continue;
    }
    const { dtype, shape, begin, end } = readEntry(name, header[name], room);
    spans.push({ name, begin, end });
    entries.set(name, { dtype, shape, begin: start + begin, end: start + end });
  }
  checkSpans(spans, room);
  return { entries, metadata: readMetadata(texts) };
}

function readHeader(first: Uint8Array, end: number): Table {
  let header: unknown;
  try {
    // A byte order mark is not part of the format: it is kept here, and rejected below.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(first.subarray(8, end));
    header = parseStrict(text);
    if (isTable(header) && text[0] !== "{") return refuse("safetensors", first, "the header does not begin with {");
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    const why = cause instanceof SyntaxError ? `: ${cause.message}` : "";
    return refuse("safetensors", first, `the header is not JSON in UTF-8${why}`);
  }
  return isTable(header) ? header : refuse("safetensors", first, "the header is not a JSON object");
}

const shown = (value: unknown): string => printable(JSON.stringify(value) ?? "nothing", 120);
const fields = ["dtype", "shape", "data_offsets"];

function readEntry(name: string, value: unknown, room: number): StoredEntry {
  const refuse = (why: string): never => {
    throw new FormatError(`safetensors: ${quoted(name)} ${why}`);
  };
  if (!isTable(value)) return refuse("is not described by a JSON object");
  const unknown = Object.keys(value).find((field) => !fields.includes(field));
  if (unknown !== undefined) return refuse(`has the field ${quoted(unknown)}, the format knows ${fields.join(", ")}`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(bytesOf, dtype))
    return refuse(`has the dtype ${shown(dtype)}, which the format does not know`);
  if (!Array.isArray(shape) || !shape.every(count.is))
    return refuse(`has the shape ${shown(shape)}, wanted a list of sizes`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(count.is))
    return refuse(`has the offsets ${shown(offsets)}, wanted [begin, end]`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) return refuse(`ends at byte ${end}, before it begins at ${begin}`);
  if (end > room) return refuse(`ends at byte ${end}, the file has ${room} bytes of values`);
  const stored = dtype as StoredType;
  const wanted = sizeOf(shape) * bytesOf[stored];
  if (wanted !== end - begin)
    return refuse(
      `is ${stored}[${printable(String(shape), 120)}], which takes ${wanted} bytes, but has ${end - begin}`,
    );
  return { dtype: stored, shape: shape as number[], begin, end };
}

/** Checks that the tensors fill the file without overlaps and without gaps. */
function checkSpans(spans: { name: string; begin: number; end: number }[], room: number): void {
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of spans) {
    if (begin < at)
      throw new FormatError(
        `safetensors: ${quoted(name)} begins at byte ${begin}, inside the tensor before it, which ends at ${at}`,
      );
    if (begin > at)
      throw new FormatError(`safetensors: ${begin - at} bytes before ${quoted(name)} belong to no tensor`);
    at = end;
  }
  if (at !== room) throw new FormatError(`safetensors: ${room - at} bytes at the end belong to no tensor`);
}
