// Decompositions of matrices that are larger than those of the samples: what they multiply to, and orthonormal columns.
import { abs, cast, matmul, max, mul, qr, sub, svd, transpose, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { open } from "../src/index.ts";

const { eye, randn } = await open({ seed: 1 });
const most = (x: Tensor): number => max(abs(x)).itemSync() as number;
const orthonormal = (q: Tensor): number =>
  most(sub(matmul(transpose(q), q), eye(q.shape.at(-1)!, { dtype: q.dtype as "f64" })));

test.each([
  ["f32", 1e-5],
  ["f64", 1e-13],
] as const)("in %s", (dtype, error) => {
  const draw = (m: number, n: number): Tensor => cast(randn([m, n]), dtype);
  for (const a of [draw(64, 40), draw(33, 70), matmul(draw(40, 3), draw(3, 40))]) {
    const limit = error * most(a);
    const { q, r } = qr(a);
    expect(most(sub(matmul(q, r), a))).toBeLessThan(limit);
    expect(orthonormal(q)).toBeLessThan(error);
    const { u, s, vh } = svd(a, { fullMatrices: false });
    expect(most(sub(matmul(mul(u, s), vh), a))).toBeLessThan(limit);
    expect(orthonormal(u)).toBeLessThan(error);
    expect(orthonormal(transpose(vh))).toBeLessThan(error);
  }
  // What rotations leave of the columns of a singular matrix may be less than all normal numbers.
  expect(orthonormal(qr(mul(draw(8, 4), dtype === "f64" ? 1e-322 : 1e-44)).q)).toBeLessThan(error);
});
