// Indexing, orders and rows against their definitions.
import type { DType, OpName } from "@weft/tensor";
import {
  crossEntropyGradOp,
  crossEntropyOp,
  dtypeInfo,
  isFloat,
  isStorage,
  logSoftmaxGradOp,
  logSoftmaxOp,
  softmaxGradOp,
  softmaxOp,
} from "@weft/tensor/internals";
import { describe, expect, test } from "vitest";
import { callsWith } from "../src/calls/index.ts";
import { count, difference, generator, runCall, type Given } from "./guarded.ts";

const r = generator(3);

const random = (shape: readonly number[], dtype: DType = "f32"): Given => ({
  shape,
  dtype,
  data:
    dtype === "f32" || dtype === "f64" || dtype === "i32"
      ? r.array(dtype, count(shape))
      : dtypeInfo[dtype].array.from(Array.from({ length: count(shape) }, () => r.int(0, dtype === "bool" ? 1 : 255))),
});
const integers = (shape: readonly number[], from: number, to: number): Given => ({
  shape,
  dtype: "i32",
  data: Int32Array.from({ length: count(shape) }, () => r.int(from, to)),
});

const fused = [crossEntropyGradOp, crossEntropyOp, logSoftmaxGradOp, logSoftmaxOp, softmaxGradOp, softmaxOp];
const callOf = (name: string) => callsWith([]).get(fused.find((op) => op.name === name) ?? (name as OpName))!;

const run = (name: string, attrs: object, shape: readonly number[], dtype: DType, inputs: readonly Given[]) =>
  runCall(callOf(name), attrs, { shape, dtype }, inputs, { last: r.int(0, inputs.length - 1), plain: r.next() < 0.3 });

/** Every index of a shape, with its row-major place. */
function each(shape: readonly number[], visit: (index: readonly number[], place: number) => void): void {
  for (let place = 0; place < count(shape); place++) {
    let rest = place;
    const index: number[] = [];
    for (let i = shape.length - 1; i >= 0; i--) {
      index[i] = rest % shape[i]!;
      rest = Math.floor(rest / shape[i]!);
    }
    visit(index, place);
  }
}
const place = (shape: readonly number[], index: readonly number[]): number =>
  shape.reduce((p, d, i) => p * d + index[i]!, 0);

const dtypes = Object.keys(dtypeInfo) as DType[];
/** What stands where an index is out of range, as an element of the array. */
const missing = (dtype: DType): number => (isFloat(dtype) ? (dtypeInfo[dtype].store?.(NaN) ?? NaN) : 0);
const shapes = [[7], [5, 9], [3, 4, 5], [2, 3, 4, 17], [1, 6], [40, 33]];

describe("indexing", () => {
  test("takes and adds rows", () => {
    for (const dtype of dtypes)
      for (const shape of shapes)
        for (let axis = 0; axis < shape.length; axis++)
          for (const bad of [0, 2]) {
            const x = random(shape, dtype);
            const size = shape[axis]!;
            const at = integers(r.pick([[4], [2, 3], []]), -bad, size - 1 + bad);
            const result = [...shape.slice(0, axis), ...at.shape, ...shape.slice(axis + 1)];
            const wrong = at.data.some((i) => i < 0 || i >= size);
            const n = at.shape.length;
            const source = (index: readonly number[]): number => {
              const i = at.data[place(at.shape, index.slice(axis, axis + n))]!;
              if (i < 0 || i >= size) return -1;
              return place(shape, [...index.slice(0, axis), i, ...index.slice(axis + n)]);
            };
            const taken = run("take", { axis }, result, dtype, [x, at]);
            expect(taken.flagged).toBe(wrong);
            each(result, (index, p) => {
              const from = source(index);
              expect(taken.data[p]).toBe(from < 0 ? missing(dtype) : x.data[from]);
            });
            if (dtype === "bool" || isStorage(dtype)) continue;
            const updates = random(result, dtype);
            const wanted = Float64Array.from(x.data);
            each(result, (index, p) => {
              const to = source(index);
              if (to >= 0) wanted[to]! += updates.data[p]!;
            });
            const added = run("indexAdd", { axis }, shape, dtype, [x, at, updates]);
            expect(added.flagged).toBe(wrong);
            expect(difference(added.data, wanted)).toBeLessThan(1e-6);
          }
  });

  test("gathers and scatters, also with smaller indices", () => {
    for (const dtype of dtypes)
      for (const shape of shapes)
        for (let axis = 0; axis < shape.length; axis++)
          for (const bad of [0, 1]) {
            const x = random(shape, dtype);
            const size = shape[axis]!;
            const at = integers(
              shape.map((d, i) => (i === axis ? r.int(1, 6) : r.int(1, d))),
              -bad,
              size - 1 + bad,
            );
            const wrong = at.data.some((i) => i < 0 || i >= size);
            const source = (index: readonly number[], p: number): number => {
              const i = at.data[p]!;
              return i < 0 || i >= size
                ? -1
                : place(
                    shape,
                    index.map((k, a) => (a === axis ? i : k)),
                  );
            };
            const gathered = run("gather", { axis }, at.shape, dtype, [x, at]);
            expect(gathered.flagged).toBe(wrong);
            each(at.shape, (index, p) => {
              const from = source(index, p);
              expect(gathered.data[p]).toBe(from < 0 ? missing(dtype) : x.data[from]);
            });
            if (dtype === "bool" || isStorage(dtype)) continue;
            const updates = random(at.shape, dtype);
            const wanted = Float64Array.from(x.data);
            each(at.shape, (index, p) => {
              const to = source(index, p);
              if (to >= 0) wanted[to]! += updates.data[p]!;
            });
            const scattered = run("scatterAdd", { axis }, shape, dtype, [x, at, updates]);
            expect(scattered.flagged).toBe(wrong);
            expect(difference(scattered.data, wanted)).toBeLessThan(1e-6);
          }
  });

  test("of nothing", () => {
    expect(run("take", { axis: 0 }, [0, 3], "f32", [random([4, 3]), integers([0], 0, 0)]).flagged).toBe(false);
    expect([
      ...run("indexAdd", { axis: 0 }, [2], "f32", [
        { shape: [2], dtype: "f32", data: Float32Array.of(1, 2) },
        integers([0], 0, 0),
        random([0]),
      ]).data,
    ]).toEqual([1, 2]);
  });
});

