// Composed functions against plain JavaScript, and at the points where formulas tend to fail.
import { describe, expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { crossEntropyGradOp } from "../src/internals.ts";
import type { Operand, Tensor } from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor, zeros, arange, randn, rand, full, linspace, eye, ones } = reference();
const xs = [-30, -3, -1.5, -0.3, 0, 0.2, 1, 3, 4, 30];

describe("elementwise", () => {
  const erf = (x: number) => {
    let total = 0; // Simpson's rule on 2,000 intervals
    const n = 2000;
    for (let i = 0; i <= n; i++) total += (i === 0 || i === n ? 1 : i % 2 ? 4 : 2) * Math.exp(-(((x * i) / n) ** 2));
    return ((2 / Math.sqrt(Math.PI)) * (total * x)) / n / 3;
  };
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const table: [(x: Operand) => Tensor, (x: number) => number][] = [
    [weft.square, (x) => x * x],
    [weft.reciprocal, (x) => 1 / x],
    [weft.leakyRelu, (x) => (x > 0 ? x : 0.01 * x)],
    [weft.elu, (x) => (x > 0 ? x : Math.expm1(x))],
    [weft.selu, (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))],
    [weft.gelu, (x) => 0.5 * x * (1 + (Math.abs(x) > 6 ? Math.sign(x) : erf(x / Math.SQRT2)))],
    [weft.silu, (x) => x * sigmoid(x)],
    [weft.softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))],
    [weft.hardSigmoid, (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1)],
    [weft.hardSwish, (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1)],
  ];
  test.each(table)("%o", (g, f) => {
    const got = g(tensor(xs, { dtype: "f64" })).arraySync() as number[];
    got.forEach((y, i) => expect(y).toBeCloseTo(f(xs[i]!), 9));
  });

  test("infinities and NaN", () => {
    const odd = tensor([-Infinity, Infinity, NaN]);
    expect(odd.softplus().arraySync()).toEqual([0, Infinity, NaN]);
    expect(odd.elu().arraySync()).toEqual([-1, Infinity, NaN]);
    expect(odd.clamp({ min: -1, max: 1 }).arraySync()).toEqual([-1, 1, NaN]);
    expect(odd.notEqual(odd).arraySync()).toEqual([0, 0, 1]);
    expect(odd.greaterEqual(odd).arraySync()).toEqual([1, 1, 0]);
  });

  test("whole powers are products", () => {
    const x = tensor([0, -2, NaN]);
    expect(x.pow(0).arraySync()).toEqual([1, 1, 1]);
    expect(x.pow(1).arraySync()).toEqual([0, -2, NaN]);
    expect(x.pow(2).arraySync()).toEqual([0, 4, NaN]);
    expect(x.pow(3).arraySync()).toEqual([0, -8, NaN]);
  });

  test("clamp takes tensors, and the upper bound wins", () => {
    expect(weft.clamp(tensor([1, 5, 9]), { min: tensor([2, 2, 2]), max: tensor([4, 6, 1]) }).arraySync()).toEqual([
      2, 5, 1,
    ]);
    expect(weft.clamp(tensor([1, 5]), { max: 3 }).arraySync()).toEqual([1, 3]);
    expect(weft.clamp(tensor([1, 5]), { min: NaN }).arraySync()).toEqual([NaN, NaN]);
    expect(weft.clamp(tensor([1, 5]), { max: NaN, min: 0 }).arraySync()).toEqual([NaN, NaN]);
    expect(weft.clamp(tensor([1, 5]), { max: tensor([NaN, 3]) }).arraySync()).toEqual([NaN, 3]);
    expect(weft.clamp(tensor([1, 5]), { min: tensor([7, NaN]), max: 6 }).arraySync()).toEqual([6, NaN]);
    expect(weft.clamp(tensor([1, 5], { dtype: "i32" }), { min: 2 }).dtype).toBe("i32");
  });
});

