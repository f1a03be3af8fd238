// Random programs of public functions: merged, unmerged and the float64 reference must agree, whatever is read and when.
import { open as reference } from "@weft/conformance";
import * as T from "@weft/tensor";
import { scope, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { draws } from "../../../test/draws.ts";
import { openSync } from "../src/index.ts";

type Make = (data: Float32Array, shape: number[]) => Tensor;
const UNARY = ["neg", "relu", "sigmoid", "tanh", "abs", "square"] as const;
const BINARY = ["add", "sub", "mul", "maximum"] as const;

/** The same program for every backend: a list of steps drawn from the seed. */
function program(seed: number, make: Make, read: (x: Tensor) => ArrayLike<number>): number[][] {
  const draw = draws(seed);
  const shapes = [[4, 6], [6], [4, 1], [3, 4, 6], [24]];
  const values: Tensor[] = shapes.map((shape, k) => {
    const n = shape.reduce((a, b) => a * b, 1);
    return make(
      Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + k + seed)),
      shape,
    );
  });
  const results: number[][] = [];
  const pick = (): Tensor => values[draw(values.length)]!;
  const last = (): Tensor => values[Math.max(0, values.length - 1 - draw(4))]!;
  for (let step = 0; step < 24; step++) {
    const x = draw(3) === 0 ? pick() : last();
    const kind = draw(12);
    let y: Tensor;
    if (kind < 3) y = T[UNARY[draw(UNARY.length)]!](x);
    else if (kind < 6) {
      const other = draw(4) === 0 ? draw(5) - 2 : pick();
      const fits = typeof other === "number" || broadcasts(x.shape, other.shape);
      y = T[BINARY[draw(BINARY.length)]!](x, fits ? other : 0.5);
    } else if (kind === 6) {
      const axis = draw(Math.max(x.rank, 1));
      y = x.rank === 0 ? T.neg(x) : [T.sum, T.max, T.mean][draw(3)]!(x, { axis, keepDims: draw(2) === 0 });
    } else if (kind === 7) y = x.rank < 2 ? T.flip(T.reshape(x, [-1])) : T.permute(x, [...x.shape.keys()].toReversed());
    else if (kind === 8) y = T.reshape(x, [-1]);
    else if (kind === 9) {
      const starts = x.shape.map((d) => draw(Math.max(1, d >> 1)));
      y = T.slice(x, { starts, ends: x.shape.map((d) => d), steps: x.shape.map(() => 1 + draw(2)) });
    } else if (kind === 10)
      y = x.rank === 0 ? T.reshape(x, [1]) : T.concat([x, T.mul(x, 2), x], { axis: draw(x.rank) });
    else y = T.pad(x, { pads: x.shape.map(() => [draw(2), draw(2)] as [number, number]), value: 0.25 });
    if (y.size > 400) y = T.slice(T.reshape(y, [-1]), { starts: [0], ends: [96] });
    values.push(y);
    if (draw(9) === 0) results.push(Array.from(read(pick())));
    if (draw(7) === 0 && values.length > 8) values.splice(5, 1);
  }
  for (const v of values.slice(5)) results.push(Array.from(read(v)));
  return results;
}

function broadcasts(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 1; i <= Math.min(a.length, b.length); i++) {
    const [x, y] = [a.at(-i)!, b.at(-i)!];
    if (x !== y && x !== 1 && y !== 1) return false;
  }
  return true;
}

const merged = openSync({ fuse: true });
const single = openSync({ fuse: false });

test.each(Array.from({ length: 200 }, (_, i) => i))("program %i", async (seed) => {
  const exact = await reference({ rounding: true });
  const run = (backend: typeof merged | typeof exact): number[][] =>
    scope(() =>
      program(
        seed,
        (data, shape) => backend.tensor(data, { shape }),
        (x) => x.dataSync(),
      ),
    );
  const wanted = run(exact);
  for (const backend of [merged, single]) {
    const got = run(backend);
    expect(got.length).toBe(wanted.length);
    got.forEach((values, i) => {
      expect(values.length).toBe(wanted[i]!.length);
      values.forEach((v, k) => {
        const w = wanted[i]![k]!;
        const close =
          Object.is(v, w) || (Number.isNaN(v) && Number.isNaN(w)) || Math.abs(v - w) <= 2e-5 * Math.max(1, Math.abs(w));
        if (!close)
          expect.fail(
            `program ${seed} ${backend === merged ? "merged" : "single"}, result ${i}, element ${k}: got ${v}, wanted ${w}`,
          );
      });
    });
    expect(backend.stats().live).toBe(0);
  }
});

