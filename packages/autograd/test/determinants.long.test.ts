// Derivatives of determinants: at singular matrices of integers those of the determinant as a polynomial, exactly; where
// products of some of the pivots are beyond the numbers of the dtype, det · A⁻ᵀ in f64.
import { grad, hessian, jacobian, scope } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { abs, cast, det as detOf, div, inv, max, mul, qr, sub, sum, transpose, type Tensor } from "@weft/tensor"; // prettier-ignore
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

/** Numbers far apart whose product is 1, in several orders. */
const scales: Record<string, (i: number, n: number) => number> = {
  "small first": (i, n) => (i < n / 2 ? 1e-4 : 1e4),
  "large first": (i, n) => (i < n / 2 ? 1e4 : 1e-4),
  "by turns": (i) => (i % 2 === 0 ? 1e4 : 1e-4),
  falling: (i, n) => 10 ** (8 * (0.5 - (i + 0.5) / n)),
  "hardly apart": (i, n) => 10 ** (i < n / 2 ? -0.7 : 0.7),
  "at the ends of the range": (i, n) => (i < n / 2 ? 2 ** -126 : 2 ** 126),
};

const inSingle = [
  { name: "reference, rounding", backend: openSync({ rounding: true }) },
  { name: "cpu", backend: cpu },
] as const;

describe.each(inSingle)("pivots far apart, f32: $name", ({ backend }) => {
  /** The largest error of det and its gradient next to the numbers of the same row or column. */
  const errors = (rows: number[][], axis: number): number[] => {
    const x = backend.tensor(rows);
    const wide = cast(reference.tensor(x.arraySync() as number[][]), "f64");
    const [one, all] = [det(wide), mul(det(wide), transpose(inv(wide)))];
    const error = (got: Tensor, wanted: Tensor, size: Tensor): number => {
      const same = reference.tensor([...got.dataSync()], { shape: got.shape, dtype: "f64" });
      return max(div(abs(sub(same, wanted)), size)).dataSync()[0]!;
    };
    return [error(det(x), one, abs(one)), error(grad(det)(x), all, max(abs(all), { axis, keepDims: true }))];
  };
  const small = [expect.closeTo(0, 4), expect.closeTo(0, 3)];

  describe.each(Object.entries(scales))("%s", (_, scale) => {
    it.each([24, 60])("diagonal, %i rows", (n) => {
      scope(() => {
        const rows = Array.from({ length: n }, (__, i) =>
          Array.from({ length: n }, (___, j) => (i === j ? scale(i, n) : 0)),
        );
        expect(errors(rows, -1)).toEqual(small);
      });
    });
    it.each([24, 60])("orthogonal, %i rows or columns scaled", (n) => {
      scope(() => {
        const { q } = qr(cast(reference.randn([n, n], { seed: n }), "f64"));
        const scaled = (least: number): Tensor => {
          const d = Array.from({ length: n }, (__, i) => Math.min(Math.max(scale(i, n), least), 1 / least));
          return mul(q, reference.tensor(d, { dtype: "f64" }));
        };
        expect(errors(scaled(1e-30).arraySync() as number[][], -2)).toEqual(small);
        // The decomposition divides numbers of different rows.
        expect(errors(transpose(scaled(1e-14)).arraySync() as number[][], -1)).toEqual(small);
      });
    });
  });
  it("a determinant beyond the range, with cofactors within", () => {
    scope(() => {
      const got = grad(det)(backend.tensor([[2 ** 80, 0], [2 ** 70, 2 ** 90]])); // prettier-ignore
      expect(got.arraySync()).toEqual([[2 ** 90, -(2 ** 70)], [0, 2 ** 80]]); // prettier-ignore
    });
  });
  it("a pivot next to 0", () => {
    scope(() => {
      const got = grad(det)(backend.tensor([[1, 1], [0, 2 ** -140]])); // prettier-ignore
      expect(got.arraySync()).toEqual([[2 ** -140, 0], [-1, 1]]); // prettier-ignore
    });
  });
  it("a batch with a singular matrix", () => {
    scope(() => {
      const n = 24;
      const matrix = (last: number) =>
        Array.from({ length: n }, (_, i) =>
          Array.from({ length: n }, (__, j) => (i !== j ? 0 : i === n - 1 ? last : i < n / 2 ? 1e-4 : 1e4)),
        );
      const got = grad((x: Tensor) => sum(det(x)))(backend.tensor([matrix(1e4), matrix(0)]));
      const [regular, singular] = got.arraySync() as number[][][];
      const near1 = (x: number) => expect.closeTo(x, 4);
      expect(regular!.map((row, i) => row[i]! / (i < n / 2 ? 1e4 : 1e-4))).toEqual(Array(n).fill(near1(1)));
      expect(singular!.map((row, i) => row[i]! * 1e4)).toEqual([...Array(n - 1).fill(0), near1(1)]);
    });
  });
  it("second derivatives", () => {
    scope(() => {
      const n = 8;
      const d = Array.from({ length: n }, (_, i) => (i < n / 2 ? 2 ** -40 : 2 ** 40));
      const rows = d.map((x, i) => d.map((_, j) => (i === j ? x : 0)));
      const got = hessian(det)(backend.tensor(rows)).arraySync() as number[][][][];
      const wanted = d.map((x, i) =>
        d.map((y, j) =>
          d.map((_, k) =>
            d.map((__, l) =>
              i === j && k === l && i !== k ? 1 / (x * d[k]!) : i === l && j === k && i !== j ? -1 / (x * y) : 0,
            ),
          ),
        ),
      );
      expect(got.flat(3).map((x) => x + 0)).toEqual(wanted.flat(3));
    });
  });
});
