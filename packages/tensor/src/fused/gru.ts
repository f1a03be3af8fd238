// The sequential part of a GRU and its gradient, as fused operations, like those of `lstm.ts`. Here the recurrent bias
// belongs to the step, since the gate r multiplies a part of it.
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

/**
 * From the recurrent sums, what x gave, and h before: r, z = σ(given + sum); n = tanh(given + r·q) with q the sum of n;
 * h = (1 − z)·n + z·h. Gives r, z, n, q, and h.
 */
export const gruStep: CellFormula = (k, alive, sumR, sumZ, q, givenR, givenZ, givenN, h) => {
  const [r, z] = [k.sigmoid(k.add(sumR, givenR)), k.sigmoid(k.add(sumZ, givenZ))];
  const n = k.tanh(k.add(givenN, k.mul(r, q)));
  const next = k.add(k.mul(k.sub(k.constant(1), z), n), k.mul(z, h));
  return [[r, z, n, q], [chosen(k, alive, next, h)]];
};

/**
 * From r, z, n, q, h before, and the gradient d of h after: those of what x gave, of the sums, and h's that z passes
 * on.
 */
export const gruStepGrad: CellFormula = (k, alive, r, z, n, q, before, d) => {
  const dn = k.mul(k.mul(d, k.sub(k.constant(1), z)), dTanh(k, n));
  const dr = k.mul(k.mul(dn, q), dSigmoid(k, r));
  const dz = k.mul(k.mul(d, k.sub(before, n)), dSigmoid(k, z));
  const [cr, cz, cn, cq] = [dr, dz, dn, k.mul(dn, r)].map((x) => chosen(k, alive, x, k.constant(0)));
  return [[cr!, cz!, cn!], [cr!, cz!, cq!], [chosen(k, alive, k.mul(d, z), d)]];
};

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

/** `gruStep` for each step, with the sums h·whhᵀ + bhh. */
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
    const alive = rowsAlive(sizes);
    let [given, h, whh, bhh] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const k = onTensors(given);
    const recurrent = transpose(whh);
    const gates: Tensor[][] = [[], [], [], []];
    const hiddens: Tensor[] = [];
    for (const t of orderOf(sizes, attrs)) {
      const sums = columns(add(matmul(h, recurrent), bhh), 3, units);
      const from = columns(step(given, t), 3, units);
      const [values, [next]] = gruStep<Value>(k, alive(t), ...sums, ...from, h) as [Tensor[], [Tensor]];
      values.forEach((gate, i) => (gates[i]![t] = gate));
      hiddens[t] = h = next;
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
    const alive = rowsAlive(sizes);
    const k = onTensors(gates);
    const order = orderOf(sizes, attrs);
    const [given, recurrent]: [Tensor[], Tensor[]] = [[], []];
    const rows = reshape(gates, [4 * steps, batch, units]);
    let dh: Tensor | undefined;
    for (let at = steps - 1; at >= 0; at--) {
      const t = order[at]!;
      const values = [0, 1, 2, 3].map((j) => step(rows, j * steps + t));
      const before = at === 0 ? h : step(hiddens, order[at - 1]!);
      const d: Tensor =
        dh === undefined ? step(gy, t) : add(step(gy, t), add(dh, matmul(recurrent[order[at + 1]!]!, whh)));
      const grads = gruStepGrad<Value>(k, alive(t), ...values, before, d) as [Tensor[], Tensor[], [Tensor]];
      given[t] = concat(grads[0], { axis: 1 });
      recurrent[t] = concat(grads[1], { axis: 1 });
      dh = grads[2][0];
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
  const [gates, hiddens] = applyFusedRead(gruSequenceOp, inputs, { reverse });
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
  const [given, recurrent, first] = applyFusedRead(gruSequenceGradOp, inputs, { reverse });
  return { given: given!, recurrent: recurrent!, h: first! };
}
