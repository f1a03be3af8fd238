// Zip archives: the files in them, and archives of files. Files are stored as they are or deflated.
import { deflateSync, Inflate } from "fflate";
import { ArgumentError } from "@weft/tensor";
import { boolean, nonNegative, quoted, readOptions } from "@weft/tensor/internals";
import { joined, wantBytes } from "../bytes.ts";
import { FormatError } from "../format-error.ts";
import { crc32 } from "./checksum.ts";
import { filesOf, type Listed } from "./directory.ts";

/** A file of an archive. */
export interface ZipFile {
  readonly name: string;
  /** Its length when it is unpacked. */
  readonly size: number;
  /** Unpacks it and checks its checksum. What is not compressed is a view of the archive. */
  bytes(): Uint8Array;
}

/** Options of `fromZip` and `fromNpz`. */
export interface UnpackOptions {
  /** How many bytes all compressed files of the archive may have when they are unpacked (default: 2 GiB). */
  readonly maxBytes?: number;
}

export const unpackKinds = { maxBytes: nonNegative };
export const unpackDefaults = { maxBytes: 2 ** 31 };

/** No byte of deflate stands for more: 258 bytes take two bits. */
const mostPerByte = 1032;

/**
 * The files of a zip archive, by name, each unpacked when it is asked for. Sizes are checked before anything is unpacked:
 * against the archive, against what deflate can pack, and against `maxBytes`. Folders are left out. Names are as they are
 * in the archive, `../` included: do not write to them.
 *
 * Throws a FormatError for what is no archive, is encrypted or compressed by another method, has two files of one name or
 * of overlapping bytes, or does not have the sizes and checksums that it claims.
 *
 * Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", with zip64.
 *
 * @example
 * const archive = toZip({ "a.txt": new TextEncoder().encode("hello") });
 * fromZip(archive).get("a.txt").size; // 5
 */
export function fromZip(bytes: Uint8Array, options?: UnpackOptions): ReadonlyMap<string, ZipFile> {
  const { maxBytes } = readOptions("fromZip", options, unpackKinds, unpackDefaults);
  return unpacked(wantBytes("fromZip", bytes), maxBytes);
}

/** The same without checks of arguments. */
export function unpacked(archive: Uint8Array, maxBytes: number): ReadonlyMap<string, ZipFile> {
  const files = filesOf(archive);
  let total = 0;
  for (const { name, method, size, begin, end } of files) {
    if (method === 0) continue;
    if (size > mostPerByte * (end - begin))
      throw new FormatError(
        `zip: ${quoted(name)} claims ${size} bytes, ${end - begin} compressed ones cannot hold them`,
      );
    total += size;
  }
  if (total > maxBytes)
    throw new FormatError(
      `zip: its files claim ${total} bytes when unpacked, at most ${maxBytes} are allowed (maxBytes)`,
    );
  return new Map(
    files.map((file) => [file.name, { name: file.name, size: file.size, bytes: () => contents(archive, file) }]),
  );
}

function contents(archive: Uint8Array, { name, method, size, crc, begin, end }: Listed): Uint8Array {
  const packed = archive.subarray(begin, end);
  const bytes = method === 0 ? packed : inflated(packed, size, name);
  if (crc32(bytes) !== crc)
    throw new FormatError(`zip: ${quoted(name)} does not have the checksum that the archive has for it`);
  return bytes;
}

/** So much is unpacked before its length is looked at again. */
const piece = 2 ** 14;

function inflated(packed: Uint8Array, size: number, name: string): Uint8Array {
  const out = new Uint8Array(size);
  let length = 0;
  const inflate = new Inflate((part) => {
    if (length + part.length > size)
      throw new FormatError(`zip: ${quoted(name)} has more than the ${size} bytes that the archive claims`);
    out.set(part, length);
    length += part.length;
  });
  try {
    for (let at = 0; at < packed.length || at === 0; at += piece)
      inflate.push(packed.subarray(at, at + piece), at + piece >= packed.length);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError(`zip: ${quoted(name)} cannot be unpacked: ${why}`, { cause });
  }
  if (length !== size) throw new FormatError(`zip: ${quoted(name)} has ${length} bytes, the archive claims ${size}`);
  return out;
}

/** Options of `toZip` and `toNpz`. */
export interface PackOptions {
  /** Whether files are deflated where that makes them smaller (default: false). */
  readonly compress?: boolean;
}

/** 1980-01-01, the first day that zip knows: archives of the same files are the same. */
const date = 0x21;

/**
 * A zip archive of files by name, in their order. The same files give the same bytes.
 *
 * @example
 * const archive = toZip({ "a.txt": new TextEncoder().encode("hello") }, { compress: true });
 * [...fromZip(archive).keys()].join(); // "a.txt"
 */
export function toZip(
  files: Readonly<Record<string, Uint8Array>> | ReadonlyMap<string, Uint8Array>,
  options?: PackOptions,
): Uint8Array<ArrayBuffer> {
  const { compress } = readOptions("toZip", options, { compress: boolean }, { compress: false });
  return packed(files instanceof Map ? files : Object.entries(files), compress);
}

/** The same without checks of options. */
export function packed(files: Iterable<readonly [string, Uint8Array]>, compress: boolean): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, bytes] of files) {
    wantBytes(`toZip: ${quoted(name)}`, bytes);
    const rawName = new TextEncoder().encode(name);
    if (rawName.length > 0xffff) throw new ArgumentError(`toZip: the name ${quoted(name)} is too long`);
    const deflated = compress ? deflateSync(bytes) : bytes;
    const [method, body] = deflated.length < bytes.length ? [8, deflated] : [0, bytes];
    const about = [20, 0x800, method, 0, date];
    const numbers = [crc32(bytes), body.length, bytes.length];
    const local = record("PK\x03\x04", about, numbers, [rawName.length, 0]);
    directory.push(record("PK\x01\x02", [20, ...about], numbers, [rawName.length, 0, 0, 0, 0, 0, 0], [at]), rawName);
    pieces.push(local, rawName, body);
    at += local.length + rawName.length + body.length;
  }
  const size = directory.reduce((n, { length }) => n + length, 0);
  const count = directory.length / 2;
  if (count > 0xfffe || at + size > 0xfffffffe)
    throw new ArgumentError(`toZip: ${count} files of ${at} bytes are more than an archive takes: 65,534 of 4 GiB`);
  return joined([...pieces, ...directory, record("PK\x05\x06", [0, 0, count, count], [size, at], [0])]);
}

/** A record of an archive: four characters, then by turns numbers of 16 and of 32 bits. */
function record(mark: string, ...groups: readonly (readonly number[])[]): Uint8Array {
  const widths = groups.flatMap((group, k) => group.map((value) => [value, k % 2 === 0 ? 2 : 4] as const));
  const bytes = new Uint8Array(4 + widths.reduce((n, [, width]) => n + width, 0));
  bytes.set(Array.from(mark, (c) => c.charCodeAt(0)));
  let at = 4;
  for (const [value, width] of widths) for (let k = 0; k < width; k++) bytes[at++] = Math.floor(value / 256 ** k) & 255;
  return bytes;
}
