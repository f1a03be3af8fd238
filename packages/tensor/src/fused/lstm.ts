// The sequential part of an LSTM and its gradient, as fused operations: a backend may run each step as one kernel. What
// all steps can share (products with the inputs, gradients of the weights) stays outside.
import { applyFused } from "../apply.ts";
import { stack } from "../arrangement.ts";
import { add, mul, sigmoid, tanh } from "../elementwise.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand, Value } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { concat, reshape, transpose } from "../movement.ts";
import type { Tensor } from "../tensor.ts";
import {
  dSigmoid,
  dTanh,
  floats,
  gradSizesOf,
  noAttrs,
  part,
  results,
  sizesOf,
  step,
  type NoAttrs,
  type Sizes,
} from "./recurrence.ts";

const forward = (inputs: readonly Value[]): Sizes =>
  sizesOf("lstmSequence", inputs, 4, ({ batch, units }) => {
    const state = [batch, units];
    return { h: state, c: state, whh: [4 * units, units] };
  });

const backward = (inputs: readonly Value[]): Sizes =>
  gradSizesOf("lstmSequenceGrad", inputs, ({ steps, batch, units }) => {
    const [all, state] = [
      [steps, batch, units],
      [batch, units],
    ];
    return { cells: all, c: state, whh: [4 * units, units], gy: all, gc: state };
  });

/** Each step: i, f, g, o = σ, σ, tanh, σ of (given + h·whhᵀ); c = f·c + i·g; h = o·tanh(c). */
export const lstmSequenceOp: FusedOp<NoAttrs> = {
  name: "lstmSequence",
  infer: (inputs) => {
    const { steps, batch, units } = forward(inputs);
    const all = [steps, batch, units];
    return results("lstmSequence", inputs, [[4, ...all], all, all]);
  },
  fallback: (inputs) => {
    const { steps, batch, units } = forward(inputs);
    let [given, h, c, whh] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const recurrent = transpose(whh);
    const gates: Tensor[][] = [[], [], [], []];
    const [cells, hiddens]: [Tensor[], Tensor[]] = [[], []];
    for (let t = 0; t < steps; t++) {
      const a = add(matmul(h, recurrent), step(given, t));
      const sums = (k: number): Tensor => part(a, k, units);
      const [i, f, g, o] = [sigmoid(sums(0)), sigmoid(sums(1)), tanh(sums(2)), sigmoid(sums(3))];
      c = add(mul(f, c), mul(i, g));
      h = mul(o, tanh(c));
      [i, f, g, o].forEach((gate, k) => gates[k]!.push(gate));
      cells.push(c);
      hiddens.push(h);
    }
    return [reshape(concat(gates.flat(), { axis: 0 }), [4, steps, batch, units]), stack(cells), stack(hiddens)];
  },
};

/** The backward pass: the gradients of what σ and tanh were applied to, and of the first c. */
export const lstmSequenceGradOp: FusedOp<NoAttrs> = {
  name: "lstmSequenceGrad",
  infer: (inputs) => {
    const { steps, batch, units } = backward(inputs);
    return results("lstmSequenceGrad", inputs, [
      [steps, batch, 4 * units],
      [batch, units],
    ]);
  },
  fallback: (inputs) => {
    const { steps, batch, units } = backward(inputs);
    const [gates, cells, c, whh, gy, gc] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const parts: Tensor[] = new Array(steps);
    const rows = reshape(gates, [4 * steps, batch, units]);
    let dh: Tensor | undefined;
    let dc = gc;
    for (let t = steps - 1; t >= 0; t--) {
      const [i, f, g, o] = [0, 1, 2, 3].map((k) => step(rows, k * steps + t)) as [Tensor, Tensor, Tensor, Tensor];
      const squashed = tanh(step(cells, t));
      const d: Tensor = dh === undefined ? step(gy, t) : add(step(gy, t), dh);
      dc = add(dc, mul(mul(d, o), dTanh(squashed)));
      const da = concat(
        [
          mul(mul(dc, g), dSigmoid(i)),
          mul(mul(dc, t === 0 ? c : step(cells, t - 1)), dSigmoid(f)),
          mul(mul(dc, i), dTanh(g)),
          mul(mul(d, squashed), dSigmoid(o)),
        ],
        { axis: 1 },
      );
      parts[t] = da;
      dc = mul(dc, f);
      if (t > 0) dh = matmul(da, whh);
    }
    return [stack(parts), dc];
  },
};

/** The results of every step of an LSTM. */
export interface LstmSteps {
  /** The values of the gates i, f, g, o, `[4, T, B, H]`. */
  readonly gates: Tensor;
  /** `[T, B, H]`. */
  readonly cells: Tensor;
  /** `[T, B, H]`. */
  readonly hiddens: Tensor;
}

/**
 * The steps of an LSTM. For each t,
 * i, f, g, o = σ(a), σ(a), tanh(a), σ(a) with a = given + h·whhᵀ; c = f·c + i·g; h = o·tanh(c).
 *
 * given `[T, B, 4 H]` is x·W_ihᵀ + b, its gates side by side in the order i f g o; h and c `[B, H]`; whh `[4 H, H]`.
 * Throws a ShapeError if they do not fit. `lstm` of `nn` is built on it.
 *
 * @example const { hiddens } = lstmSequence(zeros([5, 2, 12]), zeros([2, 3]), zeros([2, 3]), randn([12, 3]));
 */
export function lstmSequence(given: Operand, h: Operand, c: Operand, whh: Operand): LstmSteps {
  const inputs = floats("lstmSequence", [given, h, c, whh]);
  forward(inputs);
  const [gates, cells, hiddens] = applyFused(lstmSequenceOp, inputs, noAttrs);
  return { gates: gates!, cells: cells!, hiddens: hiddens! };
}

/** The gradients of the steps of an LSTM. */
export interface LstmStepsGrad {
  /** The gradient of `given`, `[T, B, 4 H]`. The gradient of the first h is step 0 of it times whh. */
  readonly given: Tensor;
  /** The gradient of the first c, `[B, H]`. */
  readonly c: Tensor;
}

/**
 * The backward pass of `lstmSequence`: from its results, gates and cells, its c and whh, the gradient gy `[T, B, H]` of
 * hiddens and gc `[B, H]` of the last cell. For each t from the last, with d = gy + da(t+1)·whh and s = tanh(c): dc +=
 * d·o·(1 − s²); da = (dc·g·i(1−i), dc·c(t−1)·f(1−f), dc·i·(1−g²), d·s·o(1−o)); dc = dc·f.
 *
 * @example
 * const [c, whh] = [zeros([2, 3]), randn([12, 3])];
 * const { gates, cells, hiddens } = lstmSequence(zeros([5, 2, 12]), zeros([2, 3]), c, whh);
 * const { given: da } = lstmSequenceGrad(gates, cells, c, whh, onesLike(hiddens), zerosLike(c));
 */
export function lstmSequenceGrad(
  gates: Operand,
  cells: Operand,
  c: Operand,
  whh: Operand,
  gy: Operand,
  gc: Operand,
): LstmStepsGrad {
  const inputs = floats("lstmSequenceGrad", [gates, cells, c, whh, gy, gc]);
  backward(inputs);
  const [da, dc] = applyFused(lstmSequenceGradOp, inputs, noAttrs);
  return { given: da!, c: dc! };
}
