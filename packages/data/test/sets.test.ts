// MNIST and Housing: from files of the same form made here, and from the real ones if WEFT_DATA has them.
import { gzipSync } from "node:zlib";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DataError, housing, mnist } from "@weft/data";
import type { FileSource } from "../src/files.ts";
import { housingFrom, parseTable, standardize } from "../src/housing.ts";
import { mnistFrom } from "../src/mnist.ts";

const idx = (shape: readonly number[], body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(4 + 4 * shape.length + body.length);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((d, axis) => new DataView(bytes.buffer).setUint32(4 + 4 * axis, d));
  bytes.set(body, 4 + 4 * shape.length);
  return bytes;
};
const serving = (files: Record<string, Uint8Array>): FileSource => {
  return async ({ name }) => new Uint8Array(gzipSync(files[name]!));
};
const pixels = Uint8Array.from({ length: 3 * 784 }, (_, i) => i % 256);
const small = {
  "train-images-idx3-ubyte.gz": idx([3, 28, 28], pixels),
  "train-labels-idx1-ubyte.gz": idx([3], Uint8Array.of(5, 0, 4)),
  "t10k-images-idx3-ubyte.gz": idx([1, 28, 28], pixels.subarray(0, 784)),
  "t10k-labels-idx1-ubyte.gz": idx([1], Uint8Array.of(7)),
};

describe("mnist", () => {
  test("gives bytes with a scale, and labels", async () => {
    const { train, test: held } = await mnistFrom(serving(small))();
    expect(train.images).toEqual({ data: pixels, shape: [3, 1, 28, 28], dtype: "u8", scale: 1 / 255 });
    expect(train.labels).toEqual({ data: Int32Array.of(5, 0, 4), shape: [3], dtype: "i32" });
    expect([held.images.shape, held.labels.data]).toEqual([[1, 1, 28, 28], Int32Array.of(7)]);
  });

  test.each([
    [
      "labels that are too few",
      { "train-labels-idx1-ubyte.gz": idx([2], Uint8Array.of(5, 0)) },
      "mnist: wanted bytes of shape [N, height, width] and [N], found the shapes [3,28,28] and [2].",
    ],
    [
      "labels where images should be",
      { "train-images-idx3-ubyte.gz": idx([3], Uint8Array.of(1, 2, 3)) },
      "mnist: wanted bytes of shape [N, height, width] and [N], found the shapes [3] and [3].",
    ],
    [
      "a truncated file",
      { "train-images-idx3-ubyte.gz": idx([3, 28, 28], pixels.subarray(1)) },
      "parseIdx: train-images-idx3-ubyte.gz claims the shape [3,28,28] of unsigned bytes, which takes 2368 bytes with the header, but has 2367. It is truncated, or not what it claims to be.",
    ],
  ])("refuses %s", async (_, changed, message) => {
    await expect(mnistFrom(serving({ ...small, ...changed }))()).rejects.toThrow(new DataError(message));
  });
});

describe("housing", () => {
  const table = "  1 2 3 4 5 6 7 8 9 10 11 12 13  24.0\n 3 2 1 4 5 6 7 8 9 10 11 12 13 21.5\n\n";
  const source: FileSource = async () => new TextEncoder().encode(table);

  test("gives inputs and targets", async () => {
    const { inputs, targets } = await housingFrom(source)();
    expect([inputs.shape, targets.shape]).toEqual([
      [2, 13],
      [2, 1],
    ]);
    expect([...inputs.data.subarray(0, 3), ...inputs.data.subarray(13, 16)]).toEqual([1, 2, 3, 3, 2, 1]);
    expect([...targets.data]).toEqual([24, 21.5]);
  });

  test("standardized, each column has mean 0 and deviation 1; one that never changes is 0", async () => {
    const { inputs } = await housingFrom(source)({ standardize: true });
    const half = Math.fround(Math.SQRT1_2);
    expect([...inputs.data.subarray(0, 3), ...inputs.data.subarray(13, 16)]).toEqual([-half, 0, half, half, 0, -half]);
    const columns = Float64Array.of(1, 10, 2, 20, 6, 60);
    standardize(columns, 2);
    expect(columns[0]! + columns[2]! + columns[4]!).toBeCloseTo(0, 12);
    expect((columns[0]! ** 2 + columns[2]! ** 2 + columns[4]! ** 2) / 2).toBeCloseTo(1, 12);
    expect(columns[1]).toBeCloseTo(columns[0]!, 12);
  });

  test("refuses other tables", () => {
    expect(() => parseTable("1 2\n3\n", 2)).toThrow(
      new DataError("parseTable: line 2 of the table has 1 fields, wanted 2."),
    );
    expect(() => parseTable("1 x\n", 2, "a.data")).toThrow(
      new DataError('parseTable: line 1 of a.data has "x", wanted a number.'),
    );
  });
});

const folder = process.env["WEFT_DATA"];
const has = (set: string, name: string) =>
  folder !== undefined && [join(folder, name), join(folder, set, name)].some((path) => existsSync(path));
const why = folder === undefined ? "WEFT_DATA is not set" : `WEFT_DATA (${folder}) does not have it`;

describe("the published files", () => {
  const real = has("mnist", "train-images-idx3-ubyte.gz");
  test.skipIf(!real)(`MNIST${real ? "" : ` (skipped: ${why})`}`, async () => {
    const { train, test: held } = await mnist();
    expect([train.images.shape, held.images.shape]).toEqual([
      [60_000, 1, 28, 28],
      [10_000, 1, 28, 28],
    ]);
    expect([...train.labels.data.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...held.labels.data.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    const mean = train.images.data.reduce((s, v) => s + v, 0) / train.images.data.length / 255;
    expect(mean).toBeCloseTo(0.1307, 4); // the mean that is commonly used to normalize
  });

  const houses = has("housing", "housing.data");
  test.skipIf(!houses)(`Housing${houses ? "" : ` (skipped: ${why})`}`, async () => {
    const { inputs, targets } = await housing();
    expect([inputs.shape, targets.shape]).toEqual([
      [506, 13],
      [506, 1],
    ]);
    expect([inputs.data[0], inputs.data[12], targets.data[0]]).toEqual([0.00632, 4.98, 24].map(Math.fround));
    expect(targets.data.reduce((s, v) => s + v, 0) / 506).toBeCloseTo(22.5328, 4);
  });
});
