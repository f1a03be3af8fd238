// The sequential part of a recurrent layer and its gradient, as fused operations made from a cell: a backend may run
// each step as one kernel. What all steps can share (products with the inputs, gradients of the weights) stays outside.
import { applyFusedRead } from "../apply.ts";
import { stack } from "../arrangement.ts";
import { add } from "../elementwise.ts";
import { onTensors, type Arithmetic } from "../expression.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand, Value } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { concat, reshape, transpose } from "../movement.ts";
import type { Tensor } from "../tensor.ts";
import type { Cell } from "./cell.ts";
import {
  backwardOperands,
  backwardSizes,
  columns,
  forwardOperands,
  forwardSizes,
  operandsOf,
  orderOf,
  results,
  rowsAlive,
  step,
  type SequenceAttrs,
  type SequenceOptions,
} from "./sizes.ts";

/** A cell with its operations over sequences. */
export interface Recurrence extends Cell {
  /** From given, h, the other states, whh, bhh (if `apart`) and lengths: the gates (if any), other states, hiddens. */
  readonly op: FusedOp<SequenceAttrs>;
  /**
   * From the gates (if any), the states that are kept, their first (if needed), whh, gy, the gradients of the other
   * states at the end, and lengths: the gradients of given, of the recurrent sums (if `apart`), of the other states,
   * and of h without what comes through whh (if the cell passes it on, or with lengths).
   */
  readonly gradOp: FusedOp<SequenceAttrs>;
}

/** Parts side by side. */
const beside = (parts: readonly Value[]): Tensor =>
  parts.length === 1 ? (parts[0] as Tensor) : concat(parts as Tensor[], { axis: 1 });

/** One step: `given` and `sums` are `[B, parts · H]`, and h is the last state. */
function stepOf(
  { parts, gates, apart, forward }: Cell,
  k: Arithmetic<Value>,
  alive: Tensor | undefined,
  given: Tensor,
  sums: Tensor,
  states: readonly Value[],
): { readonly gates: readonly Value[]; readonly states: readonly Value[] } {
  const units = given.shape[1]! / parts;
  const all = apart ? [sums, given] : [add(sums, given)];
  const made = forward(k, alive, ...all.flatMap((x) => columns(x, parts, units)), ...states);
  const kept = gates > 0 ? made[0]! : [];
  return { gates: kept, states: made.slice(gates > 0 ? 1 : 0).map(([state]) => state!) };
}

/**
 * One step of a cell on tensors, for what does more in a step than the cell: from what x gave and from the recurrent
 * sums, `[B, parts · H]`, and from the states, h first, the gates and the new states.
 */
export function stepOnTensors(
  cell: Cell,
  given: Tensor,
  sums: Tensor,
  [h, ...others]: readonly Tensor[],
): { readonly gates: readonly Tensor[]; readonly states: readonly Tensor[] } {
  const made = stepOf(cell, onTensors(given), undefined, given, sums, [...others, h!]);
  const states = made.states as readonly Tensor[];
  return { gates: made.gates as readonly Tensor[], states: [states.at(-1)!, ...states.slice(0, -1)] };
}

const reverse = (attrs: SequenceAttrs): boolean => attrs.reverse;

/** The steps of the cell, with the sums given + h·whhᵀ. */
const sequenceOp = (cell: Cell): FusedOp<SequenceAttrs> => ({
  name: cell.name,
  sequence: { cell, back: false, reverse },
  infer: (inputs) => {
    const { steps, batch, units } = forwardSizes(cell, inputs);
    const all = [steps, batch, units];
    const gates = cell.gates > 0 ? [[cell.gates, ...all]] : [];
    return results(cell.name, inputs, [...gates, ...cell.others.map(() => all), all]);
  },
  fallback: (inputs, attrs) => {
    const sizes = forwardSizes(cell, inputs);
    const { steps, batch, units } = sizes;
    const alive = rowsAlive(sizes);
    const { given, h, others, whh, bhh } = forwardOperands(cell, inputs as readonly Tensor[]);
    const k = onTensors(given);
    const recurrent = transpose(whh);
    /** The states, h last. */
    let states: readonly Value[] = [...others, h];
    const gates: Tensor[][] = Array.from({ length: cell.gates }, () => []);
    const after: Tensor[][] = states.map(() => []);
    for (const t of orderOf(sizes, attrs)) {
      const product = matmul(states.at(-1)!, recurrent);
      const made = stepOf(cell, k, alive(t), step(given, t), bhh === undefined ? product : add(product, bhh), states);
      made.gates.forEach((gate, i) => (gates[i]![t] = gate as Tensor));
      states = made.states;
      states.forEach((state, i) => (after[i]![t] = state as Tensor));
    }
    const kept =
      gates.length > 0 ? [reshape(concat(gates.flat(), { axis: 0 }), [cell.gates, steps, batch, units])] : [];
    return [...kept, ...after.map((list) => stack(list))];
  },
});

