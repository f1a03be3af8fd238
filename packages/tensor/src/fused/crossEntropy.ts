// Cross-entropy of rows of logits with one label each, and its gradient, as fused operations: the softmax of a row
// never leaves the kernel.
import { applyFusedOwn, applyFusedRead, readTensors } from "../apply.ts";
import { text } from "../axes.ts";
import { add, equal, mul, sub, where } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import type { FusedOp, Indices } from "../fused.ts";
import { gather, scatterAdd } from "../indexing.ts";
import type { Operand, Value } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { inFloats, indicesOf } from "../operands.ts";
import { fraction, int32, readOptions } from "../options.ts";
import type { RowArithmetic } from "../row-kernel.ts";
import { tensorAt } from "../rules/table.ts";
import { mean } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";
import { exponentials, logSoftmax, softmax } from "./softmax.ts";

export interface CrossEntropyAttrs {
  /** Rows with this label have loss 0 and no gradient. */
  readonly ignoreIndex: number | undefined;
  /** The share of the target that is spread evenly over all classes. */
  readonly labelSmoothing: number;
}

function check(name: string, inputs: readonly Value[]): [Tensor, Tensor] {
  const [x, labels] = [tensorAt(name, inputs, 0), tensorAt(name, inputs, 1)];
  if (x.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== x.shape[0])
    throw new ShapeError(
      `${name}: shapes ${text(x.shape)} and ${text(labels.shape)} do not fit: wanted logits [N, C] and labels [N]`,
    );
  return [x, labels];
}

/** Labels as a column that is safe to index with, and which rows are ignored. */
function split(labels: Tensor, ignoreIndex: number | undefined): [Tensor, Tensor | undefined] {
  const column = reshape(labels, [labels.shape[0]!, 1]);
  if (ignoreIndex === undefined) return [column, undefined];
  const ignored = equal(column, ignoreIndex);
  return [where(ignored, 0, column), ignored];
}

const labelsOf: Indices<CrossEntropyAttrs> = {
  operand: 1,
  size: ([logits]) => logits!.shape[1]!,
  ignored: ({ ignoreIndex }) => ignoreIndex,
  labels: true,
};

/** In a kernel: whether a row's label is out of range, and a function that sets the result of ignored rows to 0. */
function labeled<V>(
  k: RowArithmetic<V>,
  ignoreIndex: number | undefined,
  label: V,
): [wrong: V, unlessIgnored: (y: V) => V] {
  const wrong = k.or(k.less(label, k.integer(0)), k.lessEqual(k.length, label));
  const ignored = ignoreIndex === undefined ? undefined : k.equal(label, k.integer(ignoreIndex));
  k.outOfRange(ignored === undefined ? wrong : k.and(wrong, k.not(ignored)));
  return [wrong, (y) => (ignored === undefined ? y : k.where(ignored, k.constant(0), y))];
}

/** −(1 − s)·log p[label] − s·mean(log p) for each row, with log p = logSoftmax(logits) and s = labelSmoothing. */
export const crossEntropyOp: FusedOp<CrossEntropyAttrs> = {
  name: "crossEntropy",
  indices: labelsOf,
  infer: (inputs) => {
    const [{ dtype }, { shape }] = check("crossEntropy", inputs);
    return [{ shape, dtype }];
  },
  fallback: (inputs, { ignoreIndex, labelSmoothing: s }) => {
    const [x, labels] = check("crossEntropy", inputs);
    const [column, ignored] = split(labels, ignoreIndex);
    const logs = logSoftmax(x, { axis: 1 });
    let y = mul(gather(logs, column, { axis: 1 }), s - 1);
    if (s !== 0) y = sub(y, mul(mean(logs, { axis: 1, keepDims: true }), s));
    return [reshape(ignored === undefined ? y : where(ignored, 0, y), labels.shape)];
  },
  gradient: (_, [x, labels], attrs) => [
    (g) => mul(applyFusedOwn(crossEntropyGradOp, [x!, labels!], attrs)[0]!, reshape(g, [-1, 1])),
    undefined,
  ],
  rows: {
    operands: ["row", "scalar"],
    results: ["scalar"],
    write: (k, { ignoreIndex, labelSmoothing: s }, x, label) => {
      const { z, total } = exponentials(k, x);
      const log = k.log(total);
      const own = k.sub(log, k.sub(k.at(x, label), k.max(x)));
      const loss = s === 0 ? own : k.add(k.mul(k.number(1 - s), own), k.mul(k.number(s), k.sub(log, k.mean(z))));
      const [wrong, unlessIgnored] = labeled(k, ignoreIndex, label);
      return [unlessIgnored(k.where(wrong, k.constant(NaN), loss))];
    },
  },
};

/**
 * The derivative of each row's loss with respect to its logits: softmax(logits) − target; 0 in ignored rows. It is
 * multiplied by the gradient of the rows, usually a number, outside of this operation.
 */
export const crossEntropyGradOp: FusedOp<CrossEntropyAttrs> = {
  name: "crossEntropyGrad",
  derivativeOf: crossEntropyOp,
  indices: labelsOf,
  infer: (inputs) => {
    const [{ shape, dtype }] = check("crossEntropyGrad", inputs);
    return [{ shape, dtype }];
  },
  fallback: (inputs, { ignoreIndex, labelSmoothing: s }) => {
    const [x, labels] = check("crossEntropyGrad", inputs);
    const [column, ignored] = split(labels, ignoreIndex);
    const p = softmax(x, { axis: 1 });
    const spread = s === 0 ? p : add(p, -s / x.shape[1]!);
    const target = x.backend.full(column.shape, s - 1, { dtype: x.dtype });
    const y = scatterAdd(spread, column, target, { axis: 1 });
    return [ignored === undefined ? y : where(ignored, 0, y)];
  },
  rows: {
    operands: ["row", "scalar"],
    write: (k, { ignoreIndex, labelSmoothing: s }, x, label) => {
      const { e, total } = exponentials(k, x);
      const p = k.mul(e, k.div(k.constant(1), total));
      const spread = s === 0 ? p : k.sub(p, k.div(k.number(s), k.float(k.length)));
      const target = k.where(k.equal(k.place, label), k.number(1 - s), k.constant(0));
      return [labeled(k, ignoreIndex, label)[1](k.sub(spread, target))];
    },
  },
};

const rowKinds = { ignoreIndex: int32, labelSmoothing: fraction };
const rowDefaults = { labelSmoothing: 0 };

/**
 * The cross-entropy of each row of logits [N, C] with its label [N]; `crossEntropy` of `nn` is its mean.
 * A label outside 0 … C−1 (other than `ignoreIndex`) is an IndexError at each read of what is computed from it.
 *
 * @example crossEntropyRows(tensor([[1000, 0]]), tensor([1], { dtype: "i32" })) // [1000]
 */
export function crossEntropyRows(logits: Operand, labels: Operand, options?: Partial<CrossEntropyAttrs>): Tensor {
  const { ignoreIndex, labelSmoothing } = readOptions<Partial<CrossEntropyAttrs>, { labelSmoothing: number }>(
    "crossEntropy",
    options,
    rowKinds,
    rowDefaults,
  );
  const [scores, given] = readTensors("crossEntropy", [logits, labels]);
  const x = inFloats(scores);
  const index = indicesOf("crossEntropy", given);
  check("crossEntropy", [x, index]);
  return applyFusedRead(crossEntropyOp, [x, index], { ignoreIndex, labelSmoothing })[0]!;
}
