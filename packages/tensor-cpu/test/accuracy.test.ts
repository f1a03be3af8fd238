// Elementwise functions in single precision against float64: errors in units of the last place, and special values.
import { anyFloats } from "@weft/conformance";
import * as T from "@weft/tensor";
import type { Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openSync } from "../src/index.ts";

const backend = openSync({});
const of = (values: ArrayLike<number>): Tensor => backend.tensor(Float32Array.from(values));
/** Distance of a float32 from the exact value, in units of its last place. */
function ulps(got: number, wanted: number): number {
  const near = Math.fround(wanted);
  if (Object.is(got, near) || (Number.isNaN(got) && Number.isNaN(near))) return 0;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(near))), -126);
  return Math.abs(got - wanted) / 2 ** (exponent - 23);
}

/** erf by its series and, further out, its continued fraction. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  let sum = a;
  if (a < 2.5) {
    for (let n = 1, t = a; n < 100; n++) sum += (t *= (-a * a) / n) / (2 * n + 1);
    return (Math.sign(x) * sum * 2) / Math.sqrt(Math.PI);
  }
  let f = 0;
  for (let n = 60; n > 0; n--) f = n / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + f));
}

/** Function, exact form, range, and the error allowed. */
const functions: [keyof typeof T, (x: number) => number, number, number, number][] = [
  ["exp", Math.exp, -87, 88.6, 1.5],
  ["expm1", Math.expm1, -17, 88, 2],
  ["log", Math.log, 1e-3, 1e3, 1],
  ["log1p", Math.log1p, -0.999, 100, 3],
  ["sin", Math.sin, -1e5, 1e5, 3],
  ["cos", Math.cos, -1e5, 1e5, 3],
  ["tan", Math.tan, -1e5, 1e5, 4],
  ["asin", Math.asin, -1, 1, 3],
  ["acos", Math.acos, -1, 1, 2],
  ["atan", Math.atan, -50, 50, 3],
  ["sinh", Math.sinh, -88, 88, 4],
  ["cosh", Math.cosh, -88, 88, 4],
  ["tanh", Math.tanh, -10, 10, 5],
  ["asinh", Math.asinh, -1e6, 1e6, 4],
  ["atanh", Math.atanh, -0.999, 0.999, 4],
  ["erf", erf, -5, 5, 3],
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), -80, 80, 3],
];
const special = [0, -0, Infinity, -Infinity, NaN, 1, -1, 1e-40, -1e-40, 3e38, -3e38].map(Math.fround);

test.each(functions)("%s", (name, exact, low, high, allowed) => {
  const apply = T[name] as (x: Tensor) => Tensor;
  const far = Array.from({ length: 20_000 }, (_, i) => low + ((high - low) * i) / 20_000);
  const near = Array.from({ length: 20_000 }, (_, i) => (i % 2 ? 1 : -1) * Math.min(high, 1) * 0.999 ** i).filter(
    (x) => x > low,
  );
  const x = Float32Array.from([...far, ...near]);
  const y = apply(of(x)).dataSync();
  let worst = 0;
  x.forEach((v, i) => (worst = Math.max(worst, ulps(y[i]!, exact(v)))));
  expect(worst).toBeLessThan(allowed);
  const ends = apply(of(special)).dataSync();
  special.forEach((v, i) => {
    expect([v, ulps(ends[i]!, exact(v)) < 4]).toEqual([v, true]);
    if (v === 0) expect(ends[i]).toBe(Math.fround(exact(v))); // of the same sign
  });
});

test.each(functions)("%s of any float", (name, exact, _low, _high, allowed) => {
  const x = anyFloats(40_000, 7);
  const y = (T[name] as (x: Tensor) => Tensor)(of(x)).dataSync();
  const wrong = x.findIndex((v, i) => !(ulps(y[i]!, exact(v)) < allowed));
  expect(wrong < 0 || [x[wrong], y[wrong], exact(x[wrong]!)]).toBe(true);
});

test("sin, cos and tan of the floats that lie nearest to multiples of π/2", () => {
  const hard = [8192, 15668.693, 16367173 * 2 ** 72, 13011908 * 2 ** 93, 5.3719e30, 1e22, 2 ** 127, 3.4e38, 1e7, 1e6];
  const x = Float32Array.from([...hard, ...hard.map((v) => -v)]);
  for (const name of ["sin", "cos", "tan"] as const) {
    const y = T[name](of(x)).dataSync();
    expect([...x].filter((v, i) => !(ulps(y[i]!, Math[name](v)) < 4))).toEqual([]);
  }
});

