// Products of vectors and tensors: the cross product, contractions over several axes, distances of all pairs.
import { readTensors } from "../apply.ts";
import { allAxes, axisOf, listOf, sizeOf, text } from "../axes.ts";
import { mul, sub } from "../elementwise.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { concat, permute, reshape, unsqueeze } from "../movement.ts";
import { inFloats } from "../operands.ts";
import { integer, list, nonNegative, readOptions, type OptionKind } from "../options.ts";
import { sum } from "../reduce.ts";
import { broadcast } from "../rules/elementwise.ts";
import { span } from "../span.ts";
import { norm } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";

/**
 * The cross products of vectors of three numbers along an axis, by default the last; the shapes broadcast. Throws a
 * ShapeError if an axis does not have three elements. As `torch.linalg.cross`.
 *
 * @example cross(tensor([1, 0, 0]), tensor([0, 1, 0])) // [0, 0, 1]
 */
export function cross(a: Operand, b: Operand, options?: { axis?: number }): Tensor {
  const { axis } = readOptions("cross", options, { axis: integer }, { axis: -1 });
  const [x, y] = readTensors("cross", [a, b]);
  const shape = broadcast("cross", x.shape, y.shape);
  const at = axisOf("cross", axis, shape);
  for (const t of [x, y])
    if (t.shape[at - shape.length + t.shape.length] !== 3)
      throw new ShapeError(`cross: wanted three elements along axis ${axis}, got shape ${text(t.shape)}`);
  return composed("cross", () => {
    /** The elements from one to another in turn: 1, 2, 0 or 2, 0, 1. */
    const turned = (t: Tensor, first: number): Tensor => {
      const own = at - shape.length + t.shape.length;
      return concat([span(t, own, first, 3 - first), span(t, own, 0, first)], { axis: own });
    };
    return sub(mul(turned(x, 1), turned(y, 2)), mul(turned(x, 2), turned(y, 1)));
  });
}

type Contracted = number | readonly [readonly number[], readonly number[]];

const contracted: OptionKind<Contracted> = {
  wanted: "a number of axes, or two lists of axes",
  is: (x): x is Contracted =>
    (Number.isInteger(x) && (x as number) >= 0) || (Array.isArray(x) && x.length === 2 && x.every((l) => list.is(l))),
};

/**
 * The products of two tensors, summed over pairs of axes: the last `axes` (2) of a with the first of b, or the axes of
 * two lists, one by one. The result has the other axes of a, then those of b. Throws a ShapeError if the sizes of a pair
 * differ. As `tensordot` of NumPy and PyTorch.
 *
 * @example tensordot(tensor([[1, 2], [3, 4]]), tensor([1, 1]), { axes: 1 }) // [3, 7]
 */
export function tensordot(a: Operand, b: Operand, options?: { axes?: Contracted }): Tensor {
  const op = "tensordot";
  const { axes } = readOptions<{ axes?: Contracted }, { axes: Contracted }>(
    op,
    options,
    { axes: contracted },
    { axes: 2 },
  );
  const [x, y] = readTensors(op, [a, b]);
  if (typeof axes === "number" && axes > Math.min(x.shape.length, y.shape.length))
    throw new ShapeError(`${op}: shapes ${text(x.shape)} and ${text(y.shape)} do not have ${axes} axes`);
  const counted = typeof axes === "number" ? Array.from({ length: axes }, (_, i) => i) : undefined;
  const [left, right] =
    typeof axes === "number"
      ? [counted!.map((i) => x.shape.length - axes + i), counted!]
      : [listOf(op, "axes", axes[0]), listOf(op, "axes", axes[1])];
  const [own, other] = [left.map((i) => axisOf(op, i, x.shape)), right.map((i) => axisOf(op, i, y.shape))];
  if (own.length !== other.length || new Set(own).size < own.length || new Set(other).size < other.length)
    throw new ArgumentError(`${op}: wanted as many different axes of each, got ${text(left)} and ${text(right)}`);
  if (own.some((i, k) => x.shape[i] !== y.shape[other[k]!]))
    throw new ShapeError(
      `${op}: shapes ${text(x.shape)} and ${text(y.shape)} do not fit along axes ${text(left)} and ${text(right)}`,
    );
  return composed(op, () => {
    const [rows, columns] = [
      allAxes(x.shape).filter((i) => !own.includes(i)),
      allAxes(y.shape).filter((i) => !other.includes(i)),
    ];
    const [top, across] = [rows.map((i) => x.shape[i]!), columns.map((i) => y.shape[i]!)];
    const inner = sizeOf(own.map((i) => x.shape[i]!));
    const product = matmul(
      reshape(permute(x, [...rows, ...own]), [sizeOf(top), inner]),
      reshape(permute(y, [...other, ...columns]), [inner, sizeOf(across)]),
    );
    return reshape(product, [...top, ...across]);
  });
}

/**
 * The distances of all pairs of rows, [..., P, M] and [..., R, M] → [..., P, R]: the norm of order p (2, at least 0, ∞)
 * of their difference, as in `torch.cdist`; of order 0 how many elements differ. The leading axes broadcast. The
 * gradient at distance 0 is 0. Throws a ShapeError if the rows differ in length.
 *
 * @example cdist(tensor([[0, 0]]), tensor([[3, 4], [0, 1]])) // [[5, 1]]
 */
export function cdist(a: Operand, b: Operand, options?: { p?: number }): Tensor {
  const { p } = readOptions("cdist", options, { p: nonNegative }, { p: 2 });
  const [x, y] = readTensors("cdist", [a, b]).map(inFloats) as [Tensor, Tensor];
  if (x.shape.length < 2 || y.shape.length < 2 || x.shape.at(-1) !== y.shape.at(-1))
    throw new ShapeError(
      `cdist: shapes ${text(x.shape)} and ${text(y.shape)} do not fit: wanted rows of one length, [..., P, M] and [..., R, M]`,
    );
  return composed("cdist", () => {
    const differences = sub(unsqueeze(x, -2), unsqueeze(y, -3));
    // An empty row has no largest element.
    return x.shape.at(-1) === 0 ? sum(differences, { axis: -1 }) : norm(differences, { p, axis: -1 });
  });
}
