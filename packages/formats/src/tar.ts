// Tar archives: the files in them, each behind a block of 512 bytes that says its name and size.
import { quoted } from "@weft/tensor/internals";
import { FormatError } from "./format-error.ts";

const block = 512;

const fail = (problem: string): never => {
  throw new FormatError(`tar: ${problem}`);
};

/** A field of text, which ends at a zero byte. */
const text = (header: Uint8Array, begin: number, length: number): string =>
  new TextDecoder().decode(header.subarray(begin, begin + length)).replace(/\0.*$/s, "");

/** A field with a number in octal digits. */
function octal(header: Uint8Array, begin: number, length: number, what: string): number {
  const digits = text(header, begin, length).trim();
  return /^[0-7]+$/.test(digits)
    ? Number.parseInt(digits, 8)
    : fail(`${what} is ${quoted(digits)}, wanted octal digits`);
}

/** Blocks that say more about the next file (pax, GNU): what is read here does not need it. */
const about = new Set(["x", "g", "L", "K"]);

/**
 * The files of a tar archive by name, as views of it. Folders and links are left out. Throws a FormatError for what is no
 * archive, ends early, or has two files of one name.
 *
 * Source: POSIX.1-1988, "ustar".
 */
export function fromTar(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; ;) {
    if (at + block > bytes.length) return fail(`the archive ends after ${bytes.length} bytes, without its last block`);
    const header = bytes.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return files;
    const where = `the header at byte ${at}`;
    const claimed = octal(header, 148, 8, `the checksum of ${where}`);
    const sum = header.reduce((s, byte, k) => s + (k >= 148 && k < 156 ? 0x20 : byte), 0);
    if (sum !== claimed) return fail(`${where} has the checksum ${sum}, but claims ${claimed}`);
    const prefix = text(header, 257, 6) === "ustar" ? text(header, 345, 155) : "";
    const name = (prefix === "" ? "" : `${prefix}/`) + text(header, 0, 100);
    const size = octal(header, 124, 12, `the size of ${quoted(name)}`);
    const begin = at + block;
    if (begin + size > bytes.length)
      return fail(`${quoted(name)} claims ${size} bytes, the archive ends after ${bytes.length - begin}`);
    const kind = text(header, 156, 1);
    if (kind === "" || kind === "0" || kind === "7") {
      if (files.has(name)) return fail(`two files are named ${quoted(name)}`);
      files.set(name, bytes.subarray(begin, begin + size));
    } else if (!about.has(kind) && !/^[1-6]$/.test(kind))
      return fail(`${quoted(name)} is of the unknown kind ${quoted(kind)}`);
    at = begin + Math.ceil(size / block) * block;
  }
}