describe("orders", () => {
  const eachLine = (
    x: Given,
    axis: number,
    visit: (line: number[], index: readonly number[], to: (k: number) => number) => void,
  ): void =>
    each(
      x.shape.map((d, i) => (i === axis ? 1 : d)),
      (index) => {
        const to = (k: number): number =>
          place(
            x.shape,
            index.map((v, i) => (i === axis ? k : v)),
          );
        visit(
          Array.from({ length: x.shape[axis]! }, (_, k) => x.data[to(k)]!),
          index,
          to,
        );
      },
    );

  test("search, sum and sort along every axis", () => {
    for (const dtype of ["f32", "f64", "i32"] as const)
      for (const shape of [...shapes, [3, 300], [700]])
        for (let axis = 0; axis < shape.length; axis++)
          for (const special of [false, true]) {
            const x = random(shape, dtype);
            if (special)
              for (let i = 0; i < x.data.length; i++)
                x.data[i] = r.pick(
                  dtype === "i32" ? [0, -1, 2 ** 31 - 1, -(2 ** 31)] : [NaN, 0, -0, 1, -1, Infinity, -Infinity],
                );
            const flat = shape.map((d, i) => (i === axis ? 1 : d));
            const greatest = run("argmax", { axis, keepDims: true }, flat, "i32", [x]).data;
            const least = run("argmin", { axis, keepDims: true }, flat, "i32", [x]).data;
            const sums = run("cumsum", { axis, reverse: false }, shape, dtype, [x]).data;
            const back = run("cumsum", { axis, reverse: true }, shape, dtype, [x]).data;
            const up = run("argsort", { axis, descending: false }, shape, "i32", [x]).data;
            const down = run("argsort", { axis, descending: true }, shape, "i32", [x]).data;
            eachLine(x, axis, (line, index, to) => {
              const nan = line.findIndex((v) => Number.isNaN(v));
              const at = place(flat, index);
              expect(greatest[at]).toBe(nan >= 0 ? nan : line.indexOf(Math.max(...line)));
              expect(least[at]).toBe(nan >= 0 ? nan : line.indexOf(Math.min(...line)));
              let sum = 0;
              const running = line.map((v) => (sum = dtype === "i32" ? (sum + v) | 0 : sum + v));
              expect(
                difference(
                  line.map((_, k) => sums[to(k)]!),
                  running,
                ),
              ).toBeLessThan(1e-6);
              sum = 0;
              const reversed = line.toReversed().map((v) => (sum = dtype === "i32" ? (sum + v) | 0 : sum + v));
              expect(
                difference(
                  line.map((_, k) => back[to(k)]!),
                  reversed.toReversed(),
                ),
              ).toBeLessThan(1e-6);
              const sorted = (sign: number): number[] =>
                line
                  .map((_, k) => k)
                  .sort((i, j) => {
                    const [a, b] = [line[i]!, line[j]!];
                    return a < b ? -sign : a > b ? sign : sign * (Number(Number.isNaN(a)) - Number(Number.isNaN(b)));
                  });
              expect(line.map((_, k) => up[to(k)])).toEqual(sorted(1));
              expect(line.map((_, k) => down[to(k)])).toEqual(sorted(-1));
            });
          }
  });
});

