// A row-sparse gradient: rows of a large parameter and their indices. It exists only between `take` and the parameter,
// so that the cost of updating an embedding depends on the rows used and not on the vocabulary.
import {
  add,
  argsort,
  cast,
  concat,
  cumsum,
  equal,
  indexAdd,
  mul,
  not,
  reshape,
  scatterAdd,
  slice,
  sub,
  take,
  where,
  type DType,
  type Shape,
  type Tensor,
} from "@weft/tensor";
import { OWNED, filled, inBackward } from "@weft/tensor/internals";

/** Zeros with the shape and backend of x, not on a tape. */
export const zerosLike = (x: Tensor, dtype: DType = x.dtype): Tensor => filled(x, 0, x.shape, dtype);

/**
 * The gradient of a parameter of which only some rows were used: `values[i]` is for the row `indices[i]`.
 *
 * @example
 * const words = param(randn([4, 3]));
 * const tape = diff(() => sum(take(words, tensor([2, 2], { dtype: "i32" }))));
 * const rows = tape.grad(words); // a RowSparse: its indices are [2, 2]
 */
export class RowSparse {
  /** `i32` [n]. A row may occur several times; its values add up. */
  readonly indices: Tensor;
  /** [n, …shape.slice(1)]. */
  readonly values: Tensor;
  /** The shape of the dense gradient. */
  readonly shape: Shape;

  constructor(indices: Tensor, values: Tensor, shape: Shape) {
    this.indices = indices;
    this.values = values;
    this.shape = shape;
  }

  /** From indices of any shape, and the rows that they took. */
  static of(indices: Tensor, rows: Tensor, shape: Shape): RowSparse {
    const n = indices.size;
    return new RowSparse(reshape(indices, [n]), reshape(rows, [n, ...shape.slice(1)]), shape);
  }

  /** Several gradients of one parameter as one. */
  static joined(parts: readonly RowSparse[]): RowSparse {
    if (parts.length === 1) return parts[0]!;
    const indices = concat(parts.map((part) => part.indices));
    return new RowSparse(indices, concat(parts.map((part) => part.values)), parts[0]!.shape);
  }

  /** onto + this, as a dense tensor. */
  addTo(onto: Tensor): Tensor {
    return inBackward(() => indexAdd(onto, this.indices, this.values));
  }

  /** The same gradient with a row for every row of the parameter. */
  dense(): Tensor {
    const { dtype } = this.values;
    const y = this.addTo(filled(this.values, 0, this.shape));
    return y.dtype === dtype ? y : inBackward(() => cast(y, dtype));
  }

  /**
   * The same gradient with each row's values summed: the sum is at one occurrence of the row, and the other occurrences
   * are 0. Sums of squares, as in clipping, are correct only after this.
   *
   * @example
   * const norm = sum(square(rows.summed().values));
   */
  summed(): RowSparse {
    const { indices, values, shape } = this;
    const n = indices.shape[0]!;
    if (n < 2) return this;
    // Sorting makes equal rows neighbors. Number the runs, and sum each row's values at the number of its run.
    const order = argsort(indices);
    const sorted = take(indices, order);
    const same = equal(slice(sorted, { starts: [1] }), slice(sorted, { ends: [n - 1] }));
    const next = cast(not(same), "i32");
    const run = concat([filled(values, 0, [1], "i32"), cumsum(next)]);
    const totals = indexAdd(zerosLike(values), run, take(values, order));
    // Positions after the last run have no row: they repeat the first row, with the value 0.
    const head = concat([filled(values, 1, [1], "i32"), next]);
    const [first] = [slice(sorted, { ends: [1] })];
    const moved = where(head, sub(sorted, first), 0);
    const places = add(scatterAdd(zerosLike(indices), run, moved), first);
    return new RowSparse(places, totals, shape);
  }

  /** The same gradient with f applied to indices and values. */
  map(f: (x: Tensor) => Tensor): RowSparse {
    return new RowSparse(f(this.indices), f(this.values), this.shape);
  }

  cast(dtype: DType): RowSparse {
    return dtype === this.values.dtype ? this : new RowSparse(this.indices, cast(this.values, dtype), this.shape);
  }

  /** All values times a number or a scalar tensor. */
  scaled(factor: Tensor | number): RowSparse {
    return new RowSparse(this.indices, mul(this.values, factor), this.shape);
  }

  [OWNED](visit: (x: Tensor) => void): void {
    visit(this.indices);
    visit(this.values);
  }
}
