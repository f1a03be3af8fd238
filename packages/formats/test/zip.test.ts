// Archives: what Python wrote (fixtures/make-zip.py) is read, and one that lies is refused before it is unpacked.
import { expect, test } from "vitest";
import { fromZip, toZip } from "@weft/formats";
import made from "./fixtures/zip.json" with { type: "json" };

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const unpack = (archive: Uint8Array): Record<string, string> =>
  Object.fromEntries([...fromZip(archive)].map(([name, file]) => [name, Buffer.from(file.bytes()).toString()]));

test.each(["deflated", "stored", "streamed", "wide", "comment"] as const)("reads one that is %s", (name) => {
  expect(unpack(bytes(made[name]))).toEqual({ "a.txt": "hello ".repeat(20), "folder/ü.txt": "bytes", empty: "" });
});

const files = { a: text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "ü/b": text("b"), c: new Uint8Array() };

test.each([false, true])("what is written (compressed: %s) is read back, and is the same each time", (compress) => {
  const archive = toZip(files, { compress });
  expect(unpack(archive)).toEqual({ a: "a".repeat(36), "ü/b": "b", c: "" });
  expect(toZip(new Map(Object.entries(files)), { compress })).toEqual(archive);
  expect(fromZip(archive).get("a")!.size).toBe(36);
  expect(fromZip(toZip({})).size).toBe(0);
});

const stored = toZip(files);
const packed = toZip(files, { compress: true });
/** Where the records of the directory begin, and the end record. */
const end = (archive: Uint8Array): number => archive.length - 22;
const central = (archive: Uint8Array): number => Buffer.from(archive).readUInt32LE(end(archive) + 16);
/** A copy with some bytes changed. */
function changed(archive: Uint8Array, ...changes: readonly (readonly [at: number, ...bytes: number[]])[]): Uint8Array {
  const copy = archive.slice();
  for (const [at, ...values] of changes) copy.set(values, at);
  return copy;
}
const both = (archive: Uint8Array, local: number, ...values: number[]): Uint8Array =>
  changed(archive, [local, ...values], [central(archive) + local + 2, ...values]);

/** The directory with the numbers of its end record in 64 bits. */
function widened(archive: Uint8Array, change: (record: DataView) => void = () => {}): Uint8Array {
  const at = end(archive);
  const old = new DataView(archive.buffer, at, 22);
  const record = new DataView(new ArrayBuffer(76));
  record.setUint32(0, 0x06064b50, true);
  record.setBigUint64(4, 44n, true);
  record.setBigUint64(24, BigInt(old.getUint16(8, true)), true);
  record.setBigUint64(32, BigInt(old.getUint16(10, true)), true);
  record.setBigUint64(40, BigInt(old.getUint32(12, true)), true);
  record.setBigUint64(48, BigInt(old.getUint32(16, true)), true);
  record.setUint32(56, 0x07064b50, true);
  record.setBigUint64(64, BigInt(at), true);
  record.setUint32(72, 1, true);
  change(record);
  const last = changed(archive.slice(at), [8, ...Array<number>(12).fill(255)]);
  return Uint8Array.from([...archive.slice(0, at), ...new Uint8Array(record.buffer), ...last]);
}

test("numbers of 64 bits are read", () => {
  expect(unpack(widened(packed))).toEqual(unpack(packed));
});

