// Tar archives, made here block by block.
import { describe, expect, test } from "vitest";
import { FormatError } from "@weft/formats";
import { fromTar } from "../src/tar.ts";

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

interface Member {
  readonly name: string;
  readonly body?: string;
  readonly kind?: string;
  readonly size?: string;
  readonly magic?: string;
  readonly prefix?: string;
}

function block({ name, body = "", kind = "0", size, magic = "ustar\u000000", prefix = "" }: Member): Uint8Array {
  const bytes = new Uint8Array(512 + Math.ceil(body.length / 512) * 512);
  const octal = `${body.length.toString(8).padStart(11, "0")}\0`;
  const fields = [[0, name], [124, size ?? octal], [156, kind], [257, magic], [345, prefix], [512, body], [148, " ".repeat(8)]] as const; // prettier-ignore
  for (const [at, text] of fields) bytes.set(ascii(text), at);
  const sum = bytes.subarray(0, 512).reduce((a, b) => a + b, 0);
  bytes.set(ascii(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return bytes;
}
const tar = (...members: readonly Member[]): Uint8Array =>
  Uint8Array.from(Buffer.concat([...members.map(block), new Uint8Array(1024)]));
const read = (archive: Uint8Array) =>
  Object.fromEntries([...fromTar(archive)].map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]));

describe("fromTar", () => {
  test("reads files, and leaves out folders, links and what is said about files", () => {
    const long = "x".repeat(600);
    expect(
      read(
        tar(
          { name: "d/", kind: "5" },
          { name: "d/a.txt", body: "hello" },
          { name: "pax", body: "30 mtime=1.5\n", kind: "x" },
          { name: "b.txt", body: long, kind: "\0" },
          { name: "c", kind: "2" },
          { name: "e", prefix: "far/away" },
          { name: "f", magic: "ustar  \0", prefix: "1234" },
        ),
      ),
    ).toEqual({ "d/a.txt": "hello", "b.txt": long, "far/away/e": "", f: "" });
    expect(read(tar())).toEqual({});
  });

  test.each([
    ["nothing", new Uint8Array(), "the archive ends after 0 bytes, without its last block"],
    ["no archive", ascii("x".repeat(512)), 'the checksum of the header at byte 0 is "xxxxxxxx", wanted octal digits'],
    ["a missing end", tar({ name: "a" }).subarray(0, 512), "the archive ends after 512 bytes, without its last block"],
    [
      "an over-long file",
      tar({ name: "a", size: "77777777777\0" }),
      '"a" claims 8589934591 bytes, the archive ends after 1024',
    ],
    [
      "a binary size",
      tar({ name: "a", size: "\x80\0\0\0\0\0\0\0\0\0\0\x01" }),
      'the size of "a" is "\ufffd", wanted octal digits',
    ],
    ["two files of a name", tar({ name: "a" }, { name: "a" }), 'two files are named "a"'],
    ["an unknown kind", tar({ name: "a", kind: "S" }), '"a" is of the unknown kind "S"'],
  ])("refuses %s", (_, bytes, problem) => {
    let error: unknown;
    try {
      fromTar(bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toBe(`tar: ${problem}`);
  });

  test("finds every changed bit that a checksum is of, and every cut", () => {
    const archive = tar({ name: "a.txt", body: "hello" });
    for (let bit = 0; bit < 512 * 8; bit++) {
      const changed = archive.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      if (bit >> 3 >= 148 && bit >> 3 < 156) continue; // the checksum itself: a blank in place of 0 is the same number
      expect(() => fromTar(changed), `bit ${bit}`).toThrow(FormatError);
    }
    for (let length = 0; length < 1536; length++)
      expect(() => fromTar(archive.subarray(0, length))).toThrow(FormatError);
  });
});
