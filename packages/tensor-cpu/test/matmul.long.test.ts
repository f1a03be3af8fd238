import { describe, expect, test } from "vitest";
import { matmul } from "../src/calls/matmul.ts";
import { count, dense, difference, generator, runCall, type Given } from "./guarded.ts";

/** The product by its definition, from operands with any strides. */
function reference(a: Given, b: Given, transA: boolean, transB: boolean, shape: readonly number[]): Float64Array {
  const out = new Float64Array(count(shape));
  const rank = shape.length;
  const [M, N] = [shape[rank - 2]!, shape[rank - 1]!];
  const K = a.shape[a.shape.length - (transA ? 2 : 1)]!;
  const at = (g: Given, index: readonly number[], row: number, column: number): number => {
    const strides = g.strides ?? dense(g.shape);
    const n = g.shape.length;
    let p = row * strides[n - 2]! + column * strides[n - 1]!;
    for (let i = 0; i < n - 2; i++) p += (g.shape[i] === 1 ? 0 : index[index.length - (n - 2) + i]!) * strides[i]!;
    return g.data[p]!;
  };
  const batches = shape.slice(0, -2);
  for (let o = 0; o < count(batches); o++) {
    let rest = o;
    const index = batches.map(() => 0);
    for (let i = batches.length - 1; i >= 0; i--) {
      index[i] = rest % batches[i]!;
      rest = Math.floor(rest / batches[i]!);
    }
    for (let i = 0; i < M; i++)
      for (let j = 0; j < N; j++) {
        let sum = 0;
        for (let k = 0; k < K; k++)
          sum +=
            (transA ? at(a, index, k, i) : at(a, index, i, k)) * (transB ? at(b, index, j, k) : at(b, index, k, j));
        out[(o * M + i) * N + j] = sum;
      }
  }
  return out;
}

const r = generator(7);

function check(
  M: number,
  K: number,
  N: number,
  transA: boolean,
  transB: boolean,
  dtype: "f32" | "f64" | "i32" = "f32",
  options: { plain?: boolean; last?: number } = {},
): number {
  const shapeA = transA ? [K, M] : [M, K];
  const shapeB = transB ? [N, K] : [K, N];
  const a: Given = { shape: shapeA, dtype, data: r.array(dtype, M * K) };
  const b: Given = { shape: shapeB, dtype, data: r.array(dtype, N * K) };
  const ran = runCall(matmul, { transA, transB }, { shape: [M, N], dtype }, [a, b], options);
  const wanted = reference(a, b, transA, transB, [M, N]);
  expect(difference(ran.data, wanted), `${M}x${K}x${N} ${transA} ${transB} ${dtype}`).toBeLessThan(1e-5);
  return ran.units;
}

