// The directory of a zip archive: which files it has, where their bytes are, and how long they will be. Every number is
// checked against the archive before a byte is unpacked, and what is said twice must be said the same twice.
import { quoted } from "@weft/tensor/internals";
import { viewOf } from "../bytes.ts";
import { FormatError, refuse } from "../format-error.ts";

/** A file of an archive, as its directory describes it. */
export interface Listed {
  readonly name: string;
  /** 0: stored as it is, 8: deflate. */
  readonly method: number;
  readonly crc: number;
  /** Its length when it is unpacked. */
  readonly size: number;
  /** Where its bytes are in the archive. */
  readonly begin: number;
  readonly end: number;
}

const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, wideEnd: 0x06064b50, wideLocator: 0x07064b50 }; // prettier-ignore
/** In place of a number that needs 64 bits and stands elsewhere. */
const elsewhere = { 16: 0xffff, 32: 0xffffffff };
/** Bits of the flags: encryption of three kinds. */
const encrypted = 0x2041;
const sizesFollow = 8;
const utf8 = 0x800;

const methods: Readonly<Record<number, string>> = {
  1: "shrinking",
  6: "imploding",
  9: "Deflate64",
  12: "bzip2",
  14: "LZMA",
  93: "Zstandard",
  95: "XZ",
  98: "PPMd",
};

const fail = (problem: string): never => {
  throw new FormatError(`zip: ${problem}`);
};

const wide = (view: DataView, at: number): number => {
  const n = Number(view.getBigUint64(at, true));
  return Number.isSafeInteger(n) ? n : fail(`it claims a size or position of ${n}`);
};

/** Where the list of files is, and how many there are. */
interface Directory {
  readonly begin: number;
  readonly end: number;
  readonly count: number;
}

function directoryOf(file: Uint8Array, view: DataView): Directory {
  const at = endRecord(file, view);
  const [disk, firstDisk, here, count] = [4, 6, 8, 10].map((k) => view.getUint16(at + k, true)) as [
    number, number, number, number,
  ]; // prettier-ignore
  const size = view.getUint32(at + 12, true);
  const begin = view.getUint32(at + 16, true);
  if (at >= 20 && view.getUint32(at - 20, true) === signature.wideLocator) {
    const record = wide(view, at - 12);
    if (record + 56 > at - 20 || view.getUint32(record, true) !== signature.wideEnd)
      return fail("its zip64 end record is not where its locator says");
    const narrow = { begin: [begin, 32], size: [size, 32], count: [count, 16] } as const;
    const real = { begin: wide(view, record + 48), size: wide(view, record + 40), count: wide(view, record + 32) };
    for (const [name, [value, bits]] of Object.entries(narrow))
      if (value !== elsewhere[bits] && value !== real[name as "size"])
        return fail(`its two end records do not agree on the ${name} of the directory`);
    return checkedDirectory(real.begin, real.size, real.count, record);
  }
  if (disk !== 0 || firstDisk !== 0 || here !== count) return fail("it is one of several parts of an archive");
  return checkedDirectory(begin, size, count, at);
}

/** The last record of an archive: 22 bytes and a comment, which must end where the archive ends. */
function endRecord(file: Uint8Array, view: DataView): number {
  for (let at = file.length - 22; at >= Math.max(0, file.length - 22 - 0xffff); at--)
    if (view.getUint32(at, true) === signature.end && view.getUint16(at + 20, true) === file.length - at - 22)
      return at;
  return refuse("zip", file, "it does not end as an archive does; it may be truncated");
}

function checkedDirectory(begin: number, size: number, count: number, end: number): Directory {
  if (begin + size !== end)
    return fail(`its directory is said to have ${size} bytes from byte ${begin} on, but it ends at ${end}`);
  if (count * 46 > size) return fail(`it claims ${count} files, its directory has ${size} bytes`);
  return { begin, end, count };
}