test.each<[string, Uint8Array, string]>([
  ["nothing", new Uint8Array(), "zip: it does not end as an archive does; it may be truncated"],
  ["text", text("no archive, although it is longer than an end record"), "zip: it does not end as an archive does"],
  ["a web page", text(`<!doctype html>${" ".repeat(90)}`), "zip: this is an HTML page, not a model."],
  ["bytes behind it", Uint8Array.from([...stored, 0]), "zip: it does not end as an archive does"],
  ["bytes before it", Uint8Array.from([0, ...stored]), "zip: its directory is said to have"],
  ["one of two parts", changed(stored, [end(stored) + 4, 1]), "zip: it is one of several parts of an archive"],
  [
    "more files than it has",
    changed(stored, [end(stored) + 8, 4, 0, 4, 0]),
    "zip: it claims 4 files, its directory has 144 bytes",
  ],
  [
    "fewer files than it has",
    changed(stored, [end(stored) + 8, 2, 0, 2, 0]),
    "zip: its directory has 47 bytes beyond its 2 files",
  ],
  [
    "60,000 files",
    changed(stored, [end(stored) + 8, 0x60, 0xea, 0x60, 0xea]),
    "zip: it claims 60000 files, its directory has",
  ],
  ["an encrypted file", both(packed, 6, 1, 8), 'zip: "a" is encrypted'],
  ["a file encrypted in secret", changed(packed, [6, 1, 8]), 'zip: "a" is encrypted'],
  ["bzip2", bytes(made.bzip2), 'zip: "a.txt" is compressed by bzip2 (12); stored and deflated files can be read'],
  ["a method that is none", both(packed, 8, 77, 0), 'zip: "a" is compressed by an unknown method (77)'],
  ["another name in front", changed(stored, [30, 0x78]), 'zip: the header of "a" says otherwise than the directory'],
  [
    "another size in front",
    changed(stored, [22, 9]),
    'zip: the header of "a" says otherwise than the directory about its size',
  ],
  ["a stored file of two sizes", both(stored, 22, 9), 'zip: "a" is stored in 36 bytes, but claims 9'],
  [
    "a size that deflate cannot have",
    both(packed, 22, 0, 0, 0, 0x70),
    'zip: "a" claims 1879048192 bytes, 5 compressed ones cannot',
  ],
  ["a file that ends in the directory", both(packed, 18, 255, 255), 'zip: "a" ends inside the directory'],
  ["a file that is elsewhere", changed(packed, [central(packed) + 42, 3]), 'zip: "a" is not where the directory says'],
  [
    "a name of bytes",
    changed(stored, [30, 0xff], [central(stored) + 46, 0xff]),
    "zip: a name is not UTF-8, although it is said to be",
  ],
  [
    "a field of 64 bits that is not there",
    both(stored, 22, 255, 255, 255, 255),
    "zip: a size or position is said to be in a zip64 field",
  ],
  [
    "a locator to nowhere",
    widened(stored, (r) => r.setBigUint64(64, 5n, true)),
    "zip: its zip64 end record is not where",
  ],
  [
    "a directory of 2^60 bytes",
    widened(stored, (r) => r.setBigUint64(40, 2n ** 60n, true)),
    "zip: it claims a size or position of",
  ],
  [
    "2^40 files",
    widened(stored, (r) => r.setBigUint64(32, 2n ** 40n, true)),
    "zip: it claims 1099511627776 files, its directory has",
  ],
])("refuses %s", (_, archive, message) => {
  expect(() => fromZip(archive)).toThrow(
    expect.objectContaining({ name: "FormatError", message: expect.stringContaining(message) as string }),
  );
});

test("two files of one name, and two that share bytes, are refused", () => {
  const twice = toZip({ a: text("1"), b: text("2") });
  const [first, second] = [central(twice), central(twice) + 47];
  expect(() => fromZip(changed(twice, [62, 0x61], [second + 46, 0x61]))).toThrow('zip: two files are named "a"');
  const shared = changed(twice, [second + 42, 0], [second + 16, ...twice.slice(first + 16, first + 20)], [30, 0x62]);
  expect(() => fromZip(changed(shared, [first + 46, 0x62], [second + 46, 0x62]))).toThrow(
    'zip: two files are named "b"',
  );
  // One that begins in another's bytes: a stored archive inside an archive.
  const inner = toZip({ x: text("inside") });
  const outer = toZip({ o: inner });
  const at = central(outer);
  const entry = outer.slice(at, at + 47);
  const other = changed(inner.slice(central(inner), central(inner) + 47), [42, 31]);
  const last = changed(outer.slice(end(outer)), [8, 2, 0, 2, 0], [12, 94, 0]);
  const nested = Uint8Array.from([...outer.slice(0, at), ...entry, ...other, ...last]);
  expect(() => fromZip(nested)).toThrow('zip: "x" begins inside "o"');
});

test("contents that are not what the directory says are refused when they are unpacked", () => {
  const read = (archive: Uint8Array) => () => fromZip(archive).get("a")!.bytes();
  expect(read(changed(stored, [31, 0x78]))).toThrow('zip: "a" does not have the checksum that the archive has for it');
  expect(read(both(packed, 14, 1))).toThrow('zip: "a" does not have the checksum');
  expect(read(both(packed, 22, 35))).toThrow('zip: "a" has more than the 35 bytes that the archive claims');
  expect(read(both(packed, 22, 37))).toThrow('zip: "a" has 36 bytes, the archive claims 37');
  expect(read(changed(packed, [31, 7]))).toThrow(/^zip: "a" cannot be unpacked: /);
});

test("a bomb is refused by what it claims, and by what it holds", () => {
  const zeros = new Uint8Array(10_000_000);
  const bomb = toZip({ a: zeros, b: zeros }, { compress: true });
  expect(bomb.length).toBeLessThan(25_000);
  expect(() => fromZip(bomb, { maxBytes: 15e6 })).toThrow(
    "zip: its files claim 20000000 bytes when unpacked, at most 15000000 are allowed (maxBytes)",
  );
  const lying = both(bomb, 22, 100, 0, 0, 0);
  expect(() => fromZip(lying).get("a")!.bytes()).toThrow('zip: "a" has more than the 100 bytes');
});

test("arguments are checked", () => {
  expect(() => fromZip("x" as never)).toThrow('fromZip: wanted the bytes of a file as a Uint8Array, got "x"');
  expect(() => fromZip(stored, { maxBytes: -1 })).toThrow("fromZip: wanted a non-negative number as maxBytes, got");
  expect(() => toZip({ a: "x" as never })).toThrow('toZip: "a": wanted the bytes of a file as a Uint8Array, got "x"');
  expect(() => toZip({ ["x".repeat(70_000)]: files.a })).toThrow("is too long");
});
