// Rows with mean 0 and variance 1, as a fused operation: a backend may run each row, and its gradient, as one kernel.
import { applyFused, readTensor, readTensors } from "../apply.ts";
import { sameShape, text } from "../axes.ts";
import { rsqrt } from "../activations.ts";
import { add, mul, sub } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats } from "../operands.ts";
import { nonNegative, readOptions } from "../options.ts";
import type { RowArithmetic } from "../row-kernel.ts";
import { likeFirst } from "../rules/table.ts";
import { mean } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";

export interface StandardizeAttrs {
  /** Added to the variance. */
  readonly eps: number;
}

const average = (x: Tensor): Tensor => mean(x, { axis: -1, keepDims: true });

/** The rows, made anew wherever they are used (storing them costs more), and what they were multiplied with. */
function parts(x: Tensor, eps: number): readonly [rows: () => Tensor, inverse: Tensor] {
  const middle = average(x);
  const centred = (): Tensor => sub(x, middle);
  const inverse = rsqrt(add(average(mul(centred(), centred())), eps));
  return [() => mul(centred(), inverse), inverse];
}

/** A row less its mean, and what that is multiplied with: of a kernel. */
function partsOf<V>(k: RowArithmetic<V>, x: V, eps: number): readonly [centred: V, inverse: V] {
  const centred = k.sub(x, k.mean(x));
  const variance = k.mean(k.mul(centred, centred));
  return [centred, k.div(k.constant(1), k.sqrt(k.add(variance, k.number(eps))))];
}

const standardizeOp: FusedOp<StandardizeAttrs> = {
  name: "standardize",
  infer: likeFirst("standardize"),
  fallback: ([x], { eps }) => [parts(x as Tensor, eps)[0]()],
  gradient: (_, [x], attrs) => [(g) => applyFused(standardizeGradOp, [x!, g], attrs)[0]!],
  rows: {
    operands: ["row"],
    write: (k, { eps }, x) => {
      const [centred, inverse] = partsOf(k, x, eps);
      return [k.mul(centred, inverse)];
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
      const [centred, inverse] = partsOf(k, x, eps);
      const slope = k.mul(k.mean(k.mul(g, centred)), k.mul(inverse, inverse));
      return [k.mul(k.sub(k.sub(g, k.mean(g)), k.mul(centred, slope)), inverse)];
    },
  },
};

const epsOption = { eps: nonNegative };
const usual = { eps: 1e-5 };

/** Rows that have elements, as floating-point numbers. */
function rowsOf(x: Operand, name: string): Tensor {
  const t = inFloats(readTensor(x, name));
  if (!t.shape.at(-1)) throw new ShapeError(`${name}: no elements in a row of ${text(t.shape)}`);
  return t;
}

/**
 * Each row along the last axis with mean 0 and variance 1: (x − mean) / √(var + eps), the variance biased. What
 * `layerNorm` of `nn` scales and shifts. Throws a ShapeError if x is a scalar or its rows are empty.
 *
 * @example standardize(tensor([1, 3]), { eps: 0 }) // [-1, 1]
 */
export function standardize(x: Operand, options?: Partial<StandardizeAttrs>): Tensor {
  const { eps } = readOptions("standardize", options, epsOption, usual);
  return applyFused(standardizeOp, [rowsOf(x, "standardize")], { eps })[0]!;
}

/**
 * The gradient of x from that of y = standardize(x): (g − mean g − y · mean(g · y)) / √(var + eps), the means those of a row. g has
 * the shape of x. Throws a ShapeError if it has not, or if there are no rows with elements.
 *
 * @example standardizeGrad(tensor([1, 2, 4]), tensor([1, 0, 0]));
 */
export function standardizeGrad(x: Operand, g: Operand, options?: Partial<StandardizeAttrs>): Tensor {
  const { eps } = readOptions("standardizeGrad", options, epsOption, usual);
  const [given, gradient] = readTensors("standardizeGrad", [x, g]);
  const t = rowsOf(given, "standardizeGrad");
  const h = inFloats(gradient);
  if (!sameShape(t.shape, h.shape))
    throw new ShapeError(`standardizeGrad: wanted g of shape ${text(t.shape)}, got ${text(h.shape)}`);
  return applyFused(standardizeGradOp, [t, h], { eps })[0]!;
}
