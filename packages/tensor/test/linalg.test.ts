// Linear algebra: numbers that PyTorch gives (1.13, float64), and matrices that are singular, empty or not finite.
import { describe, expect, expectTypeOf, test } from "vitest";
import * as weft from "../src/index.ts";
import type { Tensor } from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor, zeros, eye } = reference();
const matrix = (rows: number[][]): Tensor => tensor(rows, { dtype: "f64" });

const a = matrix([[2, -1, 0.5], [1, 3, -2], [0, 1, 4]]); // prettier-ignore
const b = matrix([[1, 2], [3, 4], [5, 6.5]]); // prettier-ignore
const p = weft.matmul(a, weft.transpose(a));
const singular = matrix([[1, 2, 3], [2, 4, 6], [1, 0, 1]]); // prettier-ignore

/** Compares elements in row-major order. */
function near(x: Tensor, wanted: readonly number[]): void {
  const got = weft.reshape(x, [-1]).arraySync() as number[];
  expect(got.length).toBe(wanted.length);
  got.forEach((y, i) =>
    Number.isFinite(wanted[i]) ? expect(y).toBeCloseTo(wanted[i]!, 8) : expect(y).toBe(wanted[i]),
  );
}

describe("as PyTorch", () => {
  const shifts = weft.add(b, matrix([[0, 0], [1, -1], [2, 0.5]])); // prettier-ignore
  const column = matrix([[1], [2], [4]]);
  const thin = weft.svd(b, { fullMatrices: false });
  // oxfmt-ignore
  const table: [name: string, got: Tensor, wanted: number[]][] = [
    ["det", weft.det(a), [32.5]],
    ["inv", weft.inv(a), [0.430769231, 0.138461538, 0.015384615, -0.123076923, 0.246153846, 0.138461538, 0.030769231, -0.061538462, 0.215384615]],
    ["logAbsDet", weft.logAbsDet(weft.neg(a)).logAbsDet, [3.481240089]],
    ["its sign", weft.logAbsDet(weft.neg(a)).sign, [-1]],
    ["logdet", weft.logdet(a), [3.481240089]],
    ["logdet of a negative determinant", weft.logdet(weft.neg(a)), [NaN]],
    ["solve", weft.solve(a, tensor([1, 2, 3])), [0.753846154, 0.784615385, 0.553846154]],
    ["lu: L", weft.lu(a).l, [1, 0, 0, 0.5, 1, 0, 0, 0.285714286, 1]],
    ["lu: U", weft.lu(a).u, [2, -1, 0.5, 0, 3.5, -2.25, 0, 0, 4.642857143]],
    ["solveTriangular", weft.solveTriangular(a, b, { upper: true }), [1.104166667, 1.802083333, 1.833333333, 2.416666667, 1.25, 1.625]],
    ["cholesky", weft.cholesky(p), [2.291287847, 0, 0, -0.872871561, 3.638419332, 0, 0.43643578, -1.269520415, 3.898440935]],
    ["qr: Q", weft.qr(b).q, [-0.169030851, 0.977894195, -0.507092553, 0.020806259, -0.845154255, -0.208062595]],
    ["qr: R", weft.qr(b).r, [-5.916079783, -7.859934569, 0, 0.686606562]],
    ["qr of a wide matrix", weft.qr(weft.transpose(b)).r, [-2.236067977, -4.91934955, -8.049844719, 0, -0.894427191, -1.565247584]],
    ["qr, complete", weft.qr(b, { mode: "complete" }).q, [-0.169030851, 0.977894195, 0.123091491, -0.507092553, 0.020806259, -0.861640437, -0.845154255, -0.208062595, 0.492365964]],
    ["svd: S", thin.s, [9.852920235, 0.412265512]],
    // The signs are ours: the greatest number of each row of Vh is positive.
    ["svd: Vh", thin.vh, [0.59950458, 0.800371325, 0.800371325, -0.59950458]],
    ["svd: U", thin.u, [0.223309149, -0.966944419, 0.507463668, 0.007508884, 0.832234132, 0.254876652]],
    ["eigh: values", weft.eigh(p).values, [4.813738122, 10.461176266, 20.975085612]],
    ["eigh: vectors", weft.eigh(p).vectors, [0.976024591, -0.177002104, 0.126673808, 0.217468516, 0.768582967, -0.601654109, 0.009134712, 0.614776771, 0.788648261]],
    ["pinv", weft.pinv(b), [-1.863636364, 0.045454545, 0.545454545, 1.424242424, 0.03030303, -0.303030303]],
    ["lstsq", weft.lstsq(b, column).solution, [0.409090909, 0.272727273]],
    ["lstsq of vectors", weft.lstsq(weft.stack([b, b]), weft.stack([weft.squeeze(column, 1), weft.squeeze(column, 1)])).solution, [0.409090909, 0.272727273, 0.409090909, 0.272727273]],
    ["lstsq: residuals", weft.lstsq(b, column).residuals, [0.136363636]],
    ["matrixExp", weft.matrixExp(a), [4.913632554, -1.063119293, 23.633580897, 5.263486793, -6.624350654, -39.929546088, 8.400735, 22.064956794, 23.84134114]],
    ["matrixExp of a large matrix", weft.matrixExp(matrix([[0, 30], [-30, 0]])), [0.15425145, -0.988031624, 0.988031624, 0.15425145]],
    ["matrixPower", weft.matrixPower(a, -2), [0.168994083, 0.092781065, 0.029112426, -0.079053254, 0.035029586, 0.062011834, 0.027455621, -0.024142012, 0.038343195]],
    ["cross", weft.cross(a, weft.transpose(a)), [-0.5, 1, 4, 9, 1, 6, 12, 2, -0.5]],
    ["tensordot", weft.tensordot(b, a, { axes: [[0], [1]] }), [1.5, 0, 23, 3.25, 1, 30]],
    ["cdist, order 0", weft.cdist(b, shifts, { p: 0 }), [0, 2, 2, 2, 2, 2, 2, 2, 2]],
    ["cdist, order 0.5", weft.cdist(b, shifts, { p: 0.5 }), [0, 7.464101615, 21.95445115, 8, 4, 13.92820323, 16.985281374, 8.241657387, 4.5]],
    ["cdist", weft.cdist(b, shifts), [0, 3.16227766, 7.810249676, 2.828427125, 1.414213562, 5, 6.020797289, 3.640054945, 2.061552813]],
    ["cdist, order infinity", weft.cdist(b, shifts, { p: Infinity }), [0, 3, 6, 2, 1, 4, 4.5, 3.5, 2]],
  ];
  test.each(table)("%s", (_, got, wanted) => near(got, wanted));

  // oxfmt-ignore
  const norms: [ord: weft.MatrixOrder, norm: number, cond: number][] = [
    ["fro", 9.861541462, 3.567066652], ["nuc", 10.265185746, 9.84121574], [1, 12.5, 3.8], [-1, 9, 1.107692308],
    [2, 9.852920235, 2.087423849], [-2, 0.412265512, 0.479059392], [Infinity, 11.5, 3.507692308], [-Infinity, 3, 1.076923077],
  ];
  test.each(norms)("norm and condition of order %s", (ord, norm, cond) => {
    near(weft.matrixNorm(b, { ord }), [norm]);
    near(weft.cond(a, { ord }), [cond]);
  });
});

