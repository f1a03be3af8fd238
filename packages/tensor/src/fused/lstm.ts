// The sequential part of an LSTM and its gradient, as fused operations: a backend may run each step as one kernel. What
// all steps can share (products with the inputs, gradients of the weights) stays outside.
import { applyFusedRead } from "../apply.ts";
import { stack } from "../arrangement.ts";
import { add } from "../elementwise.ts";
import { onTensors } from "../expression.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand, Value } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { concat, reshape, transpose } from "../movement.ts";
import type { Tensor } from "../tensor.ts";
import {
  chosen,
  columns,
  dSigmoid,
  dTanh,
  gradSizesOf,
  operandsOf,
  orderOf,
  results,
  rowsAlive,
  sizesOf,
  step,
  type CellFormula,
  type SequenceAttrs,
  type SequenceOptions,
  type Sizes,
} from "./recurrence.ts";

/** From the four sums and the states before: i, f, g, o = σ, σ, tanh, σ of the sums; c = f·c + i·g; h = o·tanh(c). */
export const lstmStep: CellFormula = (k, alive, sumI, sumF, sumG, sumO, c, h) => {
  const [i, f, g, o] = [k.sigmoid(sumI), k.sigmoid(sumF), k.tanh(sumG), k.sigmoid(sumO)];
  const next = k.add(k.mul(f, c), k.mul(i, g));
  return [[i, f, g, o], [chosen(k, alive, next, c)], [chosen(k, alive, k.mul(o, k.tanh(next)), h)]];
};

/**
 * From the gates, c after and before the step, and the gradients dc and d of c and h after it: those of the sums and of
 * c before; with lengths also the part of h's that does not come through the sums.
 */
export const lstmStepGrad: CellFormula = (k, alive, i, f, g, o, c, before, dc, d) => {
  const squashed = k.tanh(c);
  const all = k.add(dc, k.mul(k.mul(d, o), dTanh(k, squashed)));
  const sums = [
    k.mul(k.mul(all, g), dSigmoid(k, i)),
    k.mul(k.mul(all, before), dSigmoid(k, f)),
    k.mul(k.mul(all, i), dTanh(k, g)),
    k.mul(k.mul(d, squashed), dSigmoid(k, o)),
  ];
  const none = k.constant(0);
  return [
    sums.map((x) => chosen(k, alive, x, none)),
    [chosen(k, alive, k.mul(all, f), dc)],
    ...(alive === undefined ? [] : [[k.where(alive, none, d)]]),
  ];
};

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

/** `lstmStep` for each step, with the sums given + h·whhᵀ. */
export const lstmSequenceOp: FusedOp<SequenceAttrs> = {
  name: "lstmSequence",
  infer: (inputs) => {
    const { steps, batch, units } = forward(inputs);
    const all = [steps, batch, units];
    return results("lstmSequence", inputs, [[4, ...all], all, all]);
  },
  fallback: (inputs, attrs) => {
    const sizes = forward(inputs);
    const { steps, batch, units } = sizes;
    const alive = rowsAlive(sizes);
    let [given, h, c, whh] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const k = onTensors(given);
    const recurrent = transpose(whh);
    const gates: Tensor[][] = [[], [], [], []];
    const [cells, hiddens]: [Tensor[], Tensor[]] = [[], []];
    for (const t of orderOf(sizes, attrs)) {
      const sums = columns(add(matmul(h, recurrent), step(given, t)), 4, units);
      const [values, [next], [hidden]] = lstmStep<Value>(k, alive(t), ...sums, c, h) as [Tensor[], [Tensor], [Tensor]];
      values.forEach((gate, i) => (gates[i]![t] = gate));
      cells[t] = c = next;
      hiddens[t] = h = hidden;
    }
    return [reshape(concat(gates.flat(), { axis: 0 }), [4, steps, batch, units]), stack(cells), stack(hiddens)];
  },
};

/**
 * The backward pass: the gradients of what σ and tanh were applied to, and of the first c; with lengths also that of
 * the first h without what comes through whh.
 */
