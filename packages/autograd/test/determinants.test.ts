// Derivatives of determinants at singular matrices of integers: those of the determinant as a polynomial, exactly.
import { grad, hessian, jacobian, scope } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { det as detOf, mul, sub, sum, type Tensor } from "@weft/tensor";
import { cpu } from "@weft/tensor-cpu";
import { describe, expect, it } from "vitest";

const det = (x: Tensor): Tensor => detOf(x);

/** The determinant by its first row, of matrices without a batch. */
function byMinors(x: Tensor, rows: readonly number[], columns: readonly number[]): Tensor {
  const [row, ...below] = rows;
  if (below.length === 0) return x.at(row!, columns[0]!);
  return columns
    .map((c) =>
      mul(
        x.at(row!, c),
        byMinors(
          x,
          below,
          columns.filter((other) => other !== c),
        ),
      ),
    )
    .reduceRight((rest, term) => sub(term, rest));
}
const polynomial = (x: Tensor): Tensor => {
  const all = [...Array(x.shape[0]).keys()];
  return byMinors(x, all, all);
};

const reference = openSync();
const backends = [
  { name: "reference, f64", backend: reference, dtype: "f64" },
  { name: "cpu, f64", backend: cpu, dtype: "f64" },
  { name: "cpu, f32", backend: cpu, dtype: "f32" },
] as const;

const matrices: Record<string, number[][]> = {
  "2×2 of rank 1": [[1, 1], [1, 1]],
  "2×2 of rank 0": [[0, 0], [0, 0]],
  "3×3 of rank 2": [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
  "3×3 of rank 2, whose first two pivots are 0": [[0, 0, 2], [0, 0, 3], [0, 1, 5]],
  "3×3 of rank 1": [[1, 2, 3], [2, 4, 6], [-1, -2, -3]],
  "3×3 of rank 0": [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
  "4×4 of rank 2": [[1, 2, 0, 1], [0, 1, 1, 1], [1, 3, 1, 2], [2, 5, 1, 3]],
  "4×4 of rank 3, a shift": [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]],
  "4×4 of rank 1": [[1, 1, 1, 1], [2, 2, 2, 2], [1, 1, 1, 1], [0, 0, 0, 0]],
}; // prettier-ignore

function near(got: Tensor, wanted: Tensor, digits: number): void {
  expect(got.shape).toEqual(wanted.shape);
  expect([...got.dataSync()]).toEqual([...wanted.dataSync()].map((x) => expect.closeTo(x, digits)));
}

describe.each(backends)("$name", ({ backend, dtype }) => {
  const digits = dtype === "f64" ? 10 : 4;
  it.each(Object.entries(matrices))("%s", (_, rows) => {
    scope(() => {
      const x = backend.tensor(rows, { dtype });
      near(grad(det)(x), grad(polynomial)(x), digits);
      near(hessian(det)(x), hessian(polynomial)(x), digits);
      if (rows[0]![0] === 1 && rows.length < 4)
        near(jacobian(hessian(det))(x), jacobian(hessian(polynomial))(x), digits);
    });
  });
  it("numbers", () => {
    scope(() => {
      const second = hessian(det)(backend.tensor([[1, 1], [1, 1]], { dtype })); // prettier-ignore
      expect(second.reshape([4, 4]).arraySync()).toEqual([[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]); // prettier-ignore
    });
  });
  it("a batch with a singular matrix", () => {
    scope(() => {
      const [regular, singular] = [[[2, 1], [1, 3]], [[1, 2], [2, 4]]]; // prettier-ignore
      const x = backend.tensor([regular!, singular!], { dtype });
      const second = hessian((b: Tensor) => sum(det(b)))(x).reshape([8, 8]);
      const one = [[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]; // prettier-ignore
      const none = [0, 0, 0, 0];
      const blocks = [...one.map((row) => [...row, ...none]), ...one.map((row) => [...none, ...row])];
      near(second, backend.tensor(blocks, { dtype }), digits);
    });
  });
  it("a matrix of rank 7 all of whose pivots are 0", () => {
    scope(() => {
      const rows = Array.from({ length: 8 }, (_, i) => Array.from({ length: 8 }, (_, j) => Number(j === i + 1)));
      const got = grad(det)(backend.tensor(rows, { dtype })).arraySync() as number[][];
      const wanted = rows.map((row, i) => row.map((_, j) => (i === 7 && j === 0 ? -1 : 0)));
      expect(got.flat().map((v) => v + 0)).toEqual(wanted.flat());
    });
  });
});