describe("singular matrices", () => {
  test("the condition of empty matrices is 0, and those norms that are extremes are none", () => {
    for (const ord of ["fro", "nuc", 1, -1, 2, -2, Infinity] as const)
      near(weft.cond(zeros([2, 0, 0]), { ord }), [0, 0]);
    near(weft.cond(zeros([0, 3])), [0]);
    near(weft.matrixNorm(zeros([0, 3]), { ord: 1 }), [0]);
    for (const ord of [1, -1, 2, -2, Infinity] as const)
      expect(() => weft.matrixNorm(zeros([0, 0]), { ord })).toThrow(weft.ShapeError);
  });
  test("have determinant 0, and no inverse that is finite", () => {
    near(weft.det(singular), [0]);
    near(weft.logdet(singular), [-Infinity]);
    near(weft.logAbsDet(singular).sign, [0]);
    near(weft.cond(singular, { ord: 1 }), [Infinity]);
    near(weft.cond(zeros([2, 2])), [NaN]);
    near(weft.matrixRank(singular), [2]);
    near(weft.lu(zeros([2, 2])).l, [1, 0, 0, 1]);
    expect((weft.inv(matrix([[1, 2], [2, 4]])).arraySync() as number[][]).flat().some(Number.isFinite)).toBe(false); // prettier-ignore
  });

  test("have singular vectors that are orthonormal", () => {
    for (const x of [
      singular,
      zeros([2, 3]),
      eye(2),
      matrix([
        [1, 1],
        [1, 1],
      ]),
    ]) {
      // prettier-ignore
      const { u, vh } = weft.svd(x);
      for (const q of [u, weft.transpose(vh)])
        near(weft.matmul(weft.transpose(q), q), weft.reshape(eye(q.shape[1]!), [-1]).arraySync() as number[]);
    }
  });
});