describe("matmul", () => {
  test.each([false, true])("has the right edges in all four orders (plain multiply and add: %s)", (plain) => {
    for (const [transA, transB] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      for (let M = 1; M <= 14; M++)
        for (let N = 1; N <= 18; N++)
          check(M, r.pick([1, 3, 4, 7, 30]), N, transA, transB, "f32", { plain, last: (M + N) % 2 });
      for (const [M, K, N] of [
        [37, 29, 23],
        [64, 33, 65],
        [20, 25, 576],
        [13, 330, 70],
        [250, 650, 11],
        [260, 7, 40],
        [3, 40, 1100],
        [17, 340, 1030],
      ] as const)
        check(M, K, N, transA, transB, "f32", { plain, last: M % 2 });
    }
  });

  test("has the right values for random sizes", () => {
    for (let i = 0; i < 150; i++)
      check(r.int(1, 60), r.int(1, 60), r.int(1, 60), r.next() < 0.5, r.next() < 0.5, "f32", { last: r.int(0, 1) });
  });

  test("multiplies f64 and i32", () => {
    for (const dtype of ["f64", "i32"] as const)
      for (let i = 0; i < 10; i++) check(r.int(1, 9), r.int(1, 9), r.int(1, 9), i % 2 === 0, i % 3 === 0, dtype);
  });

  test("of an empty inner axis is zero, and of no rows nothing", () => {
    check(3, 0, 5, false, false);
    check(0, 4, 5, false, false);
    check(4, 4, 0, true, false);
  });

  test("is cut by rows, and into columns where it has one row", () => {
    for (const [M, K, N] of [
      [1, 5, 9],
      [700, 20, 40],
      [9, 800, 2100],
      [500, 30, 10],
      [33, 30, 1],
    ] as const)
      for (const transA of [false, true])
        for (const transB of [false, true]) expect(check(M, K, N, transA, transB)).toBe(M === 1 ? N : M);
  });

  test("takes batches, broadcast operands and strides", () => {
    const cases: [
      Given["shape"],
      number[] | undefined,
      Given["shape"],
      number[] | undefined,
      number[],
      boolean,
      boolean,
    ][] = [
      [[5, 7, 6], undefined, [6, 9], undefined, [5, 7, 9], false, false],
      [[5, 1, 6], undefined, [6, 9], undefined, [5, 1, 9], false, false],
      [[2, 3, 7, 6], undefined, [3, 6, 9], undefined, [2, 3, 7, 9], false, false],
      [[2, 1, 7, 6], undefined, [3, 6, 9], undefined, [2, 3, 7, 9], false, false],
      [[4, 7, 6], undefined, [4, 9, 7], undefined, [4, 6, 9], true, true],
      [[3, 6, 7], undefined, [1, 6, 9], undefined, [3, 7, 9], true, false],
      [[3, 8, 5], [5, 15, 1], [5, 4], undefined, [3, 8, 4], false, false], // permuted batch axis
      [[8, 3, 5], [15, 5, 1], [5, 4], [1, 5], [8, 3, 4], false, false],
      [[6, 5], [11, 1], [5, 9], [20, 1], [6, 9], false, false], // sliced rows
      [[6, 40], [1, 7], [40, 9], [20, 1], [6, 9], false, false],
      [[40, 1], [3, 5], [40, 30], [31, 1], [1, 30], true, false], // a column with gaps
      [[1, 40], [5, 3], [30, 40], [41, 1], [1, 30], false, true],
      [[30, 40], [41, 1], [40, 1], [3, 1], [30, 1], false, false],
      [[4, 5], [0, 1], [5, 3], undefined, [4, 3], false, false], // one row, repeated
      [[0, 4, 5], undefined, [5, 3], undefined, [0, 4, 3], false, false],
    ];
    for (const [sa, ta, sb, tb, shape, transA, transB] of cases) {
      const extent = (s: Given["shape"], t?: number[]): number =>
        t ? 1 + s.reduce((n, d, i) => n + (d - 1) * t[i]!, 0) : count(s);
      const a: Given = { shape: sa, dtype: "f32", data: r.array("f32", extent(sa, ta)), ...(ta && { strides: ta }) };
      const b: Given = { shape: sb, dtype: "f32", data: r.array("f32", extent(sb, tb)), ...(tb && { strides: tb }) };
      for (const g of [a, b])
        expect(matmul.accepts!(0, { shape: g.shape, dtype: "f32", strides: g.strides ?? dense(g.shape) })).toBe(true);
      const { data, units } = runCall(matmul, { transA, transB }, { shape, dtype: "f32" }, [a, b]);
      expect(difference(data, reference(a, b, transA, transB, shape)), `${sa} ${sb}`).toBeLessThan(1e-5);
      const rows = count(shape.slice(0, -1));
      expect(units).toBe(rows === count(shape.slice(0, -2)) && rows === 1 ? shape.at(-1) : rows);
    }
  });

  test("refuses operands without a dense matrix axis", () => {
    expect(matmul.accepts!(0, { shape: [4, 5], strides: [10, 2], dtype: "f32" })).toBe(false);
    expect(matmul.accepts!(0, { shape: [4, 5], strides: [-5, 1], dtype: "f32" })).toBe(false);
  });
});