/** The extra field that has the numbers of 64 bits; gives those that `elsewhere` stands for, in order. */
function wideNumbers(view: DataView, begin: number, end: number, count: number): number[] {
  if (count === 0) return [];
  for (let at = begin; at + 4 <= end;) {
    const [id, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (id === 1 && size >= 8 * count && at + 4 + size <= end)
      return Array.from({ length: count }, (_, k) => wide(view, at + 4 + 8 * k));
    at += 4 + size;
  }
  return fail("a size or position is said to be in a zip64 field that is not there");
}

/** Numbers of 32 bits as they are claimed, but those of 64 bits from the extra field. */
function realNumbers(view: DataView, begin: number, end: number, claimed: readonly number[]): number[] {
  const wides = wideNumbers(view, begin, end, claimed.filter((n) => n === elsewhere[32]).length);
  return claimed.map((n) => (n === elsewhere[32] ? wides.shift()! : n));
}

function nameOf(bytes: Uint8Array, flags: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    if ((flags & utf8) !== 0) return fail("a name is not UTF-8, although it is said to be");
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** The files of an archive, without folders, in the order of its directory. */
export function filesOf(file: Uint8Array): Listed[] {
  const view = viewOf(file);
  const directory = directoryOf(file, view);
  const files: (Listed & { readonly start: number })[] = [];
  const names = new Set<string>();
  let at = directory.begin;
  for (let k = 0; k < directory.count; k++) {
    if (at + 46 > directory.end || view.getUint32(at, true) !== signature.central)
      return fail(`entry ${k} of its directory is not one`);
    const half = (offset: number): number => view.getUint16(at + offset, true);
    const word = (offset: number): number => view.getUint32(at + offset, true);
    const [nameEnd, extraEnd] = [at + 46 + half(28), at + 46 + half(28) + half(30)];
    const next = extraEnd + half(32);
    if (next > directory.end) return fail(`entry ${k} of its directory is longer than the directory`);
    const rawName = file.subarray(at + 46, nameEnd);
    const name = nameOf(rawName, half(8));
    const claimed = [word(24), word(20), word(42)];
    const [size, packed, start] = realNumbers(view, nameEnd, extraEnd, claimed) as [number, number, number];
    const entry = { name, rawName, flags: half(8), method: half(10), crc: word(16), size, packed, start };
    const begin = localEnd(file, view, entry, directory.begin);
    if (begin + packed > directory.begin) return fail(`${quoted(name)} ends inside the directory`);
    if (entry.method === 0 && packed !== size)
      return fail(`${quoted(name)} is stored in ${packed} bytes, but claims ${size}`);
    if (names.has(name)) return fail(`two files are named ${quoted(name)}`);
    names.add(name);
    files.push({ name, method: entry.method, crc: entry.crc, size, begin, end: begin + packed, start });
    at = next;
  }
  if (at !== directory.end) return fail(`its directory has ${directory.end - at} bytes beyond its ${directory.count} files`); // prettier-ignore
  const placed = files.toSorted((a, b) => a.start - b.start);
  const overlapping = placed.findIndex(({ start }, k) => k > 0 && start < placed[k - 1]!.end);
  if (overlapping > 0)
    return fail(`${quoted(placed[overlapping]!.name)} begins inside ${quoted(placed[overlapping - 1]!.name)}`);
  return files.filter(({ name, size }) => !(name.endsWith("/") && size === 0));
}

interface Entry {
  readonly name: string;
  readonly rawName: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly size: number;
  readonly packed: number;
  readonly start: number;
}

/** Checks the header in front of a file's bytes, and returns where it ends. */
function localEnd(file: Uint8Array, view: DataView, entry: Entry, end: number): number {
  const { name, start, flags, method } = entry;
  if (((flags | 0) & encrypted) !== 0) return fail(`${quoted(name)} is encrypted`);
  if (method !== 0 && method !== 8) {
    const kind = methods[method] ?? "an unknown method";
    return fail(`${quoted(name)} is compressed by ${kind} (${method}); stored and deflated files can be read`);
  }
  if (start + 30 > end || view.getUint32(start, true) !== signature.local)
    return fail(`${quoted(name)} is not where the directory says`);
  const nameEnd = start + 30 + view.getUint16(start + 26, true);
  const begin = nameEnd + view.getUint16(start + 28, true);
  if (begin > end) return fail(`the header of ${quoted(name)} ends inside the directory`);
  const localFlags = view.getUint16(start + 6, true);
  if ((localFlags & encrypted) !== 0) return fail(`${quoted(name)} is encrypted`);
  const claimed = [view.getUint32(start + 22, true), view.getUint32(start + 18, true)];
  const [size, packed] = realNumbers(view, nameEnd, begin, claimed) as [number, number];
  const crc = view.getUint32(start + 14, true);
  const later = (localFlags & sizesFollow) !== 0 && size === 0 && packed === 0;
  if (!same(file.subarray(start + 30, nameEnd), entry.rawName) || view.getUint16(start + 8, true) !== method)
    return fail(`the header of ${quoted(name)} says otherwise than the directory`);
  if (!later && (size !== entry.size || packed !== entry.packed || crc !== entry.crc))
    return fail(`the header of ${quoted(name)} says otherwise than the directory about its size or checksum`);
  return begin;
}
