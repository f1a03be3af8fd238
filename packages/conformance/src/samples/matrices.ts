// Samples of decompositions of matrices, and of what is computed by them: with kernels and through their fallbacks.
import * as weft from "@weft/tensor";
import { between, floats, sample, separately, values, type Collection, type Sample } from "../sample.ts";

/** Matrices far from singular: their numbers between ±1 beside a large diagonal. */
const regular = (x: weft.Tensor): weft.Tensor => {
  const n = x.shape.at(-1)!;
  const size = weft.triu(weft.tril(weft.mul(weft.onesLike(x), n + 1)));
  return weft.add(x, size);
};

const symmetric = (x: weft.Tensor): weft.Tensor => weft.add(x, weft.transpose(x));

/** A symmetric matrix whose eigenvalues are positive and differ. */
const definite = (x: weft.Tensor): weft.Tensor => {
  const y = regular(x);
  return weft.matmul(y, weft.transpose(y));
};

/** A matrix of rank 2, with singular values that differ. */
const ofRankTwo = values([1, 2, 3, 4, 5, 6, 7, 8, 9], "f32", [3, 3]);

const one = between(-1, 1, 3, 3);
const several = between(-1, 1, 2, 1, 2, 2);

/** Errors of f32 grow with the condition of a matrix and with the inverse of gaps between singular values. */
const decomposed = { tolerance: { relative: 2e-5, absolute: 2e-5, sums: true } };

/** For matrices that are not finite. */
const odd = { differentiable: [], views: false } as const;

/** Samples of numbers whose squares are out of the range of f32. `f` gets the matrices and what they were multiplied by. */
const extreme = (f: (x: weft.Tensor, scale: number) => weft.Tensor[], x = one): Sample[] =>
  [1e20, 1e-20].map((scale) =>
    sample(`times ${scale}`, [x], (y) => f(weft.mul(y, scale), scale), {
      ...decomposed,
      differentiable: [],
      views: false,
    }),
  );

/** Pivots whose product is 1: the greatest first, and the least first. */
const pivotsApart = values(
  [1, -1].flatMap((sign) =>
    Array.from({ length: 64 }, (_, i) => (i % 9 !== 0 ? 0 : 2 ** (i < 32 ? 40 * sign : -40 * sign))),
  ),
  "f32",
  [2, 8, 8],
);

export const matrices: Collection<
  | "lu"
  | "det"
  | "logdet"
  | "logAbsDet"
  | "inv"
  | "solve"
  | "solveTriangular"
  | "cholesky"
  | "qr"
  | "svd"
  | "singularValues"
  | "eigh"
  | "pinv"
  | "matrixRank"
  | "cond"
  | "lstsq"
  | "matrixNorm"
  | "matrixPower"
  | "matrixExp"