/** The backward pass of the steps. */
const sequenceGradOp = (cell: Cell): FusedOp<SequenceAttrs> => ({
  name: `${cell.name}Grad`,
  sequence: { cell, back: true, reverse },
  infer: (inputs) => {
    const { steps, batch, units, lengths } = backwardSizes(cell, inputs);
    const [sums, state] = [
      [steps, batch, cell.parts * units],
      [batch, units],
    ];
    const passed = cell.passes || lengths !== undefined ? [state] : [];
    const all = [sums, ...(cell.apart ? [sums] : []), ...cell.others.map(() => state), ...passed];
    return results(`${cell.name}Grad`, inputs, all);
  },
  fallback: (inputs, attrs) => {
    const sizes = backwardSizes(cell, inputs);
    const { steps, batch, units } = sizes;
    const { apart, kept, backward } = cell;
    const { gates, states, first, whh, gy, gs } = backwardOperands(cell, inputs as readonly Tensor[]);
    let others: readonly Value[] = gs;
    const alive = rowsAlive(sizes);
    const k = onTensors(states);
    const order = orderOf(sizes, attrs);
    const rows = gates === undefined ? undefined : reshape(gates, [cell.gates * steps, batch, units]);
    const [given, recurrent]: [Tensor[], Tensor[]] = [[], []];
    let [through, passed]: (Tensor | undefined)[] = [];
    for (let at = steps - 1; at >= 0; at--) {
      const t = order[at]!;
      const values = Array.from({ length: cell.gates }, (_, j) => step(rows!, j * steps + t));
      const own = [
        ...(kept.after ? [step(states, t)] : []),
        ...(first === undefined ? [] : [at === 0 ? first : step(states, order[at - 1]!)]),
      ];
      const d = through === undefined ? step(gy, t) : add(step(gy, t), through);
      const grads = [...backward<Value>(k, alive(t), ...values, ...own, ...others, d)];
      const da = (given[t] = beside(grads.shift()!));
      const back = apart ? (recurrent[t] = beside(grads.shift()!)) : da;
      others = grads.splice(0, others.length).map(([x]) => x!);
      passed = grads[0]?.[0] as Tensor | undefined;
      if (at === 0) break;
      through = matmul(back, whh);
      if (passed !== undefined) through = add(passed, through);
    }
    const sums = apart ? [stack(given), stack(recurrent)] : [stack(given)];
    return [...sums, ...(others as Tensor[]), ...(passed === undefined ? [] : [passed])];
  },
});

/** Adds its operations to a cell. */
export const recurrenceOf = (cell: Cell): Recurrence => ({
  ...cell,
  op: sequenceOp(cell),
  gradOp: sequenceGradOp(cell),
});

/** The results of every step. */
export interface Steps {
  /** `[gates, T, B, H]`: what the cell keeps beside its states, if anything. */
  readonly gates: Tensor | undefined;
  /** Each state after each step, `[T, B, H]`: h, and the others. */
  readonly states: readonly Tensor[];
}

/**
 * The steps of a cell over a sequence, with the sums given + h·whhᵀ (for a GRU given and h·whhᵀ + bhh apart).
 *
 * given `[T, B, parts · H]` is x·W_ihᵀ + b, its parts side by side; each state, h first, is `[B, H]`; whh `[parts · H,
 * H]`; bhh `[parts · H]`, only for a GRU. A step beyond a row's length leaves its states as they were; the gates of
 * such a step mean nothing. Throws a ShapeError if the operands do not fit. `lstm`, `gru` and `rnn` of `nn` are built on
 * it.
 *
 * @example const { states } = sequence(lstmCell, zeros([5, 2, 12]), [zeros([2, 3]), zeros([2, 3])], [randn([12, 3])]);
 */
export function sequence(
  cell: Recurrence,
  given: Operand,
  states: readonly Operand[],
  weights: readonly [whh: Operand, bhh?: Operand],
  { reverse = false, ...options }: SequenceOptions = {},
): Steps {
  const inputs = operandsOf(cell.name, [given, ...states, ...(weights as readonly Operand[])], options);
  forwardSizes(cell, inputs);
  const made = applyFusedRead(cell.op, inputs, { reverse });
  const gates = cell.gates > 0 ? made[0] : undefined;
  const after = made.slice(gates === undefined ? 0 : 1);
  return { gates, states: [after.at(-1)!, ...after.slice(0, -1)] };
}

/** The gradients of the steps. */
export interface StepsGrad {
  /** The gradient of `given`, `[T, B, parts · H]`. */
  readonly given: Tensor;
  /** That of h·whhᵀ (+ bhh) of every step: the same, but for a GRU. */
  readonly recurrent: Tensor;
  /** The gradients of the first states other than h, `[B, H]`. */
  readonly others: readonly Tensor[];
  /**
   * The gradient of the first h without what comes through whh, `[B, H]`, if there is such: its whole gradient is this
   * + the step of `recurrent` that is run first times whh.
   */
  readonly h: Tensor | undefined;
}

/**
 * The backward pass of `sequence`, with the same lengths and direction: from its results, its first states and whh, the
 * gradient gy `[T, B, H]` of h after each step, and those of the other states after the last one, `[B, H]`. Beyond a
 * row's length the gradients of sums are 0, and those of states pass unchanged.
 *
 * @example
 * const [h, whh] = [zeros([2, 3]), randn([9, 3])];
 * const steps = sequence(gruCell, zeros([5, 2, 9]), [h], [whh, zeros([9])]);
 * const { given: da } = sequenceGrad(gruCell, steps, [h], whh, [onesLike(steps.states[0])]);
 */
export function sequenceGrad(
  cell: Recurrence,
  { gates, states }: { readonly gates: Operand | undefined; readonly states: readonly Operand[] },
  firsts: readonly Operand[],
  whh: Operand,
  gs: readonly Operand[],
  { reverse = false, ...options }: SequenceOptions = {},
): StepsGrad {
  const { kept, apart } = cell;
  const index = kept.first === "h" ? 0 : 1;
  const operands = [
    ...(gates === undefined ? [] : [gates]),
    states[index]!,
    ...(kept.before ? [firsts[index]!] : []),
    whh,
    ...gs,
  ];
  const inputs = operandsOf(`${cell.name}Grad`, operands, options);
  backwardSizes(cell, inputs);
  const [given, ...rest] = applyFusedRead(cell.gradOp, inputs, { reverse });
  const recurrent = apart ? rest.shift()! : given!;
  return { given: given!, recurrent, others: rest.slice(0, cell.others.length), h: rest[cell.others.length] };
}
