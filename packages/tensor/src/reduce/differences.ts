// Differences of neighboring elements along an axis, and sums of the areas between them.
import { notEqual } from "../activations.ts";
import { along } from "../along.ts";
import { alias, placed, read, readTensor } from "../apply.ts";
import { text } from "../axes.ts";
import { add, div, mul, sub } from "../elementwise.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { filled } from "../filled.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, concat, reshape } from "../movement.ts";
import { inFloats, withNumber } from "../operands.ts";
import { anything, count, finite, integer, readOptions } from "../options.ts";
import { cumsum, sum } from "../reduce.ts";
import { neighbors } from "../span.ts";
import type { Tensor } from "../tensor.ts";

export interface DifferenceOptions {
  readonly axis?: number;
  /** How often differences are taken; by default once. */
  readonly n?: number;
  /** What stands before or after x along the axis: a tensor, or a number once. */
  readonly prepend?: Operand;
  readonly append?: Operand;
}

/**
 * Each element minus the one before it along an axis, `n` times; of `bool`, whether they differ. With `n: 0` it is x
 * alone. PyTorch and NumPy call it `diff`.
 *
 * @example difference(tensor([1, 4, 9, 16])) // [3, 5, 7]
 */
export function difference(x: Operand, options?: DifferenceOptions): Tensor {
  const { axis, n, prepend, append } = readOptions<DifferenceOptions, { axis: number; n: number }>(
    "difference",
    options,
    { axis: integer, n: count, prepend: anything, append: anything },
    { axis: -1, n: 1 },
  );
  const given = [prepend, x, append].filter((part) => part !== undefined);
  const t = readTensor(x, "difference", placed(given));
  if (t.shape.length === 0) throw new ShapeError("difference: a scalar has no neighbors: wanted at least one axis");
  const [, at] = along("difference", t, axis);
  if (n === 0) return alias(readTensor(x, "difference", t));
  return composed("difference", () => {
    const once = t.shape.map((d, i) => (i === at ? 1 : d));
    const parts = given.map((part) => {
      const y = read(part, "difference", t);
      if (typeof y === "object") return y.shape.length > 0 ? y : broadcastTo(y, once);
      const dtype = withNumber("difference", t.dtype, y);
      return filled(t, y, once, dtype);
    });
    let y = concat(parts, { axis: at });
    const rounds = Math.min(n, y.shape[at]!); // then nothing is left
    for (let k = 0; k < rounds; k++) {
      const [before, after] = neighbors(y, at);
      y = y.dtype === "bool" ? notEqual(after, before) : sub(after, before);
    }
    return y;
  });
}

export interface TrapezoidOptions {
  readonly axis?: number;
  /** The distance between neighboring positions, by default 1. */
  readonly dx?: number;
  /** The positions themselves, in place of `dx`: one per element along the axis, or one per element of y. */
  readonly x?: Operand;
}

/** The area between each pair of neighbors, by the trapezoidal rule, and the axis, counted from the end. */
function areas(op: string, y: Operand, options: TrapezoidOptions | undefined): readonly [areas: Tensor, axis: number] {
  const { axis, dx, x } = readOptions<TrapezoidOptions, { axis: number }>(
    op,
    options,
    { axis: integer, dx: finite, x: anything },
    { axis: -1 },
  );
  if (x !== undefined && dx !== undefined)
    throw new ArgumentError(`${op}: wanted either dx or the positions x, got both`);
  const t = inFloats(readTensor(y, op, x));
  if (t.shape.length === 0) throw new ShapeError(`${op}: a scalar has no neighbors: wanted at least one axis`);
  const [, at] = along(op, t, axis);
  const heights = add(...neighbors(t, at));
  const last = t.shape.length - at;
  if (x === undefined) return [mul(heights, (dx ?? 1) / 2), -last];
  const p = inFloats(readTensor(x, op, t));
  const line = p.shape.length === 1 ? reshape(p, [...p.shape, ...Array.from({ length: last - 1 }, () => 1)]) : p;
  const place = line.shape.length - last;
  if (line.shape[place] !== t.shape[at])
    throw new ShapeError(
      `${op}: shapes ${text(t.shape)} and ${text(p.shape)} do not fit: wanted ${t.shape[at]} positions x, one per element along axis ${at}`,
    );
  const [left, right] = neighbors(line, place);
  return [div(mul(heights, sub(right, left)), 2), -last];
}

/**
 * The integral of y along an axis by the trapezoidal rule, Σ (yᵢ + yᵢ₊₁)/2 · dx.
 *
 * @example trapezoid(tensor([1, 2, 3]), { dx: 2 }) // 8
 */
export const trapezoid = (y: Operand, options?: TrapezoidOptions): Tensor =>
  composed("trapezoid", () => {
    const [parts, axis] = areas("trapezoid", y, options);
    return sum(parts, { axis });
  });

/**
 * The integrals of y from the first position to each later one along an axis, by the trapezoidal rule.
 *
 * @example cumulativeTrapezoid(tensor([1, 2, 3])) // [1.5, 4]
 */
export const cumulativeTrapezoid = (y: Operand, options?: TrapezoidOptions): Tensor =>
  composed("cumulativeTrapezoid", () => {
    const [parts, axis] = areas("cumulativeTrapezoid", y, options);
    return cumsum(parts, { axis });
  });