/** Python's: the remainder of C's fmod, moved to the side of the divisor, and a zero with its sign. */
const python = (a: number, b: number): number => {
  const r = a % b;
  return r === 0 ? (b < 0 ? -0 : 0) : r < 0 !== b < 0 ? r + b : r;
};

test.each(["f32", "f64"] as const)("mod is exact: any two floats, and every special pair, in %s", (dtype) => {
  const known = [0, -0, 1, -1, 7, -7, 1e-30, -1e-30, Infinity, -Infinity, NaN, 1001.2, -4988429, 3e38, 1e-45, -1.5e-39];
  const pairs = known.flatMap((p) => known.map((q) => [p, q]));
  const [p, q] = [anyFloats(20_000, 11), anyFloats(20_000, 13)];
  const near = Float32Array.from(p, (v, i) => v * (1 + (i % 1500))); // quotients around the reach of the short form
  const [a, b] = [
    [...pairs.map(([x]) => x!), ...p, ...near, ...p].map(Math.fround),
    [...pairs.map(([, x]) => x!), ...q, ...p, ...near].map(Math.fround),
  ];
  const y = T.mod(T.cast(of(a), dtype), T.cast(of(b), dtype)).dataSync();
  const round = dtype === "f32" ? Math.fround : Number;
  const wrong = a.findIndex((v, i) => !Object.is(y[i], round(python(v, b[i]!))));
  expect(wrong < 0 || [a[wrong], b[wrong], y[wrong], python(a[wrong]!, b[wrong]!)]).toBe(true);
});

test("mod of i32 has the sign of the divisor, by 0 gives 0, and does not overflow", () => {
  const a = [7, -7, 7, -7, -(2 ** 31), -(2 ** 31), 5, 2 ** 31 - 1, -(2 ** 31)];
  const b = [3, 3, -3, -3, -1, 2 ** 31 - 1, 0, -(2 ** 31), 1];
  const ints = (v: number[]): Tensor => backend.tensor(Int32Array.from(v));
  expect([...T.mod(ints(a), ints(b)).dataSync()]).toEqual([1, 2, -2, -1, 0, 2 ** 31 - 2, 0, -1, 0]);
});

test("tanh reaches 1, so its gradient reaches 0", () => {
  const y = T.tanh(of([9.3, 20, 1e3, 3e38, Infinity, -9.3, -100, -Infinity])).dataSync();
  expect([...y]).toEqual([1, 1, 1, 1, 1, -1, -1, -1]);
});

const bases = [0, -0, 1, -1, 2, -2, 0.5, -0.5, Infinity, -Infinity, NaN, 3, 1e20, -1e-20, 2.5].map(Math.fround);
const power = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b);

test("pow: many bases and exponents, and every special pair", () => {
  const n = 50_000;
  const a = Float32Array.from(
    { length: n },
    (_, i) => Math.exp(((i * 0.618034) % 1) * 40 - 20) * (i % 10 === 0 ? -1 : 1),
  );
  const b = Float32Array.from({ length: n }, (_, i) =>
    i % 5 === 0 ? Math.round(((i * 0.414214) % 1) * 8 - 4) : ((i * 0.414214) % 1) * 8 - 4,
  );
  const y = T.pow(of(a), of(b)).dataSync();
  let worst = 0;
  for (let i = 0; i < n; i++) {
    const wanted = a[i]! ** b[i]!;
    if (!(Math.abs(wanted) < 1e-37 || Math.abs(wanted) > 3e38)) worst = Math.max(worst, ulps(y[i]!, wanted));
  }
  expect(worst).toBeLessThan(4);
  for (const p of bases) {
    const row = T.pow(backend.full([bases.length], p), of(bases)).dataSync();
    bases.forEach((q, i) => expect([p, q, ulps(row[i]!, power(p, q)) < 4]).toEqual([p, q, true]));
  }
});

test("atan2: every special pair", () => {
  for (const p of bases) {
    const row = T.atan2(backend.full([bases.length], p), of(bases)).dataSync();
    bases.forEach((q, i) => expect([p, q, ulps(row[i]!, Math.atan2(p, q)) < 4]).toEqual([p, q, true]));
  }
});