describe("statistics", () => {
  test("prod halves axes of any length", () => {
    for (const n of [1, 2, 3, 4, 5, 7, 8, 13]) {
      const x = linspace(0.5, 1.5, n);
      const wanted = (x.arraySync() as number[]).reduce((a, b) => a * b);
      expect(x.prod().itemSync()).toBeCloseTo(wanted, 12);
    }
    const x = arange(1, 25).reshape([2, 3, 4]);
    expect(x.prod({ axis: [0, 2] }).arraySync()).toEqual([
      1 * 2 * 3 * 4 * 13 * 14 * 15 * 16,
      5 * 6 * 7 * 8 * 17 * 18 * 19 * 20,
      9 * 10 * 11 * 12 * 21 * 22 * 23 * 24,
    ]);
    expect(x.prod({ axis: 1, keepDims: true }).shape).toEqual([2, 1, 4]);
    expect(zeros([0]).prod().itemSync()).toBe(1);
    expect(zeros([2, 0]).prod({ axis: 1 }).arraySync()).toEqual([1, 1]);
  });

  test("any and all, over empty axes too", () => {
    expect([zeros([0]).any().itemSync(), zeros([0]).all().itemSync()]).toEqual([0, 1]);
    expect(
      tensor([
        [0, NaN],
        [0, 0],
      ])
        .any({ axis: 1 })
        .arraySync(),
    ).toEqual([1, 0]);
  });

  test("variance divides by n minus the correction", () => {
    const x = tensor([
      [1, 2, 6],
      [4, 4, 4],
    ]);
    expect(x.variance({ axis: 1 }).arraySync()).toEqual([14 / 3, 0]);
    expect(x.variance({ axis: 1, correction: 1, keepDims: true }).arraySync()).toEqual([[7], [0]]);
    expect(x.std({ axis: 1 }).arraySync()).toEqual([Math.sqrt(14 / 3), 0]);
    expect(x.norm({ axis: 1 }).arraySync()).toEqual([Math.sqrt(41), Math.sqrt(48)]);
    expect(tensor([Infinity, 1]).norm().itemSync()).toBe(Infinity);
    expect(tensor([NaN, 1]).norm().itemSync()).toBeNaN();
  });

  test("logSumExp neither overflows nor loses infinities", () => {
    const x = tensor([
      [1000, 1000],
      [-Infinity, -Infinity],
      [Infinity, 0],
      [-1000, -Infinity],
    ]);
    expect(x.logSumExp({ axis: 1 }).arraySync()).toEqual([1000 + Math.log(2), -Infinity, Infinity, -1000]);
    expect(zeros([2, 0]).logSumExp({ axis: 1 }).arraySync()).toEqual([-Infinity, -Infinity]);
  });

  test("softmax of large numbers, along a middle axis, of an empty axis", () => {
    const x = randn([2, 3, 4]).mul(100);
    const y = x.softmax({ axis: 1 });
    (y.sum({ axis: 1 }).arraySync() as number[][]).flat().forEach((s) => expect(s).toBeCloseTo(1, 12));
    const logs = x.logSoftmax({ axis: 1 }).exp().dataSync();
    y.dataSync().forEach((p, i) => expect(p).toBeCloseTo(logs[i]!, 12));
    expect(zeros([2, 0]).softmax().shape).toEqual([2, 0]);
    expect(tensor([1, -Infinity]).softmax().arraySync()).toEqual([1, 0]);
  });

  test("cross-entropy of rows: ignored rows, smoothing, gradient", () => {
    const [x, labels] = [
      tensor([
        [1, 2, 0],
        [3, -1, 0],
        [0, 0, 1],
      ]),
      tensor([1, -1, 0], { dtype: "i32" }),
    ];
    const logs = x.logSoftmax().arraySync() as number[][];
    const attrs = { ignoreIndex: -1, labelSmoothing: 0.3 };
    const got = weft.crossEntropyRows(x, labels, attrs).arraySync() as number[];
    const wanted = [1, undefined, 0].map((label, i) =>
      label === undefined ? 0 : -0.7 * logs[i]![label]! - 0.1 * logs[i]!.reduce((a, b) => a + b),
    );
    got.forEach((y, i) => expect(y).toBeCloseTo(wanted[i]!, 12));
    const g = tensor([2, 5, -1]);
    const [each] = weft.applyFused(crossEntropyGradOp, [x, labels], attrs) as [Tensor];
    const slope = each.mul(g.reshape([3, 1]));
    const h = 1e-6;
    const f = (d: Tensor) => weft.dot(weft.crossEntropyRows(x.add(d), labels, attrs), g).itemSync();
    for (const [i, s] of Array.from(slope.dataSync()).entries()) {
      const d = arange(9).equal(i).cast("f32").reshape([3, 3]).mul(h);
      expect(s).toBeCloseTo((f(d) - f(d.neg())) / (2 * h), 6);
    }
  });
});