test("a row-sparse update is written in place once nothing else refers to the table", () => {
  const backend = openSync({});
  const indices = backend.tensor([2, 0, 2], { dtype: "i32" });
  const rows = backend.ones([3, 4]);
  const first = backend.zeros([5, 4]);
  first.dataSync();
  const step = (x: Tensor): Tensor =>
    scope(() => {
      const y = T.indexAdd(x, indices, T.mul(rows, 0.5));
      x.release();
      return y;
    });
  const bytes = (): number => backend.stats().heap;
  let x = step(first);
  const before = bytes();
  for (let i = 0; i < 9; i++) x = step(x);
  expect(Array.from(x.dataSync().slice(0, 12))).toEqual([5, 5, 5, 5, 0, 0, 0, 0, 10, 10, 10, 10]);
  expect(bytes()).toBe(before);
  const old = x;
  const next = T.indexAdd(old, indices, rows);
  expect(next.dataSync()[0]).toBe(6);
  expect(old.dataSync()[0]).toBe(5);
});

test("plans and kernels tell a fill of -0 from one of 0", () => {
  const { tensor } = openSync({});
  const filled = (value: number) => [...T.pad(tensor([1]), { pads: [[1, 0]], value }).dataSync()];
  expect(filled(0)).toEqual([0, 1]);
  expect(filled(-0)).toEqual([-0, 1]);
});

test("plans tell an attribute that is not given from every number", () => {
  const { tensor } = openSync({});
  const rows = (labels: number[], options: { ignoreIndex?: number }) =>
    T.crossEntropyRows(tensor([[0, 0]]), tensor(labels, { dtype: "i32" }), options).dataSync()[0];
  expect(rows([1], {})).toBeCloseTo(Math.LN2, 6);
  for (let ignoreIndex = -100; ignoreIndex < 0; ignoreIndex++) expect(rows([ignoreIndex], { ignoreIndex })).toBe(0);
});

test("an epilogue follows stretches of a call's units, of any first axis", () => {
  const [merged, plain] = [openSync({}), openSync({ fuse: false })];
  const wave = (shape: number[]): Float32Array =>
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i));
  const calls: readonly [string, (x: Tensor, y: Tensor) => Tensor, number[][]][] = [
    ["rows", T.matmul, [[1200, 20], [20, 200]]],
    ["batches", T.matmul, [[3, 700, 20], [3, 20, 90]]],
    ["one row", T.matmul, [[1, 20], [20, 90_000]]],
    ["a thin product", (a, b) => T.matmul(T.transpose(a), b), [[30, 9000], [30, 10]]],
    ["images", (x, w) => T.conv(x, w), [[50, 3, 14, 14], [20, 3, 3, 3]]],
  ]; // oxfmt-ignore
  for (const [name, call, shapes] of calls) {
    const [whole, apart] = [merged, plain].map((b) =>
      scope(() => {
        const [x, w] = shapes.map((shape) => b.tensor(wave(shape), { shape }));
        const y = call(x!, w!);
        const before = b.stats().launches;
        // An operand that differs from row to row keeps the epilogue's loops apart.
        const rows = b.tensor(wave([y.shape[0]!]), { shape: y.shape.map((d, i) => (i === 0 ? d : 1)) });
        const data = T.add(T.mul(T.relu(y), 2), rows).dataSync();
        return { data, launches: b.stats().launches - before };
      }),
    );
    expect(whole!.data, name).toEqual(apart!.data);
    expect([name, whole!.launches]).toEqual([name, 1]);
    expect(apart!.launches).toBeGreaterThan(3);
  }
});
