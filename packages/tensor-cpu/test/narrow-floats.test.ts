// What does not fit a narrow dtype is rounded once: of doubles and large integers, by cast and on the host, around every tie.
import * as T from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { describe, expect, test } from "vitest";
import { openSync } from "../src/index.ts";
import { codes, computingWith } from "./codes.ts";

type Narrow = "f16" | "bf16";

/** Numbers, each with the bits of the nearest narrow float. */
type Rounded = readonly (readonly [x: number, bits: number])[];

/** The midpoint of each two neighbors, and what lies closer to either than a float tells apart. */
function ties(dtype: Narrow): Rounded {
  const { load } = dtypeInfo[dtype];
  const end = dtype === "f16" ? 0x7c00 : 0x7f80;
  return Array.from({ length: end }, (_, low) => {
    const above = low + 1 === end ? 2 * load(low) - load(low - 1) : load(low + 1); // infinity is where the next would be
    const tie = (load(low) + above) / 2;
    const right: [number, number][] = [
      [tie, low + (low & 1)],
      [tie * (1 + 2 ** -50), low + 1],
      [tie * (1 - 2 ** -50), low],
    ];
    return [...right, ...right.map(([x, bits]): [number, number] => [-x, bits | 0x8000])];
  }).flat();
}

const examples: Record<Narrow, Rounded> = {
  f16: [
    [1 + 2 ** -11 + 2 ** -40, 0x3c01],
    [1 + 3 * 2 ** -11 - 2 ** -40, 0x3c01],
    [2049.0000001, 0x6801],
    [65519.9999999, 0x7bff],
    [65520, 0x7c00],
    [1e300, 0x7c00],
    [5e-324, 0],
    [2 ** -25, 0],
    [2 ** -25 * (1 + 2 ** -52), 1],
    [-0, 0x8000],
    [-1e-300, 0x8000],
    [-Infinity, 0xfc00],
    [NaN, 0x7e00],
  ],
  bf16: [
    [1 + 2 ** -8 + 2 ** -40, 0x3f81],
    [1 + 2 ** -8, 0x3f80],
    [1e300, 0x7f80],
    [2 ** -134 * (1 + 2 ** -52), 1],
    [2 ** -134, 0],
    [-1e-300, 0x8000],
    [Infinity, 0x7f80],
    [NaN, 0x7fc0],
  ],
};

/** Where the bits differ: at most a few, to be read. */
function wrong(bits: ArrayLike<number>, wanted: Rounded): readonly unknown[] {
  return wanted.flatMap(([x, right], i) => (bits[i] === right ? [] : [{ x, got: bits[i], right }])).slice(0, 5);
}

describe.each(codes)("%s", (_, native) => {
  computingWith(native);

  test.each(["f16", "bf16"] as const)("f64 to %s, around every tie", (dtype) => {
    const b = openSync({});
    const wanted = [...examples[dtype], ...ties(dtype)];
    const numbers = wanted.map(([x]) => x);
    const doubles = b.tensor(Float64Array.from(numbers));
    expect(wrong(T.cast(doubles, dtype).dataSync(), wanted)).toEqual([]);
    expect(wrong(T.cast(T.mul(doubles, 1), dtype).dataSync(), wanted)).toEqual([]);
    expect(
      wrong(
        T.cast(T.stack([doubles, doubles], { axis: 1 }), dtype).dataSync(),
        wanted.flatMap((w) => [w, w]),
      ),
    ).toEqual([]);
    expect(wrong(b.tensor(numbers, { dtype }).dataSync(), wanted)).toEqual([]);
    expect(wrong(b.tensor(Float64Array.from(numbers), { dtype }).dataSync(), wanted)).toEqual([]);
    for (const [x, bits] of examples[dtype])
      if (Number.isFinite(x)) expect([x, b.full([1], x, { dtype }).dataSync()[0]]).toEqual([x, bits]);
  });

  test("i32 to bf16", () => {
    const b = openSync({});
    const wanted: Rounded = [
      [2 ** 24 + 2 ** 16 + 1, 0x4b81],
      [-(2 ** 24 + 2 ** 16 + 1), 0xcb81],
      [2 ** 24 + 2 ** 16, 0x4b80],
      [2 ** 24 + 3 * 2 ** 16 - 1, 0x4b81],
      [2 ** 30 + 2 ** 22 + 1, 0x4e81],
      [2 ** 31 - 1, 0x4f00],
      [2 ** 31 - 2, 0x4f00],
      [-(2 ** 31), 0xcf00],
      [1 - 2 ** 31, 0xcf00],
      [0, 0],
      [-7, 0xc0e0],
      [257, 0x4380],
    ];
    const many = Array.from({ length: 2048 }, (__, i) => wanted[i % wanted.length]!);
    for (const all of [wanted, many])
      expect(wrong(T.cast(b.tensor(Int32Array.from(all, ([x]) => x)), "bf16").dataSync(), all)).toEqual([]);
  });

  test("f64 to u8: what is just below an integer is cut, as on the host", () => {
    const b = openSync({});
    const x = Float64Array.of(2.9999999999, 254.9999999999, 255.9, -0.5, 1e300, NaN, 7);
    const wanted = [2, 254, 255, 0, 255, 0, 7];
    expect([...T.cast(b.tensor(x), "u8").dataSync()]).toEqual(wanted);
    expect([...b.tensor(x, { dtype: "u8" }).dataSync()]).toEqual(wanted);
  });
});