test("what is not definite or not finite is NaN", () => {
  near(weft.cholesky(matrix([[1, 2], [2, 1]])), [1, 0, 2, NaN]); // prettier-ignore
  for (const odd of [NaN, Infinity]) {
    const x = matrix([[odd, 1], [1, 2]]); // prettier-ignore
    for (const y of [...Object.values(weft.svd(x)), ...Object.values(weft.eigh(x)), weft.pinv(x)] as Tensor[])
      near(
        y,
        Array.from({ length: y.size }, () => NaN),
      );
    near(weft.matrixRank(x), [0]);
    near(weft.matrixExp(x), [NaN, NaN, NaN, NaN]);
  }
  near(weft.det(matrix([[NaN, 1], [1, 2]])), [NaN]); // prettier-ignore
});

test("matrices of size 0", () => {
  const none = zeros([2, 0, 0]);
  near(weft.det(none), [1, 1]);
  for (const f of [weft.inv, weft.matrixExp, (x: Tensor) => weft.cholesky(x), (x: Tensor) => weft.eigh(x).vectors])
    expect(f(none).shape).toEqual([2, 0, 0]);
  expect(weft.svd(zeros([3, 0])).u.shape).toEqual([3, 3]);
  expect(weft.qr(zeros([0, 3])).r.shape).toEqual([0, 3]);
  expect(weft.pinv(zeros([2, 0])).shape).toEqual([0, 2]);
});

test("what does not fit is refused", () => {
  expect(() => weft.det(tensor([[1, 2]]))).toThrow("det: wanted square matrices, [..., N, N], got shape [1, 2]");
  expect(() => weft.inv(tensor([1]))).toThrow("inv: wanted matrices, [..., M, N], got shape [1]");
  expect(() => weft.solve(a, tensor([1, 2]))).toThrow("solve: shapes [3, 3] and [2] do not fit");
  expect(() => weft.cross(tensor([1, 2]), tensor([1, 2]))).toThrow("cross: wanted three elements along axis -1");
  expect(() => weft.tensordot(a, b, { axes: [[0], [1]] })).toThrow("tensordot: shapes [3, 3] and [3, 2] do not fit");
  expect(() => weft.matrixNorm(a, { ord: 3 })).toThrow('matrixNorm: wanted "fro"');
  expect(() => weft.matrixPower(a, 0.5)).toThrow("matrixPower: wanted an integer as n");
  expect(() => weft.cholesky(a, { lower: true } as object)).toThrow('cholesky: there is no option "lower"');
});

test("results have names", () => {
  type Results = [weft.LU, weft.QR, weft.SVD, weft.Eigen, weft.LogAbsDet, weft.LeastSquares];
  const { lu, qr, svd, eigh, logAbsDet, lstsq } = weft;
  expectTypeOf<Results>().toEqualTypeOf<
    [
      ReturnType<typeof lu>,
      ReturnType<typeof qr>,
      ReturnType<typeof svd>,
      ReturnType<typeof eigh>,
      ReturnType<typeof logAbsDet>,
      ReturnType<typeof lstsq>,
    ]
  >();
});
