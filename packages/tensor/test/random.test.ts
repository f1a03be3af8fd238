// The generator against the vectors that Random123 publishes (kat_vectors), and what is drawn from it.
import { expect, test } from "vitest";
import { reference } from "./backend.ts";
import { DTypeError } from "../src/index.ts";
import { threefry } from "../src/internals.ts";

test.each([
  [
    [0, 0],
    [0, 0],
    [0x6b200159, 0x99ba4efe],
  ],
  [
    [0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x1cb996fc, 0xbb002be7],
  ],
  [
    [0x13198a2e, 0x03707344],
    [0x243f6a88, 0x85a308d3],
    [0xc4923a9c, 0x483df7a0],
  ],
])("key %j, counter %j", (key, [c0, c1], wanted) => {
  expect(threefry(key as [number, number], c0!, c1!)).toEqual(wanted);
});

test("rand is the generator's first word, 24 bits of it", () => {
  const { backend, rand } = reference();
  backend.stream.counter = 7;
  const wanted = [0, 1, 2, 3, 4].map((i) => (threefry([0, 0], i, 7)[0] >>> 8) * 2 ** -24);
  expect(rand([5]).arraySync()).toEqual(wanted);
  expect(backend.stream.counter).toBe(8);
});

test("the same seed gives the same numbers, another seed others", () => {
  const { rand, randn, seed } = reference();
  const draw = () => [rand([3]), randn([3]), rand(2)].map((x) => x.arraySync());
  seed(5);
  const first = draw();
  expect(draw()).not.toEqual(first);
  seed(5);
  expect(draw()).toEqual(first);
  seed(2 ** 40 + 5);
  expect(draw()).not.toEqual(first);
  expect(() => seed(0.5)).toThrow("seed: wanted an integer from 0 to 2^53 - 1, got 0.5");
});

test("a draw with a seed of its own leaves the stream where it is", () => {
  const { backend, rand, randn, seed } = reference();
  seed(1);
  const [a, b] = [rand([4], { seed: 1 }), rand([4], { seed: 1 })];
  expect(a.arraySync()).toEqual(b.arraySync());
  expect(randn([4], { seed: 1 }).arraySync()).toEqual(randn([4], { seed: 1 }).arraySync());
  expect(backend.stream.counter).toBe(0);
  expect(rand([4]).arraySync()).not.toEqual(a.arraySync());
});

test("moments and bounds", () => {
  const { rand, randn, randint } = reference();
  const u = rand([100, 100]);
  expect(u.mean().itemSync()).toBeCloseTo(0.5, 1);
  expect(u.variance().itemSync()).toBeCloseTo(1 / 12, 2);
  expect(u.max().itemSync()).toBeLessThan(1);
  const z = randn([100, 100], { mean: 3, std: 2 });
  expect(Math.abs(z.mean().itemSync() - 3)).toBeLessThan(0.08);
  expect(Math.abs(z.std().itemSync() - 2)).toBeLessThan(0.06);
  const k = randint([10000], { low: -2, high: 3 });
  expect(k.dtype).toBe("i32");
  const counts = [-2, -1, 0, 1, 2].map((n) => k.equal(n).sum().itemSync());
  expect(counts.reduce((a, b) => a + b)).toBe(10000);
  for (const n of counts) expect(Math.abs(n - 2000)).toBeLessThan(200);
  expect(() => randint([2], { low: 3, high: 3 })).toThrow(
    "randint: wanted integers low < high that fit i32, got low 3 and high 3",
  );
});

test("floats are drawn by rand and randn, and nothing else", () => {
  const { rand, randn } = reference();
  for (const dtype of ["i32", "u8", "bool"] as const)
    for (const [name, draw] of Object.entries({ rand, randn })) {
      const wrong = () => draw([2], { dtype });
      expect(wrong).toThrow(DTypeError);
      expect(wrong).toThrow(`${name}: wanted a floating-point dtype, got ${dtype}; randint makes random integers`);
    }
  for (const dtype of ["f32", "f64", "f16", "bf16"] as const)
    expect([rand, randn].map((f) => f(2, { dtype }).dtype)).toEqual([dtype, dtype]);
});
