// Row kernels and formulas mean the same wherever they run: as the fallback on the float64 reference, and as kernels of
// the CPU and of WebGPU, fused and not; so do their derivatives, and what they refuse.
import { grad } from "@weft/autograd";
import { openSync as openReference } from "@weft/conformance";
import {
  applyFused,
  elementwiseOp,
  mul,
  rowOp,
  sum,
  type Backend,
  type Creation,
  type DType,
  type Expression,
  type FusedOp,
  type RowArithmetic,
  type RowKernel,
  type Shape,
  type Tensor,
  type Value,
} from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { dense, kernel } from "@weft/tensor-cpu/kernels";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describe, expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";

type Opened = Backend & Creation;
const backends: readonly (readonly [string, () => Promise<Opened>])[] = [
  ["the reference", async () => openReference()],
  ...[true, false].flatMap((fuse) => [
    [`the CPU, fuse: ${fuse}`, () => openCpu({ fuse })] as const,
    ...(longOn("webgpu") ? [[`WebGPU, fuse: ${fuse}`, () => openWebGpu({ fuse })] as const] : []),
  ]),
];

/** The same for one row: x, a number for each column, and one for the row. */
type Plain = (x: readonly number[], w: readonly number[], s: number) => readonly number[];
interface Case {
  readonly write: RowKernel<undefined>["write"];
  readonly plain: Plain;
  readonly scalar?: true;
}

const total = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const positive = (xs: readonly number[]): number => xs.filter((x) => x > 0).length;

/** Each has the operands x ("row"), w ("column"), s ("scalar"). */
const cases: { readonly [name: string]: Case } = {
  "sums of what is the same for the row": {
    write: (k, _, x, __, s) => [k.add(k.mul(x, k.sum(s)), k.add(k.sum(k.constant(1)), k.sum(k.sum(x))))],
    plain: (x, _, s) => x.map((v) => v * x.length * s + x.length + x.length * total(x)),
  },
  "means and maxima of what is the same for the row": {
    write: (k, _, x, __, s) => [k.add(k.mul(x, k.mean(s)), k.add(k.max(s), k.mean(k.constant(3))))],
    plain: (x, _, s) => x.map((v) => v * s + s + 3),
  },
  "sums of columns": {
    write: (k, _, x, w) => [k.mul(x, k.sum(w))],
    plain: (x, w) => x.map((v) => v * total(w)),
  },
  "a mean as a row": { write: (k, _, x) => [k.mean(x)], plain: (x) => x.map(() => total(x) / x.length) },
  "a constant as a row": { write: (k) => [k.sqrt(k.constant(2))], plain: (x) => x.map(() => Math.SQRT2) },
  "a number as a row": { write: (k) => [k.number(2)], plain: (x) => x.map(() => 2) },
  "a column as a row": { write: (_, __, ___, w) => [w], plain: (_, w) => w },
  "an operand as the number of a row": { write: (_, __, ___, ____, s) => [s], plain: (_, __, s) => [s], scalar: true },
  "a constant as the number of a row": {
    write: (k) => [k.sum(k.constant(2))],
    plain: (x) => [2 * x.length],
    scalar: true,
  },
  "arithmetic of numbers": {
    write: (k, _, x) => [k.mul(k.mul(x, k.div(k.constant(1), k.float(k.length))), k.sqrt(k.number(4)))],
    plain: (x) => x.map((v) => (2 * v) / x.length),
  },
  "the last element": {
    write: (k, _, x, w) => [k.mul(k.at(x, k.add(k.length, k.integer(-1))), k.add(x, k.at(w, k.integer(1))))],
    plain: (x, w) => x.map((v) => x.at(-1)! * (v + w[1]!)),
  },
  "0 and -0": {
    write: (k, _, x) => {
      const [one, zero] = [k.constant(1), k.constant(0)];
      const [a, b] = [0, -0].map((z) => k.where(k.less(k.div(one, k.number(z)), zero), one, k.constant(2)));
      return [k.mul(x, k.sub(k.mul(a!, k.constant(10)), b!))];
    },
    plain: (x) => x.map((v) => 19 * v),
  },
  "masks are counted": {
    write: (k, _, x) => {
      const mask = k.less(k.constant(0), x);
      return [k.mul(x, k.add(k.float(k.sum(mask)), k.add(k.mean(mask), k.float(k.max(mask)))))];
    },
    plain: (x) => x.map((v) => v * (positive(x) + positive(x) / x.length + 1)),
  },
  "sums and maxima of places": {
    write: (k, _, x) => [k.mul(x, k.float(k.add(k.sum(k.place), k.max(k.sub(k.place, k.length)))))],
    plain: (x) => x.map((v) => v * ((x.length * (x.length - 1)) / 2 - 1)),
  },
  "a choice of two constants": {
    write: (k, _, x) => [k.mul(x, k.where(k.less(k.place, k.integer(1)), k.constant(2), k.constant(3)))],
    plain: (x) => x.map((v, i) => v * (i < 1 ? 2 : 3)),
  },
};