describe("arrangement", () => {
  const m = arange(6).reshape([2, 3]);
  test("slices as in Python", () => {
    const x = arange(10);
    const part = (start?: number | null, end?: number | null, step?: number | null) =>
      x.slice({ starts: [start], ends: [end], steps: [step] }).arraySync();
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    expect(part()).toEqual(all);
    expect(part(2, -2, 3)).toEqual([2, 5]);
    expect(part(-3)).toEqual([7, 8, 9]);
    expect(part(5, 2)).toEqual([]);
    expect(part(-100, 100)).toEqual(all);
    expect(part(null, null, -1)).toEqual(all.toReversed());
    expect(part(8, 2, -3)).toEqual([8, 5]);
    expect(part(null, -4, -2)).toEqual([9, 7]);
    expect(part(100, -100, -4)).toEqual([9, 5, 1]);
  });
  test("tile, roll, triangles, order", () => {
    expect(weft.tile(m, { repeats: [2, 1, 2] }).shape).toEqual([2, 2, 6]);
    expect(weft.tile(m, { repeats: [2] }).arraySync()).toEqual([
      [0, 1, 2, 0, 1, 2],
      [3, 4, 5, 3, 4, 5],
    ]);
    expect(weft.roll(m, { shift: 1 }).arraySync()).toEqual([
      [5, 0, 1],
      [2, 3, 4],
    ]);
    expect(weft.roll(m, { shift: [1, -1], axis: [0, 1] }).arraySync()).toEqual([
      [4, 5, 3],
      [1, 2, 0],
    ]);
    expect(weft.tril(ones([3, 3]), { k: 1 }).arraySync()).toEqual([
      [1, 1, 0],
      [1, 1, 1],
      [1, 1, 1],
    ]);
    expect(weft.triu(ones([2, 2, 3]), { k: 1 }).arraySync()).toEqual([
      [
        [0, 1, 1],
        [0, 0, 1],
      ],
      [
        [0, 1, 1],
        [0, 0, 1],
      ],
    ]);
    const { values, indices } = weft.topK(
      tensor([
        [3, 1, 3],
        [0, 5, 2],
      ]),
      2,
    );
    expect([values.arraySync(), indices.arraySync()]).toEqual([
      [
        [3, 3],
        [5, 2],
      ],
      [
        [0, 2],
        [1, 2],
      ],
    ]);
    expect(weft.sort(m, { axis: 0, descending: true }).values.arraySync()).toEqual([
      [3, 4, 5],
      [0, 1, 2],
    ]);
  });
  test("axes", () => {
    expect(weft.squeeze(zeros([1, 2, 1])).shape).toEqual([2]);
    expect(weft.squeeze(zeros([1, 2, 1]), { axis: -1 }).shape).toEqual([1, 2]);
    expect(weft.unsqueeze(zeros([2, 3]), [0, -1]).shape).toEqual([1, 2, 3, 1]);
    expect(weft.unsqueeze(zeros([2, 3]), { axis: 1 }).shape).toEqual([2, 1, 3]);
    expect(weft.transpose(zeros([2, 3, 4]), 0).shape).toEqual([4, 3, 2]);
    expect(weft.flatten(zeros([2, 3, 4])).shape).toEqual([2, 12]);
    expect(weft.flatten(zeros([2, 3, 4]), { start: 0 }).shape).toEqual([24]);
    expect([weft.flatten(zeros([3])).shape, weft.flatten(zeros([])).shape]).toEqual([[3], [1]]);
    expect(weft.split(m, [1, 2], { axis: 1 }).map((x) => x.arraySync())).toEqual([
      [[0], [3]],
      [
        [1, 2],
        [4, 5],
      ],
    ]);
  });
  test("positions in the flattened tensor", () => {
    expect([m.argmax().itemSync(), m.argmax({ keepDims: true }).shape]).toEqual([5, [1, 1]]);
    expect(m.argmin({ axis: 1, keepDims: true }).arraySync()).toEqual([[0], [0]]);
  });
  test("take by a number, from the end too", () => {
    expect([m.take(1).arraySync(), m.take(-1, { axis: 1 }).arraySync()]).toEqual([
      [3, 4, 5],
      [2, 5],
    ]);
  });
});

