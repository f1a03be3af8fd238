// The sequential part of a GRU and its gradient, as fused operations, like those of `lstm.ts`. Here the recurrent bias
// belongs to the step, since the gate r multiplies a part of it.
import { applyFused } from "../apply.ts";
import { stack } from "../arrangement.ts";
import { add, mul, sigmoid, sub, tanh } from "../elementwise.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand, Value } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { concat, reshape, transpose } from "../movement.ts";
import type { Tensor } from "../tensor.ts";
import {
  choiceOf,
  dSigmoid,
  dTanh,
  gradSizesOf,
  operandsOf,
  orderOf,
  part,
  results,
  sizesOf,
  step,
  type SequenceAttrs,
  type SequenceOptions,
  type Sizes,
} from "./recurrence.ts";

const forward = (inputs: readonly Value[]): Sizes =>
  sizesOf("gruSequence", inputs, 3, ({ batch, units }) => ({
    h: [batch, units],
    whh: [3 * units, units],
    bhh: [3 * units],
  }));

const backward = (inputs: readonly Value[]): Sizes =>
  gradSizesOf("gruSequenceGrad", inputs, ({ steps, batch, units }) => {
    const all = [steps, batch, units];
    return { hiddens: all, h: [batch, units], whh: [3 * units, units], gy: all };
  });

/** Each step: a = h·whhᵀ + bhh; r, z = σ(given + a); n = tanh(given + r·a); h = (1 − z)·n + z·h. */
export const gruSequenceOp: FusedOp<SequenceAttrs> = {
  name: "gruSequence",
  infer: (inputs) => {
    const { steps, batch, units } = forward(inputs);
    const all = [steps, batch, units];
    return results("gruSequence", inputs, [[4, ...all], all]);
  },
  fallback: (inputs, attrs) => {
    const sizes = forward(inputs);
    const { steps, batch, units } = sizes;
    const choice = choiceOf(sizes);
    let [given, h, whh, bhh] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const recurrent = transpose(whh);
    const gates: Tensor[][] = [[], [], [], []];
    const hiddens: Tensor[] = [];
    for (const t of orderOf(sizes, attrs)) {
      const [a, from] = [add(matmul(h, recurrent), bhh), step(given, t)];
      const sums = (k: number): Tensor => add(part(a, k, units), part(from, k, units));
      const [r, z, q] = [sigmoid(sums(0)), sigmoid(sums(1)), part(a, 2, units)];
      const n = tanh(add(part(from, 2, units), mul(r, q)));
      [r, z, n, q].forEach((gate, k) => (gates[k]![t] = gate));
      hiddens[t] = h = choice(t, add(mul(sub(1, z), n), mul(z, h)), h);
    }
    return [reshape(concat(gates.flat(), { axis: 0 }), [4, steps, batch, units]), stack(hiddens)];
  },
};

/** The backward pass: the gradients of `given`, of h·whhᵀ + bhh, and of the first h without what comes through whh. */
export const gruSequenceGradOp: FusedOp<SequenceAttrs> = {
  name: "gruSequenceGrad",
  infer: (inputs) => {
    const { steps, batch, units } = backward(inputs);
    const sums = [steps, batch, 3 * units];
    return results("gruSequenceGrad", inputs, [sums, sums, [batch, units]]);
  },
  fallback: (inputs, attrs) => {
    const sizes = backward(inputs);
    const { steps, batch, units } = sizes;
    const [gates, hiddens, h, whh, gy] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const choice = choiceOf(sizes);
    const order = orderOf(sizes, attrs);
    const [given, recurrent]: [Tensor[], Tensor[]] = [[], []];
    const rows = reshape(gates, [4 * steps, batch, units]);
    let dh: Tensor | undefined;
    for (let at = steps - 1; at >= 0; at--) {
      const t = order[at]!;
      const [r, z, n, q] = [0, 1, 2, 3].map((k) => step(rows, k * steps + t)) as [Tensor, Tensor, Tensor, Tensor];
      const d: Tensor =
        dh === undefined ? step(gy, t) : add(step(gy, t), add(dh, matmul(recurrent[order[at + 1]!]!, whh)));
      const dn = mul(mul(d, sub(1, z)), dTanh(n));
      const dr = mul(mul(dn, q), dSigmoid(r));
      const dz = mul(mul(d, sub(at === 0 ? h : step(hiddens, order[at - 1]!), n)), dSigmoid(z));
      given[t] = choice(t, concat([dr, dz, dn], { axis: 1 }), 0);
      recurrent[t] = choice(t, concat([dr, dz, mul(dn, r)], { axis: 1 }), 0);
      dh = choice(t, mul(d, z), d);
    }
    return [stack(given), stack(recurrent), dh!];
  },
};

