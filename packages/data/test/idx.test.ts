// IDX files: what is read, and the errors for files that are truncated, hostile, or something else.
import { describe, expect, test } from "vitest";
import { WeftError } from "@weft/tensor";
import { DataError, parseIdx } from "@weft/data";

const idx = (type: number, shape: readonly number[], body: readonly number[]): Uint8Array =>
  Uint8Array.from([0, 0, type, shape.length, ...shape.flatMap(big), ...body]);
const big = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

describe("reads", () => {
  test.each([
    ["unsigned bytes", idx(0x08, [2, 2], [0, 127, 128, 255]), "u8", [2, 2], Uint8Array.of(0, 127, 128, 255)],
    ["signed bytes", idx(0x09, [2], [127, 128]), "i32", [2], Int32Array.of(127, -128)],
    ["shorts", idx(0x0b, [2], [1, 2, 255, 254]), "i32", [2], Int32Array.of(258, -2)],
    ["ints", idx(0x0c, [1], [255, 255, 255, 254]), "i32", [1], Int32Array.of(-2)],
    ["floats", idx(0x0d, [1], [0x3f, 0xc0, 0, 0]), "f32", [1], Float32Array.of(1.5)],
    ["doubles", idx(0x0e, [1], [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]), "f64", [1], Float64Array.of(1.5)],
    ["five axes", idx(0x08, [1, 2, 1, 2, 1], [1, 2, 3, 4]), "u8", [1, 2, 1, 2, 1], Uint8Array.of(1, 2, 3, 4)],
    [
      "seven axes of shorts",
      idx(0x0b, [1, 1, 1, 1, 1, 1, 2], [0, 1, 0, 2]),
      "i32",
      [1, 1, 1, 1, 1, 1, 2],
      Int32Array.of(1, 2),
    ],
    ["nothing at all", idx(0x08, [0, 28, 28], []), "u8", [0, 28, 28], new Uint8Array(0)],
  ])("%s", (_, bytes, dtype, shape, data) => {
    expect(parseIdx(bytes)).toEqual({ data, shape, dtype });
  });

  test("from the middle of a larger buffer, into memory of its own", () => {
    const file = idx(0x08, [3], [7, 8, 9]);
    const around = new Uint8Array(file.length + 5);
    around.set(file, 5);
    const { data } = parseIdx(around.subarray(5));
    around.fill(0);
    expect([...data]).toEqual([7, 8, 9]);
  });
});

describe("refuses", () => {
  const digits = idx(0x08, [2, 3], [1, 2, 3, 4, 5, 6]);
  test.each([
    ["nothing", new Uint8Array(0), "parseIdx: the file has 0 bytes, too few for the 4 magic bytes of an IDX file."],
    [
      "another format",
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d),
      "parseIdx: the file begins with 89 50 4e 47, which is not an IDX file. Wanted 00 00, a type (08 09 0b 0c 0d 0e) and the number of axes.",
    ],
    [
      "a type that there is not",
      Uint8Array.of(0, 0, 10, 1, 0, 0, 0, 0),
      "parseIdx: the file begins with 00 00 0a 01, which is not an IDX file. Wanted 00 00, a type (08 09 0b 0c 0d 0e) and the number of axes.",
    ],
    [
      "a file that is still packed",
      Uint8Array.of(0x1f, 0x8b, 8, 0),
      "parseIdx: the file begins with 1f 8b 08 00, which is not an IDX file. These are the first bytes of a gzip file: unpack it first.",
    ],
    [
      "a truncated header",
      digits.subarray(0, 9),
      "parseIdx: the file ends after 9 bytes, inside the sizes of its 2 axes (12 bytes).",
    ],
    [
      "truncated numbers",
      digits.subarray(0, 15),
      "parseIdx: the file claims the shape [2,3] of unsigned bytes, which takes 18 bytes with the header, but has 15. It is truncated, or not what it claims to be.",
    ],
    [
      "bytes behind the numbers",
      Uint8Array.from([...digits, 0]),
      "parseIdx: the file claims the shape [2,3] of unsigned bytes, which takes 18 bytes with the header, but has 19. Something follows the numbers.",
    ],
    [
      "sizes that no memory holds",
      idx(0x0e, [0xffffffff, 0xffffffff, 0xffffffff], []),
      "parseIdx: the file claims the shape [4294967295,4294967295,4294967295] of doubles, which takes 6.3382529967139284e+29 bytes with the header, but has 16. It is truncated, or not what it claims to be.",
    ],
    [
      "sizes whose product wraps around to the right number in 32 bits",
      idx(0x08, [0x10000, 0x10000], []),
      "parseIdx: the file claims the shape [65536,65536] of unsigned bytes, which takes 4294967308 bytes with the header, but has 12. It is truncated, or not what it claims to be.",
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => parseIdx(bytes)).toThrow(new DataError(message));
  });

  test("255 axes without allocating for them", () => {
    const bytes = Uint8Array.from([0, 0, 8, 255, ...Array.from({ length: 1020 }, () => 255)]);
    expect(() => parseIdx(bytes)).toThrow(/which takes Infinity bytes with the header, but has 1024/);
  });

  test("by name, with an error that is one of Weft's", () => {
    const error = (() => {
      try {
        parseIdx(new Uint8Array(2), "labels.idx");
      } catch (e) {
        return e;
      }
      return undefined;
    })();
    expect(error).toBeInstanceOf(WeftError);
    expect((error as Error).name).toBe("DataError");
    expect((error as Error).message).toBe(
      "parseIdx: labels.idx has 2 bytes, too few for the 4 magic bytes of an IDX file.",
    );
  });
});

test("every way of cutting a file off is an error, never a wrong array", () => {
  const whole = idx(
    0x0c,
    [2, 2],
    Array.from({ length: 16 }, (_, i) => i),
  );
  for (let n = 0; n < whole.length; n++) expect(() => parseIdx(whole.subarray(0, n))).toThrow(DataError);
  expect(parseIdx(whole).data.length).toBe(4);
});