export const lstmSequenceGradOp: FusedOp<SequenceAttrs> = {
  name: "lstmSequenceGrad",
  infer: (inputs) => {
    const { steps, batch, units, lengths } = backward(inputs);
    const [sums, state] = [
      [steps, batch, 4 * units],
      [batch, units],
    ];
    return results("lstmSequenceGrad", inputs, lengths === undefined ? [sums, state] : [sums, state, state]);
  },
  fallback: (inputs, attrs) => {
    const sizes = backward(inputs);
    const { steps, batch, units } = sizes;
    const [gates, cells, c, whh, gy, gc] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const alive = rowsAlive(sizes);
    const k = onTensors(gates);
    const order = orderOf(sizes, attrs);
    const sums: Tensor[] = [];
    const rows = reshape(gates, [4 * steps, batch, units]);
    let [dh, dc]: [Tensor | undefined, Tensor] = [undefined, gc];
    let passed: Tensor[] | undefined;
    for (let at = steps - 1; at >= 0; at--) {
      const t = order[at]!;
      const values = [0, 1, 2, 3].map((j) => step(rows, j * steps + t));
      const before = at === 0 ? c : step(cells, order[at - 1]!);
      const d = dh === undefined ? step(gy, t) : add(step(gy, t), dh);
      const grads = lstmStepGrad<Value>(k, alive(t), ...values, step(cells, t), before, dc, d);
      let das: Tensor[];
      [das, [dc], passed] = grads as [Tensor[], [Tensor], [Tensor]?];
      const da = (sums[t] = concat(das, { axis: 1 }));
      if (at > 0) dh = passed === undefined ? matmul(da, whh) : add(matmul(da, whh), passed[0]!);
    }
    return [stack(sums), dc, ...(passed ?? [])];
  },
};

/** The results of every step of an LSTM. */
export interface LstmSteps {
  /** The values of the gates i, f, g, o, `[4, T, B, H]`. */
  readonly gates: Tensor;
  /** The states after each step, `[T, B, H]`. */
  readonly cells: Tensor;
  readonly hiddens: Tensor;
}

/**
 * The steps of an LSTM. For each t,
 * i, f, g, o = σ(a), σ(a), tanh(a), σ(a) with a = given + h·whhᵀ; c = f·c + i·g; h = o·tanh(c).
 *
 * given `[T, B, 4 H]` is x·W_ihᵀ + b, its gates side by side in the order i f g o; h and c `[B, H]`; whh `[4 H, H]`.
 * A step beyond a row's length leaves its states as they were; the gates of such a step mean nothing. Throws a
 * ShapeError if the operands do not fit. `lstm` of `nn` is built on it.
 *
 * @example const { hiddens } = lstmSequence(zeros([5, 2, 12]), zeros([2, 3]), zeros([2, 3]), randn([12, 3]));
 */
export function lstmSequence(
  given: Operand,
  h: Operand,
  c: Operand,
  whh: Operand,
  { reverse = false, ...options }: SequenceOptions = {},
): LstmSteps {
  const inputs = operandsOf("lstmSequence", [given, h, c, whh], options);
  forward(inputs);
  const [gates, cells, hiddens] = applyFusedRead(lstmSequenceOp, inputs, { reverse });
  return { gates: gates!, cells: cells!, hiddens: hiddens! };
}

/** The gradients of the steps of an LSTM. */
export interface LstmStepsGrad {
  /** The gradient of `given`, `[T, B, 4 H]`. The gradient of the first h is the step run first times whh, plus `h`. */
  readonly given: Tensor;
  /** The gradient of the first c, `[B, H]`. */
  readonly c: Tensor;
  /** With lengths: what the first h of rows that do not have the first step hands on, `[B, H]`. */
  readonly h: Tensor | undefined;
}

/**
 * The backward pass of `lstmSequence`, with the same lengths and direction: from its results, gates and cells, its c
 * and whh, the gradient gy `[T, B, H]` of hiddens and gc `[B, H]` of the last cell. For each t from the last, with d =
 * gy + da(t+1)·whh and s = tanh(c): dc += d·o·(1 − s²); da = (dc·g·i(1−i), dc·c(t−1)·f(1−f), dc·i·(1−g²), d·s·o(1−o));
 * dc = dc·f. Beyond a row's length da is 0, and d and dc pass unchanged.
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
  { reverse = false, ...options }: SequenceOptions = {},
): LstmStepsGrad {
  const inputs = operandsOf("lstmSequenceGrad", [gates, cells, c, whh, gy, gc], options);
  backward(inputs);
  const [da, dc, dh] = applyFusedRead(lstmSequenceGradOp, inputs, { reverse });
  return { given: da!, c: dc!, h: dh };
}
