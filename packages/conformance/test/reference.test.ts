// The reference itself: what it claims beyond the golden values.
import { apply, scope, source } from "@weft/tensor";
import { expect, test } from "vitest";
import { Reference } from "../src/index.ts";
import { erf } from "../src/reference/erf.ts";
import { threefry } from "../src/reference/random.ts";
import { storage } from "../src/reference/storage.ts";

const list = (x: { payload: unknown }): number[] => [...(x.payload as Float64Array)];

test("Threefry-2x32 with 20 rounds gives the published words (Random123, kat_vectors)", () => {
  expect(threefry([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
  expect(threefry([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])).toEqual([0x1cb996fc, 0xbb002be7]);
  expect(threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([0xc4923a9c, 0x483df7a0]);
});

test("randomBits is word 0 of block (i, counter), randomUniform its upper 24 bits", () => {
  const backend = new Reference();
  const attrs = { shape: [3], key: [0, 0] as const, counter: 0 };
  const words = [0, 1, 2].map((i) => threefry([0, 0], [i, 0])[0]);
  expect(list(source(backend, "randomBits", [], attrs))).toEqual(words.map((word) => word | 0));
  expect(list(source(backend, "randomUniform", [], attrs))).toEqual(words.map((word) => (word >>> 8) / 2 ** 24));
});

test("erf agrees with 20-digit values to the last digits of a double", () => {
  const table: [number, number][] = [
    [1e-10, 1.1283791670955125739e-10],
    [0.1, 0.1124629160182848922],
    [0.5, 0.52049987781304653768],
    [1, 0.84270079294971486934],
    [1.5, 0.96610514647531072707],
    [2, 0.99532226501895273416],
    [2.5, 0.99959304798255504106],
    [3, 0.99997790950300141456],
    [4, 0.99999998458274209972],
    [6, 0.99999999999999997848],
    [Infinity, 1],
  ];
  for (const [x, y] of table) {
    expect(Math.abs(erf(x) / y - 1)).toBeLessThan(5e-16);
    expect(erf(-x)).toBe(-erf(x));
  }
  expect(erf(NaN)).toBeNaN();
});

test("half-precision numbers keep their bits and round to even", () => {
  const { load, round, store } = storage.f16;
  for (let bits = 0; bits <= 0x7c00; bits++) expect(store(load(bits))).toBe(bits);
  expect(round(1 + 2 ** -11)).toBe(1);
  expect(round(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
  expect(round(65519)).toBe(65504);
  expect(round(65520)).toBe(Infinity);
  expect(round(-1e-9)).toBe(-0);
});

test("f32 keeps float64 precision, or rounds if asked to", () => {
  const exact = new Reference();
  const rounding = new Reference({ rounding: true });
  const third = (backend: Reference) => apply("div", [backend.upload(Float32Array.of(1), [1], "f32"), 3], undefined);
  expect(exact.readSync(third(exact))).toEqual(Float64Array.of(1 / 3));
  expect(rounding.readSync(third(rounding))).toEqual(Float32Array.of(1 / 3));
});

test("i32 wraps", () => {
  const backend = new Reference();
  const x = backend.upload(Int32Array.of(2 ** 31 - 1, 65537), [2], "i32");
  expect(list(apply("add", [x, 1], undefined))).toEqual([-(2 ** 31), 65538]);
  expect(list(apply("mul", [x, x], undefined))).toEqual([1, Math.imul(65537, 65537)]);
});

test("an index out of range gives NaN or is dropped, and each read of a value computed with it says where", async () => {
  const backend = new Reference();
  const x = backend.upload(Float32Array.of(1, 2, 3), [3], "f32");
  const indices = backend.upload(Int32Array.of(0, 3, -1), [3], "i32");
  const taken = apply("take", [x, indices], { axis: 0 });
  expect(list(taken)).toEqual([1, NaN, NaN]);
  for (const y of [taken, taken, apply("add", [taken, x], undefined)])
    await expect(backend.read(y)).rejects.toThrow(
      /^take: index 3 is out of range for axis 0 of size 3, called at .*reference\.test\.ts:\d+:\d+\)?$/,
    );
  const added = apply("scatterAdd", [x, indices, x], { axis: 0 });
  expect(list(added)).toEqual([2, 2, 3]);
  expect(() => backend.readSync(added)).toThrow(/^scatterAdd: index 3 /);
  expect([...backend.readSync(x)]).toEqual([1, 2, 3]);
});

test("living handles are counted", () => {
  const backend = new Reference();
  const x = backend.upload(Float32Array.of(1), [1], "f32");
  expect(backend.live()).toBe(1);
  const y = scope(() => apply("neg", [apply("add", [x, x], undefined)], undefined));
  expect(backend.live()).toBe(2);
  backend.release(y);
  backend.release(x);
  expect(backend.live()).toBe(0);
});
