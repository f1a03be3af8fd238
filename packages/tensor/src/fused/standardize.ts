// Rows with mean 0 and variance 1, as a fused operation: a backend may run it, and its gradient, as one kernel.
import { applyFusedOwn, applyFusedRead, readTensor, readTensors } from "../apply.ts";
import { sameShape, text } from "../axes.ts";
import { rsqrt } from "../activations.ts";
import { add, mul, sub } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats } from "../operands.ts";
import { finite, readOptions } from "../options.ts";
import type { RowArithmetic } from "../row-kernel.ts";
import { likeFirst } from "../rules/table.ts";
import { mean } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";

export interface StandardizeAttrs {
  /** Added to the variance. */
  readonly eps: number;
}

const average = (x: Tensor): Tensor => mean(x, { axis: -1, keepDims: true });

/** The standardized rows, computed again for each use (storing them costs more), and 1 / √(var + eps). */
function parts(x: Tensor, eps: number): readonly [rows: () => Tensor, inverse: Tensor] {
  const middle = average(x);
  const centered = (): Tensor => sub(x, middle);
  const inverse = rsqrt(add(average(mul(centered(), centered())), eps));
  return [() => mul(centered(), inverse), inverse];
}

/** In a kernel: a row minus its mean, and 1 / √(var + eps). */
function partsOf<V>(k: RowArithmetic<V>, x: V, eps: number): readonly [centered: V, inverse: V] {
  const centered = k.sub(x, k.mean(x));
  const variance = k.mean(k.mul(centered, centered));
  return [centered, k.div(k.constant(1), k.sqrt(k.add(variance, k.number(eps))))];
}

const standardizeOp: FusedOp<StandardizeAttrs> = {
  name: "standardize",
  infer: likeFirst("standardize"),
  fallback: ([x], { eps }) => [parts(x as Tensor, eps)[0]()],
  gradient: (_, [x], attrs) => [(g) => applyFusedOwn(standardizeGradOp, [x!, g], attrs)[0]!],
  rows: {
    operands: ["row"],
    write: (k, { eps }, x) => {
      const [centered, inverse] = partsOf(k, x, eps);
      return [k.mul(centered, inverse)];
    },
  },
};

/** From x, and the gradient g of y = (x − mean) / d with d = √(var + eps): (g − mean g − y · mean(g · y)) / d. */
const standardizeGradOp: FusedOp<StandardizeAttrs> = {
  name: "standardizeGrad",
  infer: likeFirst("standardizeGrad"),
  fallback: ([x, g], { eps }) => {
    const [rows, inverse] = parts(x as Tensor, eps);
    const h = g as Tensor;
    return [mul(sub(sub(h, average(h)), mul(rows(), average(mul(h, rows())))), inverse)];
  },
  rows: {
    operands: ["row", "row"],
    write: (k, { eps }, x, g) => {
      const [centered, inverse] = partsOf(k, x, eps);
      const slope = k.mul(k.mean(k.mul(g, centered)), k.mul(inverse, inverse));
      return [k.mul(k.sub(k.sub(g, k.mean(g)), k.mul(centered, slope)), inverse)];
    },
  },
};

const epsOption = { eps: finite };
const defaults = { eps: 1e-5 };

/** x as floating-point numbers. Throws if its rows are empty. */
function fullRows(x: Operand, name: string): Tensor {
  const t = inFloats(readTensor(x, name));
  if (!t.shape.at(-1)) throw new ShapeError(`${name}: wanted rows with elements, got ${text(t.shape)}`);
  return t;
}

/**
 * Each row along the last axis with mean 0 and variance 1: (x − mean) / √(var + eps), with the biased variance.
 * `layerNorm` of `nn` scales and shifts it. Throws a ShapeError if x is a scalar or its rows are empty.
 *
 * @example standardize(tensor([1, 3]), { eps: 0 }) // [-1, 1]
 */
export function standardize(x: Operand, options?: Partial<StandardizeAttrs>): Tensor {
  const { eps } = readOptions("standardize", options, epsOption, defaults);
  return applyFusedRead(standardizeOp, [fullRows(x, "standardize")], { eps })[0]!;
}

/**
 * The gradient of x from the gradient g of y = standardize(x): (g − mean g − y · mean(g · y)) / √(var + eps), with the
 * means of each row. Throws a ShapeError if g does not have the shape of x, or if the rows are empty.
 *
 * @example standardizeGrad(tensor([1, 2, 4]), tensor([1, 0, 0]));
 */
export function standardizeGrad(x: Operand, g: Operand, options?: Partial<StandardizeAttrs>): Tensor {
  const { eps } = readOptions("standardizeGrad", options, epsOption, defaults);
  const [given, gradient] = readTensors("standardizeGrad", [x, g]);
  const t = fullRows(given, "standardizeGrad");
  const h = inFloats(gradient);
  if (!sameShape(t.shape, h.shape))
    throw new ShapeError(`standardizeGrad: wanted g of shape ${text(t.shape)}, got ${text(h.shape)}`);
  return applyFusedRead(standardizeGradOp, [t, h], { eps })[0]!;
}
