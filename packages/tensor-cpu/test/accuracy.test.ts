// Elementwise functions in single precision against float64: errors in units of the last place, and special values.
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
  ["sin", Math.sin, -1e4, 1e4, 3],
  ["cos", Math.cos, -1e4, 1e4, 3],
  ["tan", Math.tan, -1e3, 1e3, 4],
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
  // A circular function of a number beyond 10^8 has no meaning in single precision: it only stays in range.
  const circular = ["sin", "cos", "tan"].includes(name);
  special.forEach((v, i) => {
    if (circular && Math.abs(v) > 1e30 && Number.isFinite(v))
      expect(name === "tan" || Math.abs(ends[i]!) <= 1).toBe(true);
    else expect([v, ulps(ends[i]!, exact(v)) < 4]).toEqual([v, true]);
  });
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