/** The results of every step of a GRU. */
export interface GruSteps {
  /** The values of r, z and n, and the recurrent part of n before r is applied, `[4, T, B, H]`. */
  readonly gates: Tensor;
  /** The state after each step, `[T, B, H]`. */
  readonly hiddens: Tensor;
}

/**
 * The steps of a GRU. For each t, with a = h·whhᵀ + bhh in three parts and `given` in three parts,
 * r, z = σ(given + a), n = tanh(given + r·a), h = (1 − z)·n + z·h.
 *
 * given `[T, B, 3 H]` is x·W_ihᵀ + b_ih, its parts side by side in the order r z n; h `[B, H]`; whh `[3 H, H]`; bhh `[3
 * H]`. A step beyond a row's length leaves its state as it was; the gates of such a step mean nothing. Throws a
 * ShapeError if the operands do not fit. `gru` of `nn` is built on it.
 *
 * @example const { hiddens } = gruSequence(zeros([5, 2, 9]), zeros([2, 3]), randn([9, 3]), zeros([9]));
 */
export function gruSequence(
  given: Operand,
  h: Operand,
  whh: Operand,
  bhh: Operand,
  { reverse = false, ...options }: SequenceOptions = {},
): GruSteps {
  const inputs = operandsOf("gruSequence", [given, h, whh, bhh], options);
  forward(inputs);
  const [gates, hiddens] = applyFused(gruSequenceOp, inputs, { reverse });
  return { gates: gates!, hiddens: hiddens! };
}

/** The gradients of the steps of a GRU. */
export interface GruStepsGrad {
  /** The gradient of `given`, `[T, B, 3 H]`. */
  readonly given: Tensor;
  /** The gradient of h·whhᵀ + bhh of every step, `[T, B, 3 H]`: that of `given`, its part of n multiplied by r. */
  readonly recurrent: Tensor;
  /**
   * The gradient of the first h without what comes through whh, `[B, H]`: its whole gradient is this + whh times the
   * step of `recurrent` that is run first.
   */
  readonly h: Tensor;
}

/**
 * The backward pass of `gruSequence`, with the same lengths and direction: from its results, gates and hiddens, its h
 * and whh, and the gradient gy `[T, B, H]` of hiddens. For each t from the last, with d = gy + d(t+1)·z(t+1) +
 * recurrent(t+1)·whh and q the recurrent part of n: dn = d·(1 − z)·(1 − n²); dr = dn·q·r(1−r); dz = d·(h(t−1) −
 * n)·z(1−z); given = (dr, dz, dn); recurrent = (dr, dz, dn·r). Beyond a row's length both are 0, and d passes
 * unchanged.
 *
 * @example
 * const [h, whh] = [zeros([2, 3]), randn([9, 3])];
 * const { gates, hiddens } = gruSequence(zeros([5, 2, 9]), h, whh, zeros([9]));
 * const { given: da } = gruSequenceGrad(gates, hiddens, h, whh, onesLike(hiddens));
 */
export function gruSequenceGrad(
  gates: Operand,
  hiddens: Operand,
  h: Operand,
  whh: Operand,
  gy: Operand,
  { reverse = false, ...options }: SequenceOptions = {},
): GruStepsGrad {
  const inputs = operandsOf("gruSequenceGrad", [gates, hiddens, h, whh, gy], options);
  backward(inputs);
  const [given, recurrent, first] = applyFused(gruSequenceGradOp, inputs, { reverse });
  return { given: given!, recurrent: recurrent!, h: first! };
}