const X = [[1, 2, 4], [3, -1, 0.5]]; // oxfmt-ignore
const W = [0.5, 2, -3];
const S = [1.5, -1];

const opOf = (name: string, { write, scalar }: Pick<Case, "write" | "scalar">): FusedOp<undefined> =>
  rowOp(name, {
    operands: ["row", "column", "scalar"],
    results: [scalar === undefined ? "row" : "scalar"],
    write,
  });

/** The derivative of Σ j · result[j] by x. */
function slopes(plain: Plain): number[] {
  const h = 1e-5;
  const value = (x: readonly number[], s: number): number => total(plain(x, W, s).map((y, j) => y * (j + 1)));
  return X.flatMap((x, r) =>
    x.map((_, i) => {
      const moved = (by: number): number => value(x.map((v, k) => (k === i ? v + by : v)), S[r]!); // prettier-ignore
      return (moved(h) - moved(-h)) / (2 * h);
    }),
  );
}

const near = (got: ArrayLike<number>, wanted: readonly number[]): void => {
  expect(got.length).toBe(wanted.length);
  wanted.forEach((v, i) => expect(Math.abs(got[i]! - v)).toBeLessThan(1e-4 * (1 + Math.abs(v))));
};

describe.each(backends)("on %s", (where, open) => {
  const dtype: DType = where === "the reference" ? "f64" : "f32";

  test.each(Object.entries(cases))("%s", async (name, { write, plain, scalar }) => {
    const b = await open();
    const op = opOf(name, { write, ...(scalar && { scalar }) });
    const [x, w, s] = [X, W, S].map((values) => b.tensor(values, { dtype })) as [Tensor, Tensor, Tensor];
    const y = applyFused(op, [x, w, s], undefined)[0]!;
    expect(y.shape).toEqual(scalar === undefined ? [2, 3] : [2]);
    near(await y.data(), X.flatMap((row, r) => plain(row, W, S[r]!))); // prettier-ignore
    const weights = b.tensor(scalar === undefined ? [1, 2, 3] : [1], { dtype });
    const g = grad((z: Tensor) => sum(mul(applyFused(op, [z, w, s], undefined)[0]!, weights)))(x);
    near(await g.data(), slopes(plain));
  });

  test("sums and maxima of integers over long rows", async () => {
    const b = await open();
    const op = rowOp("places", {
      operands: ["row"],
      results: ["scalar", "scalar"],
      write: (k, _, x) => [k.float(k.sum(k.less(x, k.constant(1)))), k.float(k.max(k.sub(k.place, k.length)))],
    });
    const [count, last] = applyFused(op, [b.zeros([2, 5000], { dtype })], undefined);
    expect([...(await count!.data()), ...(await last!.data())]).toEqual([5000, 5000, -1, -1]);
  });

  test.each<readonly [string, Case["write"], string] | readonly [string, Case["write"], string, true]>([
    ["at", (k, _, x) => [k.at(x, k.place)], "mine: at: the position must be the same for the whole row"],
    ["at", (k, _, x) => [k.at(k.exp(x), k.integer(0))], 'mine: at: wanted a "row" or "column" operand'],
    ["at", (k, _, x) => [k.at(x, k.constant(0))], "mine: at: wanted i32, got"],
    ["results", (_, __, x) => [x, x], "mine: the kernel declares 1 results and writes 2"],
    ["results", () => [], "mine: the kernel declares 1 results and writes 0"],
    ["scalar", (_, __, x) => [x], 'mine: result 0 is declared "scalar", but differs within the row', true],
    ["a mask", (k, _, x) => [k.less(x, k.constant(0))], "mine: result 0 is bool, wanted"],
    ["two types", (k, _, x) => [k.add(x, k.place)], "mine: add: the operands are"],
    ["a plain number", (k, _, x) => [k.add(x, 1 as never)], "mine: add: wanted a value of the kernel, got number 1"],
    ["outOfRange", (k, _, x) => (k.outOfRange(k.less(k.sum(x), k.constant(0))), [x]), "mine: outOfRange: the operation must declare its indices"], // prettier-ignore
    ["a mistake", () => { throw new TypeError("oh"); }, "mine: oh"], // prettier-ignore
  ])("refuses %s: %s", async (...[, write, message, scalar]) => {
    const b = await open();
    const op = opOf("mine", { write, ...(scalar && { scalar }) });
    const run = async (): Promise<unknown> =>
      applyFused(op, [X, W, S].map((values) => b.tensor(values, { dtype })), undefined)[0]!.data(); // prettier-ignore
    await expect(run()).rejects.toThrow(message);
  });

  test("rows along an axis counted from the end", async () => {
    const b = await open();
    const op = rowOp<{ readonly axis: number }>("center", {
      operands: ["row"],
      axis: ({ axis }) => axis,
      write: (k, _, x) => [k.sub(x, k.mean(x))],
    });
    const x = b.tensor(X, { dtype });
    for (const axis of [-1, -2]) {
      const wanted = await applyFused(op, [x], { axis: axis + 2 })[0]!.data();
      near(await applyFused(op, [x], { axis })[0]!.data(), [...wanted]);
    }
    expect(() => applyFused(op, [x], { axis: 2 })).toThrow("center: axis 2 is out of range for shape [2, 3]");
    expect(() => applyFused(op, [x], { axis: 0.5 })).toThrow("center: an axis is an integer, got 0.5");
  });

  test.each<readonly [string, Expression, (x: number, y: number) => number]>([
    ["a constant", (k) => k.sqrt(k.constant(2)), () => Math.SQRT2],
    ["an operand", (_, x) => x!, (x) => x],
    ["a product with numbers alone", (k, x, y, c) => k.mul(k.mul(x!, y!), k.exp(c!)), (x, y) => x * y * Math.exp(0.5)],
    [
      "a choice of constants",
      (k, x, y) => k.mul(x!, k.where(k.less(x!, y!), k.constant(1), k.constant(2))),
      (x, y) => x * (x < y ? 1 : 2),
    ],
  ])("a formula that is %s", async (name, expression, plain) => {
    // prettier-ignore
    const b = await open();
    const op = elementwiseOp(name, expression, () => []);
    const wanted = X.flatMap((row) => row.map((v, i) => plain(v, W[i]!)));
    const [x, w] = [X, W].map((values) => b.tensor(values, { dtype })) as [Tensor, Tensor];
    for (const y of [applyFused(op, [x, w, 0.5], undefined)[0]!, op.fallback([x, w, 0.5], undefined)[0]!]) {
      expect(y.shape).toEqual([2, 3]);
      near(await y.data(), wanted);
    }
  });

  test("operands are promoted to one floating-point dtype, and others refused", async () => {
    const b = await open();
    const shift = elementwiseOp("shift", (k, x, y) => k.add(x!, y!), () => [(g) => g, (g) => g]); // prettier-ignore
    const center = rowOp("center", { operands: ["row", "column"], write: (k, _, x, w) => [k.mul(k.sub(x, k.mean(x)), w)] }); // prettier-ignore
    const mask = elementwiseOp("mask", (k, x) => k.less(x!, k.constant(0)), () => []); // prettier-ignore
    const x = b.tensor(X, { dtype: "f16" });
    const w = b.tensor(W);
    for (const [op, wanted] of [
      [shift, 1.5],
      [center, -2 / 3],
    ] as const) {
      // prettier-ignore
      const y = applyFused(op, [x, w], undefined)[0]!;
      expect([y.dtype, y.shape]).toEqual(["f32", [2, 3]]);
      near([(await y.data())[0]!], [wanted]);
      const g = grad((z: Tensor) => sum(applyFused(op, [z, w], undefined)[0]!))(x);
      expect(g.dtype).toBe("f16");
      for (const other of ["i32", "bool", "u8"] as const)
        expect(() => applyFused(op, [b.tensor(X, { dtype: other }), w], undefined)).toThrow(
          `${op.name}: wanted f32 or f64, got ${other}`,
        );
    }
    expect(() => applyFused(mask, [w], undefined)).toThrow("mask: the result is bool, wanted f32");
  });

  test("an operation may be an object of a class", async () => {
    class Doubled implements FusedOp<undefined> {
      readonly name = "doubled";
      readonly factor = 2;
      readonly indices = {
        operand: 1,
        axis: 0,
        size(inputs: readonly { readonly shape: Shape }[]) {
          return inputs[0]!.shape[this.axis]!;
        },
      };
      infer([x]: readonly Value[]) {
        const { shape, dtype } = x as Tensor;
        return [{ shape, dtype }];
      }
      fallback([x]: readonly Value[]) {
        return [mul(x!, this.factor)];
      }
      gradient() {
        return [(g: Tensor) => mul(g, this.factor), undefined];
      }
      readonly rows = {
        operands: ["row", "scalar"],
        factor: 2,
        write<V>(k: RowArithmetic<V>, _: undefined, x: V) {
          return [k.mul(x, k.constant(this.factor))];
        },
      } as const;
    }
    const b = await open();
    const op = new Doubled();
    const [x, places] = [b.tensor(X, { dtype }), b.tensor([1, 0], { dtype: "i32" })];
    const f = (z: Tensor): Tensor => applyFused(op, [z, places], undefined)[0]!;
    near(await f(x).data(), X.flat().map((v) => 2 * v)); // prettier-ignore
    near(await grad((z: Tensor) => sum(f(z)))(x).data(), X.flat().map(() => 2)); // prettier-ignore
  });
});

test("a kernel from outside wins over a formula, where it takes the dtypes", async () => {
  const tripleOp = elementwiseOp("triple", (k, x) => k.mul(x!, k.constant(3)), () => []); // prettier-ignore
  // It writes 7 everywhere, to be told from the formula.
  const sevens = dense((m, _: undefined, [out]) => ({
    units: out.shape[0]!,
    scratch: 0,
    run: ([to], __, ___, begin, end) => void m.f32.fill(7, (to >>> 2) + begin, (to >>> 2) + end),
  }), { dtypes: ["f32"] }); // prettier-ignore
  const b = await openCpu({ kernels: [kernel(tripleOp, sevens)] });
  const plain = await openCpu();
  const triple = (on: Opened, dtype: DType): Tensor =>
    applyFused(tripleOp, [on.tensor([1, 2], { dtype })], undefined)[0]!;
  expect([...(await triple(b, "f32").data())]).toEqual([7, 7]);
  expect([...(await triple(b, "f64").data())]).toEqual([3, 6]);
  expect([...(await triple(plain, "f32").data())]).toEqual([3, 6]);
});