> = {
  family: "linalg",
  samples: {
    lu: [
      sample("a tall matrix", [floats(4, 2)], (x) => Object.values(weft.lu(x)), { views: false }),
      sample("wide matrices", [floats(2, 2, 3)], (x) => Object.values(weft.lu(x))),
      ...extreme((x, scale) => [weft.div(weft.lu(x).u, scale)]),
      sample("nothing", [floats(0, 2)], (x) => Object.values(weft.lu(x))),
    ],
    det: [
      sample("a matrix", [floats(3, 3)], weft.det),
      sample("matrices", [floats(2, 2, 2)], weft.det),
      sample(
        "matrices of rank 1, 2 and 0",
        [values([1, 2, 2, 4, 1, -2, 3, 0, 0, 0, 0, 0], "f32", [3, 2, 2])],
        weft.det,
        { views: false },
      ),
      sample("of rank 2 with three pivots of 0", [values([0, 1, 0, 0, 0, 1, 0, 0, 0], "f32", [3, 3])], weft.det, {
        views: false,
      }),
      sample("of rank 1", [values([1, 2, 3, 2, 4, 6, -1, -2, -3], "f32", [3, 3])], weft.det, { views: false }),
      // The steps of finite differences are large next to the small pivots.
      sample("products of whose pivots are beyond the range", [pivotsApart], weft.det, { order: 0, views: false }),
      sample("of size 0", [floats(2, 0, 0)], weft.det),
    ],
    logdet: [sample("a matrix", [one], (x) => weft.logdet(definite(x)))],
    logAbsDet: [sample("matrices", [several], (x) => Object.values(weft.logAbsDet(regular(x))))],
    inv: [sample("a matrix", [one], (x) => weft.inv(regular(x))), sample("no matrices", [floats(0, 2, 2)], weft.inv)],
    solve: [
      separately(sample("a vector", [one, floats(3)], (a, b) => weft.solve(regular(a), b))),
      ...extreme((x, scale) => [weft.mul(weft.solve(x, weft.onesLike(x)), scale)]),
      separately(sample("batches that broadcast", [several, floats(3, 2, 1)], (a, b) => weft.solve(regular(a), b))),
      separately(sample("on the right", [one, floats(2, 3)], (a, b) => weft.solve(regular(a), b, { left: false }))),
    ],
    solveTriangular: [
      separately(sample("lower", [one, floats(3, 2)], (a, b) => weft.solveTriangular(regular(a), b))),
      separately(
        sample("upper, in batches", [several, floats(2, 3)], (a, b) =>
          weft.solveTriangular(regular(a), b, { upper: true }),
        ),
      ),
      sample("on the right, with ones", [one, floats(2, 3)], (a, b) =>
        weft.solveTriangular(a, b, { left: false, unitriangular: true }),
      ),
    ],
    cholesky: [
      sample("a matrix", [one], (x) => weft.cholesky(definite(x))),
      separately(sample("upper, in batches", [several], (x) => weft.cholesky(definite(x), { upper: true }))),
      sample("not definite", [values([1, 2, 2, 1], "f32", [2, 2])], (x) => weft.cholesky(x), {
        differentiable: [],
        views: false,
      }),
      ...extreme(
        (x, scale) => [weft.div(weft.cholesky(x), Math.sqrt(scale))],
        values([4, 2, 1, 2, 5, 3, 1, 3, 6], "f32", [3, 3]),
      ),
      sample("of size 0", [floats(2, 0, 0)], (x) => weft.cholesky(x)),
    ],
    qr: [
      sample("tall matrices", [floats(2, 3, 2)], (x) => Object.values(weft.qr(x))),
      sample("wide", [floats(2, 3)], (x) => Object.values(weft.qr(x)), { ...decomposed, views: false }),
      sample("complete", [floats(3, 1)], (x) => Object.values(weft.qr(x, { mode: "complete" })), {
        differentiable: [],
      }),
      ...extreme((x, scale) => {
        const { q, r } = weft.qr(x);
        return [q, weft.div(r, scale)];
      }),
      sample("nothing", [floats(2, 0)], (x) => Object.values(weft.qr(x))),
    ],
    svd: [
      sample("full", [floats(3, 2)], (x) => Object.values(weft.svd(x)), {
        ...decomposed,
        differentiable: [],
        views: false,
      }),
      sample("thin and wide", [floats(2, 3)], (x) => Object.values(weft.svd(x, { fullMatrices: false })), {
        ...decomposed,
        views: false,
      }),
      sample("of rank 2", [ofRankTwo], (x) => weft.svd(x).s, { ...decomposed, differentiable: [] }),
      sample("NaN and infinity", [values([1, NaN, 2, 3, 1, Infinity, 0, 2], "f32", [2, 2, 2])], (x) => Object.values(weft.svd(x)), odd), // prettier-ignore
      ...extreme((x, scale) => {
        const { u, s, vh } = weft.svd(x);
        return [u, weft.div(s, scale), vh];
      }),
      sample("nothing", [floats(0, 2)], (x) => Object.values(weft.svd(x)), { differentiable: [] }),
    ],
    singularValues: [
      sample("matrices", [floats(2, 2, 2)], weft.singularValues, decomposed),
      sample("NaN in one of two", [values([1, NaN, 2, 3, 1, 0, 0, 2], "f32", [2, 2, 2])], weft.singularValues, odd),
    ],
    eigh: [
      sample("a matrix", [one], (x) => Object.values(weft.eigh(symmetric(x))), decomposed),
      sample("of which one half is read", [floats(2, 2, 2)], (x) => weft.eigh(x, { upper: true }).values, {
        ...decomposed,
        differentiable: [],
      }),
      ...extreme((x, scale) => [weft.div(weft.eigh(x).values, scale)]),
      sample("NaN", [values([1, NaN, NaN, 1], "f32", [2, 2])], (x) => Object.values(weft.eigh(x)), odd),
    ],
    pinv: [
      sample("tall", [floats(3, 2)], (x) => weft.pinv(x), decomposed),
      sample("of rank 2", [ofRankTwo], (x) => weft.pinv(x, { atol: 0.5 }), { ...decomposed, differentiable: [] }),
      sample("symmetric", [several], (x) => weft.pinv(definite(x), { hermitian: true }), { ...decomposed, order: 1 }),
    ],
    matrixRank: [sample("of rank 2", [ofRankTwo], (x) => weft.matrixRank(x))],
    cond: [
      sample("by singular values", [floats(3, 2)], (x) => weft.cond(x), { ...decomposed, order: 1 }),
      sample("by a norm", [one], (x) => weft.cond(regular(x), { ord: 1 }), { order: 1 }),
    ],
    lstsq: [
      sample("of rank 2", [ofRankTwo, floats(3, 2)], (a, b) => weft.lstsq(a, b, { rtol: 1e-3 }).solution, {
        ...decomposed,
        differentiable: [],
      }),
      separately(
        sample("a vector", [floats(3, 2), floats(3)], (a, b) => Object.values(weft.lstsq(a, b)), {
          ...decomposed,
          order: 1,
        }),
      ),
    ],
    matrixNorm: [
      sample("of singular values", [floats(3, 2)], (x) => weft.matrixNorm(x, { ord: "nuc" }), {
        ...decomposed,
        order: 1,
      }),
      sample(
        "of other axes",
        [floats(2, 3, 4)],
        (x) => weft.matrixNorm(x, { ord: -1, axis: [0, -1], keepDims: true }),
        {
          order: 0,
        },
      ),
    ],
    matrixPower: [
      sample("five", [floats(2, 2)], (x) => weft.matrixPower(x, 5)),
      sample("minus two", [several], (x) => weft.matrixPower(regular(x), -2)),
    ],
    matrixExp: [
      sample("matrices", [floats(2, 2, 2)], weft.matrixExp, { ...decomposed, order: 1 }),
      sample("a large matrix", [values([0, 20, -20, 0], "f32", [2, 2])], weft.matrixExp, {
        ...decomposed,
        differentiable: [],
      }),
    ],
  },
};