describe("products", () => {
  const value = (x: Tensor, at: number[]) => at.reduce<unknown>((a, i) => (a as unknown[])[i], x.arraySync()) as number;
  /** The definition: every letter runs over its axis, products are added up. */
  function slow(equation: string, xs: Tensor[]): Map<string, number> {
    const [left, right] = equation.split("->") as [string, string];
    const terms = left.split(",");
    const sizes = new Map(terms.flatMap((term, i) => [...term].map((c, k) => [c, xs[i]!.shape[k]!] as const)));
    const names = [...sizes.keys()];
    const out = new Map<string, number>();
    const run = (at: Map<string, number>): void => {
      const next = names[at.size];
      if (next !== undefined) {
        for (let i = 0; i < sizes.get(next)!; i++) run(new Map([...at, [next, i]]));
        return;
      }
      const key = [...right].map((c) => at.get(c)).join();
      const product = xs.reduce(
        (p, x, i) =>
          p *
          value(
            x,
            [...terms[i]!].map((c) => at.get(c)!),
          ),
        1,
      );
      out.set(key, (out.get(key) ?? 0) + product);
    };
    run(new Map());
    return out;
  }
  test.each([
    ["ij,jk->ik", [2, 3], [3, 4]],
    ["ij,jk->ki", [2, 3], [3, 4]],
    ["ij->", [2, 3]],
    ["ij->j", [2, 3]],
    ["ii->i", [3, 3]],
    ["ii->", [3, 3]],
    ["iji->j", [3, 2, 3]],
    ["bij,bjk->bik", [2, 3, 2], [2, 2, 4]],
    ["bij,bkj->bik", [2, 3, 2], [2, 4, 2]],
    ["i,j->ij", [2], [3]],
    ["ij,ij->ij", [2, 3], [2, 3]],
    ["ij,ij->", [2, 3], [2, 3]],
    ["ij,jk,kl->il", [2, 3], [3, 2], [2, 2]],
    ["ij,kj,lj->ikl", [2, 3], [2, 3], [3, 3]],
    ["ab,bcd,ad->ca", [2, 3], [3, 2, 2], [2, 2]],
  ] as [string, ...number[][]][])("einsum %s", (equation, ...shapes) => {
    const xs = shapes.map((shape) => randn(shape));
    const y = weft.einsum(equation, ...xs);
    const wanted = slow(equation, xs);
    expect(y.size).toBe(wanted.size);
    for (const [key, v] of wanted) expect(value(y, key === "" ? [] : key.split(",").map(Number))).toBeCloseTo(v, 10);
  });
  test("einsum with dots and without an arrow", () => {
    const [a, b] = [randn([2, 1, 3, 4]), randn([5, 4, 2])];
    const y = weft.einsum("...ij,...jk->...ik", a, b);
    expect(y.shape).toEqual([2, 5, 3, 2]);
    expect(y.sub(weft.matmul(a, b)).abs().max().itemSync()).toBeLessThan(1e-12);
    expect(weft.einsum("ba", zeros([2, 3])).shape).toEqual([3, 2]);
    expect(weft.einsum("ij,jk", zeros([2, 3]), zeros([3, 4])).shape).toEqual([2, 4]);
    expect(weft.einsum("...ij->...ji", zeros([5, 2, 3])).shape).toEqual([5, 3, 2]);
  });
  test("matmul of vectors, as in NumPy", () => {
    const shape = (a: number[], b: number[]) => weft.matmul(zeros(a), zeros(b)).shape;
    expect(shape([3], [3])).toEqual([]);
    expect(shape([3], [3, 2])).toEqual([2]);
    expect(shape([4, 2, 3], [3])).toEqual([4, 2]);
    expect(shape([3], [4, 3, 2])).toEqual([4, 2]);
    expect(shape([5, 1, 2, 3], [4, 3, 2])).toEqual([5, 4, 2, 2]);
    expect(weft.matmul(zeros([2, 0]), zeros([0, 3])).arraySync()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });
});

describe("creation", () => {
  test("data in and out", () => {
    expect(tensor(3).shape).toEqual([]);
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(tensor([true, false]).dtype).toBe("bool");
    expect(tensor(new Float64Array(2)).dtype).toBe("f64");
    expect(tensor(new Uint8Array(4), { shape: [2, -1] }).shape).toEqual([2, 2]);
    expect(tensor(new Int16Array([-5])).dtype).toBe("i32");
    expect(tensor([1.9, -1.9, NaN, 1e12], { dtype: "i32" }).arraySync()).toEqual([1, -1, 0, 2147483647]);
    expect(tensor([0, 0.5, NaN], { dtype: "bool" }).arraySync()).toEqual([0, 1, 1]);
    expect(tensor([-5, 300], { dtype: "u8" }).arraySync()).toEqual([0, 255]);
    expect(() => tensor([[1, 2], [3]])).toThrow("tensor: nested arrays must be even: wanted 2 elements at [1], got 1");
    expect(() => tensor([[1], 2])).toThrow(
      "tensor: nested arrays must be even: wanted 1 elements at [1], got a number",
    );
    expect(() => tensor([1, [2]])).toThrow("tensor: nested arrays must be even: wanted a number at [1], got 1");
    expect(() => tensor(["1" as never])).toThrow("tensor: wanted numbers or booleans, got string at [0]");
    expect(() => tensor([1, 2, 3], { shape: [2, 2] })).toThrow("tensor: 3 elements do not fill shape [2, 2]");
    expect(() => zeros([-1])).toThrow("zeros: the sizes of a shape must be non-negative integers, got [-1]");
  });
  test("counting", () => {
    expect(arange(2, 8, 2).arraySync()).toEqual([2, 4, 6]);
    expect(arange(3, 0, { step: -1, dtype: "i32" }).arraySync()).toEqual([3, 2, 1]);
    expect(arange(1, 0).arraySync()).toEqual([]);
    for (const x of [arange(3, { dtype: "i32" }), arange(0, 3, 1, { dtype: "i32" }), arange(0, 3, { dtype: "i32" })])
      expect([x.dtype, x.arraySync()]).toEqual(["i32", [0, 1, 2]]);
    expect(() => arange(0, 3, 1, { dtipe: "i32" } as never)).toThrow('arange: there is no option "dtipe"');
    expect(() => arange(0, 3, 1, 2 as never)).toThrow("wanted (start, stop, step)");
    expect(linspace(2, 3, 1).arraySync()).toEqual([2]);
    expect(linspace(0, 0.3, 4).arraySync()).toEqual([0, 0.1, 0.2, 0.3].map(Math.fround));
    expect(() => arange(0, 1, 0)).toThrow("arange: cannot count from 0 to 1 in steps of 0");
    expect(eye(2, { columns: 3, dtype: "i32" }).arraySync()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    for (const dtype of ["i32", "u8", "bool", "f32"] as const)
      for (const value of [0.5, -0.5, -1.5, 300, 3e9, -3e9, NaN, Infinity])
        expect(full(1, value, { dtype }).arraySync(), `${value} as ${dtype}`).toEqual(
          tensor([value], { dtype }).arraySync(),
        );
    expect([full(2, 3).dtype, full([], 3, { dtype: "i32" }).arraySync(), rand(0).shape]).toEqual(["f32", 3, [0]]);
    expect(weft.onesLike(zeros([2], { dtype: "i32" })).arraySync()).toEqual([1, 1]);
  });
  test("half precision: every value round-trips, and rounding is to even", () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, i) => i).filter(
      (h) => (h & 0x7c00) !== 0x7c00 || (h & 0x3ff) === 0,
    );
    const x = tensor(bits, { dtype: "f16" });
    const values = x.arraySync() as number[];
    expect(tensor(values, { dtype: "f16" }).dataSync()).toEqual(bits);
    expect(values[0x3c00]).toBe(1);
    expect(tensor([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, NaN], { dtype: "f16" }).arraySync()).toEqual(
      [1, 1 + 2 ** -9, 65504, Infinity, 0, NaN],
    );
  });
  test("bfloat16: every value round-trips, and rounding is to even", () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, i) => i).filter((h) => (h & 0x7fff) <= 0x7f80);
    const values = tensor(bits, { dtype: "bf16" }).arraySync() as number[];
    expect(values).toEqual(Array.from(new Float32Array(Uint32Array.from(bits, (h) => h << 16).buffer)));
    expect(tensor(values, { dtype: "bf16" }).dataSync()).toEqual(bits);
    const ends = [1 + 2 ** -8, 1 + 3 * 2 ** -8, (2 - 2 ** -8) * 2 ** 127, 3.39e38, 2 ** -134, 3 * 2 ** -134, NaN];
    expect(tensor(ends, { dtype: "bf16" }).dataSync()).toEqual(
      Uint16Array.of(0x3f80, 0x3f82, 0x7f80, 0x7f7f, 0, 2, 0x7fc0),
    );
    expect(full([1], 1 / 3, { dtype: "bf16" }).arraySync()).toEqual([0.333984375]);
    expect(String(tensor([-0.5, 2], { dtype: "bf16" }))).toMatch(/^tensor\(\[-0.5, {2}2.0\], bf16\[2\] on /);
  });
});
