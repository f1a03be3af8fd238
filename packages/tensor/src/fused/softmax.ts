// Softmax and its logarithm along an axis, as fused operations: a backend may run each as one kernel that works row by
// row.
import { along, shapedLike } from "../along.ts";
import { applyFusedOwn, applyFusedRead, readTensor, untaped } from "../apply.ts";
import { div, exp, log, mul, sub } from "../elementwise.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats } from "../operands.ts";
import type { AxisAttrs } from "../ops.ts";
import { integer, readOptions } from "../options.ts";
import { max, sum } from "../reduce.ts";
import type { RowArithmetic } from "../row-kernel.ts";
import { likeFirst } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";

/** x minus its largest element, as a constant: softmax does not depend on it. */
function centered(x: Tensor, axis: number): Tensor {
  return x.shape[axis] === 0 ? x : sub(x, max(untaped(x), { axis, keepDims: true }));
}

const rowAxis = ({ axis }: AxisAttrs): number => axis;

/**
 * In a kernel: the elements of a row minus their maximum, the exponentials of these, and the sum of the exponentials.
 */
export function exponentials<V>(k: RowArithmetic<V>, x: V): { readonly z: V; readonly e: V; readonly total: V } {
  const z = k.sub(x, k.max(x));
  const e = k.exp(z);
  return { z, e, total: k.sum(e) };
}

export const softmaxOp: FusedOp<AxisAttrs> = {
  name: "softmax",
  infer: likeFirst("softmax"),
  fallback: ([x], { axis }) => {
    const e = exp(centered(x as Tensor, axis));
    return [div(e, sum(e, { axis, keepDims: true }))];
  },
  gradient: ([y], _, attrs) => [(g) => applyFusedOwn(softmaxGradOp, [y!, g], attrs)[0]!],
  rows: {
    operands: ["row"],
    axis: rowAxis,
    write: (k, _, x) => {
      const { e, total } = exponentials(k, x);
      return [k.mul(e, k.div(k.constant(1), total))];
    },
  },
};

export const logSoftmaxOp: FusedOp<AxisAttrs> = {
  name: "logSoftmax",
  infer: likeFirst("logSoftmax"),
  fallback: ([x], { axis }) => {
    const z = centered(x as Tensor, axis);
    return [sub(z, log(sum(exp(z), { axis, keepDims: true })))];
  },
  gradient: ([y], _, attrs) => [(g) => applyFusedOwn(logSoftmaxGradOp, [y!, g], attrs)[0]!],
  rows: {
    operands: ["row"],
    axis: rowAxis,
    write: (k, _, x) => {
      const { z, total } = exponentials(k, x);
      return [k.sub(z, k.log(total))];
    },
  },
};

/** From the result y of softmax and the gradient g: (g − Σ g·y)·y. */
export const softmaxGradOp: FusedOp<AxisAttrs> = {
  name: "softmaxGrad",
  infer: likeFirst("softmaxGrad"),
  fallback: ([y, g], { axis }) => [mul(sub(g!, sum(mul(g!, y!), { axis, keepDims: true })), y!)],
  rows: {
    operands: ["row", "row"],
    axis: rowAxis,
    write: (k, _, y, g) => [k.mul(k.sub(g, k.sum(k.mul(g, y))), y)],
  },
};

/** From the result y of logSoftmax and the gradient g: g − eʸ·Σ g. */
export const logSoftmaxGradOp: FusedOp<AxisAttrs> = {
  name: "logSoftmaxGrad",
  infer: likeFirst("logSoftmaxGrad"),
  fallback: ([y, g], { axis }) => [sub(g!, mul(exp(y!), sum(g!, { axis, keepDims: true })))],
  rows: {
    operands: ["row", "row"],
    axis: rowAxis,
    write: (k, _, y, g) => [k.sub(g, k.mul(k.exp(y), k.sum(g)))],
  },
};

interface Options {
  /** The axis along which the results sum to 1, by default the last one. */
  readonly axis?: number;
}

const axisOption = { axis: integer };
const lastAxis = { axis: -1 };

function alongAxis(op: string, fused: FusedOp<AxisAttrs>, x: Operand, options: Options | undefined): Tensor {
  const { axis } = readOptions(op, options, axisOption, lastAxis);
  const t = inFloats(readTensor(x, op));
  const [line, at] = along(op, t, axis);
  return shapedLike(applyFusedRead(fused, [line], { axis: at })[0]!, t);
}

/** eˣ / Σ eˣ along an axis. @example softmax(tensor([0, 0])) // [0.5, 0.5] */
export const softmax = (x: Operand, options?: Options): Tensor => alongAxis("softmax", softmaxOp, x, options);

/**
 * The logarithm of softmax, exact where softmax would underflow.
 *
 * @example logSoftmax(tensor([1000, 0])) // [0, -1000]
 */
export const logSoftmax = (x: Operand, options?: Options): Tensor => alongAxis("logSoftmax", logSoftmaxOp, x, options);