describe("rows", () => {
  const softmaxOf = (line: readonly number[]): { p: number[]; log: number[] } => {
    const most = Math.max(...line);
    const sum = line.reduce((s, v) => s + Math.exp(v - most), 0);
    return { p: line.map((v) => Math.exp(v - most) / sum), log: line.map((v) => v - most - Math.log(sum)) };
  };

  test("softmax, its logarithm and their gradients along every axis", () => {
    const dtype = "f32";
    for (const shape of [[1], [3], [7], [5, 10], [4, 33], [3, 4, 5], [2, 0], [100, 10]])
      for (let axis = 0; axis < shape.length; axis++) {
        const x = random(shape, dtype);
        for (let i = 0; i < x.data.length; i++) x.data[i]! *= r.pick([1, 10, 200]);
        if (x.data.length > 4) x.data[2] = r.pick([NaN, -Infinity, 1000]);
        const g = random(shape, dtype);
        const y: Given = { ...x, data: new dtypeInfo[dtype].array(x.data.length) };
        const z: Given = { ...x, data: new dtypeInfo[dtype].array(x.data.length) };
        const dx = new Float64Array(x.data.length);
        const dz = new Float64Array(x.data.length);
        each(
          shape.map((d, i) => (i === axis ? Math.min(d, 1) : d)),
          (index) => {
            const to = (k: number): number =>
              place(
                shape,
                index.map((v, i) => (i === axis ? k : v)),
              );
            const all = Array.from({ length: shape[axis]! }, (_, k) => to(k));
            const { p, log } = softmaxOf(all.map((i) => x.data[i]!));
            const gy = all.reduce((s, i, k) => s + g.data[i]! * p[k]!, 0);
            const gs = all.reduce((s, i) => s + g.data[i]!, 0);
            all.forEach((i, k) => {
              y.data[i] = p[k]!;
              z.data[i] = log[k]!;
              dx[i] = (g.data[i]! - gy) * p[k]!;
              dz[i] = g.data[i]! - Math.exp(log[k]!) * gs;
            });
          },
        );
        const name = `${shape} along ${axis} in ${dtype}`;
        expect(difference(run("softmax", { axis }, shape, dtype, [x]).data, y.data), name).toBeLessThan(1e-6);
        expect(difference(run("logSoftmax", { axis }, shape, dtype, [x]).data, z.data), name).toBeLessThan(1e-6);
        expect(difference(run("softmaxGrad", { axis }, shape, dtype, [y, g]).data, dx), name).toBeLessThan(1e-6);
        expect(difference(run("logSoftmaxGrad", { axis }, shape, dtype, [z, g]).data, dz), name).toBeLessThan(2e-6);
      }
  });

  test("cross-entropy and its gradient, with smoothing and ignored rows", () => {
    const dtype = "f32";
    for (const [n, c] of [
      [1, 1],
      [7, 10],
      [100, 10],
      [5, 33],
      [0, 4],
      [128, 80],
    ] as const)
      for (const labelSmoothing of [0, 0.1])
        for (const ignoreIndex of [undefined, 0, -100])
          for (const bad of [0, 1]) {
            const x = random([n, c], dtype);
            for (let i = 0; i < x.data.length; i++) x.data[i]! *= r.pick([1, 20]);
            const labels = integers([n], -bad, c - 1 + bad);
            if (ignoreIndex === -100 && n > 2) labels.data[1] = -100;
            const loss = new Float64Array(n);
            const dx = new Float64Array(n * c);
            let wrong = false;
            for (let i = 0; i < n; i++) {
              const label = labels.data[i]!;
              if (label === ignoreIndex) continue;
              const { p, log } = softmaxOf(Array.from(x.data.subarray(i * c, i * c + c)));
              const inside = label >= 0 && label < c;
              if (!inside) wrong = true;
              const mean = log.reduce((s, v) => s + v, 0) / c;
              loss[i] = inside ? -(1 - labelSmoothing) * log[label]! - labelSmoothing * mean : NaN;
              for (let k = 0; k < c; k++)
                dx[i * c + k] = p[k]! - labelSmoothing / c - (k === label ? 1 - labelSmoothing : 0);
            }
            const attrs = { ignoreIndex, labelSmoothing };
            const forward = run("crossEntropy", attrs, [n], dtype, [x, labels]);
            const backward = run("crossEntropyGrad", attrs, [n, c], dtype, [x, labels]);
            expect(difference(forward.data, loss)).toBeLessThan(1e-6);
            expect(difference(backward.data, dx)).toBeLessThan(1e-6);
            expect([forward.flagged, backward.flagged]).toEqual([wrong, wrong]);
          }
  });

  test("the exponential is right to the last bits where softmax uses it", () => {
    const x = Float32Array.from({ length: 2001 }, (_, i) => -i / 25);
    const { data } = run("softmax", { axis: 0 }, [x.length], "f32", [{ shape: [x.length], dtype: "f32", data: x }]);
    const { p } = softmaxOf([...x]);
    p.forEach((v, i) => expect(Math.abs(data[i]! / v - 1), `e^${x[i]}`).toBeLessThan(5e-7));
  });
});
