// Operations that are formulas: one kernel with their neighbors, the same numbers as by their parts, and erfinv and erfc to the last digits.
import { grad } from "@weft/autograd";
import * as T from "@weft/tensor";
import { applyFused, elementwiseOp, scope, type FusedOp, type Operand, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { openSync } from "../src/index.ts";
import { codes, computingWith } from "./codes.ts";

/** √(x² + y²) + c, with two operands and a number. */
const formula = (name: string, extra: number): FusedOp<undefined> =>
  elementwiseOp(
    name,
    (k, x, y, c) => k.add(k.sqrt(k.add(k.mul(x!, x!), k.mul(y!, y!))), k.mul(c!, k.constant(extra))),
    ([z], [x, y, c]) => {
      const r = T.sub(z!, (c as number) * extra);
      return [(g) => T.mul(g, T.div(x!, r)), (g) => T.mul(g, T.div(y!, r)), undefined];
    },
  );
const hypotOp = formula("add", 1);
const hypot = (x: Operand, y: Operand, c: number): Tensor => applyFused(hypotOp, [x, y, c], undefined)[0]!;

test.each([
  ["f32", true],
  ["f32", false],
  ["f64", true],
  ["f64", false],
] as const)("a formula of two operands that broadcast, and a number: %s, fuse: %s", (dtype, fuse) => {
  const b = openSync({ fuse });
  scope(() => {
    const x = b.tensor([[3, 5], [8, 0]], { dtype }); // oxfmt-ignore
    const y = b.tensor([4, 12], { dtype });
    const { launches } = b.stats();
    const far = dtype === "f32" ? Math.fround(Math.sqrt(80)) : Math.sqrt(80);
    expect(T.mul(hypot(T.add(x, 0), y, 0.5), 2).arraySync()).toEqual([[11, 27], [2 * far + 1, 25]]); // oxfmt-ignore
    expect(b.stats().launches - launches).toBe(fuse ? 1 : 3);
    const g = grad((z: Tensor) => T.sum(hypot(T.sub(x, 0), z, 7)))(y);
    expect(g.dtype).toBe(dtype);
    const wanted = [4 / 5 + 4 / Math.sqrt(80), 12 / 13 + 1];
    [...g.dataSync()].forEach((v, i) => expect(v).toBeCloseTo(wanted[i]!, dtype === "f32" ? 5 : 12));
  });
});

test("two formulas of one name are two operations", () => {
  const b = openSync({});
  const other = formula("add", 100);
  const of = (op: FusedOp): number =>
    scope(() => applyFused(op, [b.tensor([3, 3]), b.tensor([4]), 1], undefined)[0]!.arraySync())[0] as number;
  expect([of(hypotOp), of(other), of(hypotOp)]).toEqual([6, 105, 6]);
});

/** x and erf⁻¹(x) to 17 digits, computed with mpmath; the first are floats. */
// oxfmt-ignore
const floats: readonly (readonly [number, number])[] = [
  [1.0000000031710769e-30, 8.862269282630517e-31],
  [9.99999993922529e-09, 8.862269200667396e-09],
  [-9.999999747378752e-05, -8.862269053849193e-05],
  [0.009999999776482582, 0.008862501082847885],
  [-0.10000000149011612, -0.08885599182530649],
  [0.25, 0.2253120550121781],
  [0.5, 0.4769362762044699],
  [-0.699999988079071, -0.7328690598827589],
  [0.800000011920929, 0.9061938264523502],
  [0.8999999761581421, 1.1630870719457722],
  [-0.949999988079071, -1.385903752236077],
  [0.9900000095367432, 1.8213866009002777],
  [0.9932000041007996, 1.9137728446043665],
  [-0.9950000047683716, -1.984872829842413],
  [0.9990000128746033, 2.3267563267961546],
  [0.9998999834060669, 2.7510354379032873],
  [-0.9999899864196777, -3.123205771165071],
  [0.9999989867210388, 3.45707472603595],
  [0.9999999403953552, 3.832506856900711],
];
// oxfmt-ignore
const doubles: typeof floats = [
  [0.1, 0.08885599049425769],
  [0.3, 0.2724627147267543],
  [-0.998, -2.1851242191330043],
  [0.9995, 2.461266457171732],
  [0.9999999, 3.7665625816384707],
  [0.999999999, 4.320005388105362],
  [-0.999999999999, -5.042031898572696],
  [0.9999999999999999, 5.8635847487551676],
];

test("erfinv in f32 and f64", () => {
  const b = openSync({});
  const off = (dtype: "f32" | "f64", pairs: typeof floats): number =>
    scope(() => {
      const y = T.erfinv(b.tensor(pairs.map(([x]) => x), { dtype })).dataSync(); // oxfmt-ignore
      return Math.max(...pairs.map(([, wanted], i) => Math.abs(y[i]! / wanted - 1)));
    });
  expect(off("f32", floats)).toBeLessThan(4e-7);
  expect(off("f64", [...floats, ...doubles])).toBeLessThan(1e-15);
});

/** erfc of a number ≥ 0 by the series of erf, and further out by its continued fraction: without 1 − erf(x) where that is tiny. */
function complement(x: number): number {
  if (x < 0.5) {
    let sum = x;
    for (let n = 1, t = x; n < 60; n++) sum += (t *= (-x * x) / n) / (2 * n + 1);
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let f = x;
  for (let n = Math.ceil(30 + 600 / x ** 2); n > 0; n--) f = x + n / 2 / f;
  const high = Math.fround(x); // its square is exact
  return (Math.exp(-high * high) * Math.exp((high - x) * (high + x))) / Math.sqrt(Math.PI) / f;
}

describe.each(codes)("%s", (_, native) => {
  computingWith(native);

  test.each(["f32", "f64"] as const)("erfc and erfcx at 0 and near it: %s", (dtype) => {
    const b = openSync({});
    const small = [0, -0, 1e-30, -1e-30, 1e-8, -1e-8].slice(0, dtype === "f32" ? 6 : 4);
    const many = Array.from({ length: 2048 }, (__, i) => small[i % small.length]!); // enough for machine code
    for (const xs of [small, many]) {
      const x = b.tensor(xs, { dtype });
      for (const f of [T.erfc, T.erfcx]) expect(new Set(f(x).dataSync())).toEqual(new Set([1]));
    }
    expect([...T.erfcx(b.tensor([Infinity, -Infinity, NaN], { dtype })).dataSync()]).toEqual([0, Infinity, NaN]);
    expect([...T.erfc(b.tensor([Infinity, -Infinity, NaN], { dtype })).dataSync()]).toEqual([0, 2, NaN]);
  });

  test.each([
    ["f32", 9, 2 ** -23, 4],
    ["f64", 26, 2 ** -52, 6],
  ] as const)("erfc from end to end: %s", (dtype, end, unit, allowed) => {
    const b = openSync({});
    const right = Array.from({ length: 20_000 }, (__, i) => (end * i) / 20_000);
    const near = Array.from({ length: 2000 }, (__, i) => 0.98 ** i);
    const xs = (dtype === "f32" ? Float32Array : Float64Array).from([...right, ...near].flatMap((x) => [x, -x]));
    const y = T.erfc(b.tensor(xs)).dataSync();
    let worst = 0;
    xs.forEach((x, i) => {
      const wanted = x < 0 ? 2 - complement(-x) : complement(x);
      worst = Math.max(worst, Math.abs(y[i]! / wanted - 1) / unit);
    });
    expect(worst).toBeLessThan(allowed);
  });

  test("erf and gelu near 0 are what their slopes say", () => {
    const b = openSync({});
    const xs = Float32Array.from({ length: 2048 }, (__, i) => (i % 2 ? 1 : -1) * 2 ** -(20 + (i % 80)));
    const x = b.tensor(xs);
    T.erf(x)
      .dataSync()
      .forEach((y, i) => expect(Math.abs(y / xs[i]! / (2 / Math.sqrt(Math.PI)) - 1)).toBeLessThan(2e-7));
    T.gelu(x)
      .dataSync()
      .forEach((y, i) => expect(Math.abs(y / xs[i]! / (0.5 + xs[i]! / Math.sqrt(2 * Math.PI)) - 1)).toBeLessThan(3e-7));
  });
});
