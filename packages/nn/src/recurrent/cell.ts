// What one layer of a recurrent network does in one direction, built on a cell: its weights, and its steps, as one
// operation or, where a step has more than a cell (layer normalization, a projection), one by one.
import { customGradient } from "@weft/autograd";
import {
  add,
  concat,
  less,
  matmul,
  mul,
  reshape,
  slice,
  squeeze,
  stack,
  standardize,
  sum,
  tanh,
  transpose,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  gruCell,
  lstmCell,
  reluCell,
  sequence,
  sequenceGrad,
  stepOnTensors,
  tanhCell,
  type Recurrence,
} from "@weft/tensor/internals";
import { byTransposed } from "../linear.ts";

/** A cell under the name of the functions of this package. */
export interface Net {
  readonly name: string;
  readonly cell: Recurrence;
}

export const lstmNet: Net = { name: "lstm", cell: lstmCell };
export const gruNet: Net = { name: "gru", cell: gruCell };
export const rnnNets = {
  relu: { name: "rnn", cell: reluCell },
  tanh: { name: "rnn", cell: tanhCell },
} as const satisfies Readonly<Record<string, Net>>;

/** Which weights a layer has in one direction. */
export interface Structure {
  readonly bias: boolean;
  /** No input weight: each gate gets x itself. */
  readonly skipInput: boolean;
  /** h is the product of what the cell gives with a weight. */
  readonly projection: boolean;
  readonly layerNorm: boolean;
}

/** Sizes of one layer in one direction: features of x, units, and features of h. */
export interface Widths {
  readonly features: number;
  readonly units: number;
  readonly outputs: number;
}

/** The weights of one layer in one direction, in the order in which functions take them. Names are PyTorch's. */
export interface Weights<T> {
  readonly weight_ih?: T;
  readonly weight_hh: T;
  readonly bias_ih?: T;
  readonly bias_hh?: T;
  readonly weight_hr?: T;
  readonly weight_norm_ih?: T;
  readonly weight_norm_hh?: T;
  readonly weight_norm_c?: T;
  readonly bias_norm_c?: T;
}

/** The names of the weights, with their shapes. */
export function weightShapes(
  { cell }: Net,
  { bias, skipInput, projection, layerNorm }: Structure,
  { features, units, outputs }: Widths,
): Weights<readonly number[]> {
  const width = cell.parts * units;
  const hasCells = cell.others.length > 0;
  return {
    ...(skipInput ? {} : { weight_ih: [width, features] }),
    weight_hh: [width, outputs],
    ...(bias ? { bias_ih: [width], bias_hh: [width] } : {}),
    ...(projection ? { weight_hr: [outputs, units] } : {}),
    ...(layerNorm ? { weight_norm_ih: [width], weight_norm_hh: [width] } : {}),
    ...(layerNorm && hasCells ? { weight_norm_c: [units] } : {}),
    ...(layerNorm && hasCells && bias ? { bias_norm_c: [units] } : {}),
  };
}

/** Which steps are run, and from which end. */
interface Course {
  readonly lengths: Tensor | undefined;
  readonly reverse: boolean;
}

/** Step t of a sequence `[T, B, n]`, as `[B, n]`. */
export const step = (x: Tensor, t: number): Tensor => squeeze(slice(x, { starts: [t], ends: [t + 1] }), 0);

/** Steps from … to − 1 as rows `[steps · B, n]`. */
const rows = (x: Tensor, from: number, to: number): Tensor =>
  reshape(slice(x, { starts: [from], ends: [to] }), [-1, x.shape[2]!]);

/** The steps that are run first and last. */
export const ends = (steps: number, reverse: boolean): readonly [first: number, last: number] =>
  reverse ? [steps - 1, 0] : [0, steps - 1];

/**
 * The state h `[B, H]` before each step, as rows `[T · B, H]`: the initial one, and all of y but that of the last step.
 */
const before = (h: Tensor, y: Tensor, reverse: boolean): Tensor => {
  const steps = y.shape[0]!;
  if (steps === 1) return h;
  return concat(reverse ? [rows(y, 1, steps), h] : [h, rows(y, 0, steps - 1)], { axis: 0 });
};

/** h after each step, `[T, B, H]`, and the other states after the last one that is run. */
type Ran = readonly [all: Tensor, ...ends: Tensor[]];

/**
 * All steps as one operation. The backward pass is written by hand: then the gradient of the recurrent weight is one
 * product over all steps instead of one per step. It uses public functions only, so it can be differentiated again.
 */
const together = (
  cell: Recurrence,
  { lengths, reverse }: Course,
  given: Tensor,
  states: readonly Tensor[],
  whh: Tensor,
  bhh: Tensor | undefined,
): Ran => {
  // prettier-ignore
  const count = states.length;
  const f = customGradient((from: Tensor, recurrent: Tensor, ...rest: Tensor[]) => {
    const [steps, batch, width] = from.shape as [number, number, number];
    const [first, last] = ends(steps, reverse);
    const firsts = rest.slice(0, count);
    const bias = rest.slice(count, count + (cell.apart ? 1 : 0));
    const more = rest.slice(count + bias.length);
    const course = { lengths: more[0], reverse };
    const made = sequence(cell, from, firsts, [recurrent, ...bias] as [Tensor, Tensor?], course);
    const [hiddens, ...others] = made.states as [Tensor, ...Tensor[]];
    const pullback = (...gs: Tensor[]) => {
      const grads = sequenceGrad(cell, made, firsts, recurrent, gs, course);
      const through = matmul(step(grads.recurrent, first), recurrent);
      const flat = reshape(grads.recurrent, [steps * batch, width]);
      return [
        grads.given,
        matmul(transpose(flat), before(firsts[0]!, hiddens, reverse)),
        grads.h === undefined ? through : add(grads.h, through),
        ...grads.others,
        ...bias.map(() => sum(flat, { axis: 0 })),
        ...more.map(() => null),
      ];
    };
    return { value: [hiddens, ...others.map((state) => step(state, last))] as [Tensor, ...Tensor[]], pullback };
  });
  const biases = bhh === undefined || !cell.apart ? [] : [bhh];
  return f(given, whh, ...states, ...biases, ...(lengths === undefined ? [] : [lengths]));
};

/** Rows of mean 0 and variance 1, times a weight. */
const normalized = (x: Tensor, weight: Tensor): Tensor => mul(standardize(x), weight);

/** The steps one by one, with what a cell alone does not do. Slower: a product and more operations a step. */
function oneByOne(
  cell: Recurrence,
  { lengths, reverse }: Course,
  given: Tensor,
  first: readonly Tensor[],
  { weight_hh, bias_hh, weight_hr, weight_norm_hh, weight_norm_c, bias_norm_c }: Weights<Tensor>,
): Ran {
  const steps = given.shape[0]!;
  const column = lengths === undefined ? undefined : reshape(lengths, [-1, 1]);
  let states = first;
  const all: Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    const t = reverse ? steps - 1 - i : i;
    let sums = byTransposed(states[0]!, weight_hh);
    if (weight_norm_hh !== undefined) sums = normalized(sums, weight_norm_hh);
    if (cell.apart && bias_hh !== undefined) sums = add(sums, bias_hh);
    const { gates, states: made } = stepOnTensors(cell, step(given, t), sums, states);
    let [h, ...others] = made as [Tensor, ...Tensor[]];
    if (weight_norm_c !== undefined) {
      // The output gate is the last one; the state itself is not normalized.
      const c = normalized(others[0]!, weight_norm_c);
      h = mul(gates.at(-1)!, tanh(bias_norm_c === undefined ? c : add(c, bias_norm_c)));
    }
    if (weight_hr !== undefined) h = byTransposed(h, weight_hr);
    const after = [h, ...others];
    const last = states;
    states = column === undefined ? after : after.map((state, k) => where(less(t, column), state, last[k]!));
    all[t] = states[0]!;
  }
  return [stack(all), ...states.slice(1)];
}

/** What x gives to the sums of all steps, `[T, B, parts · H]`. */
function givenBy({ parts, apart }: Recurrence, x: Tensor, weights: Weights<Tensor>): Tensor {
  const { weight_ih, weight_norm_ih, bias_ih, bias_hh } = weights;
  const [steps, batch] = x.shape as [number, number];
  let given =
    weight_ih === undefined
      ? concat(Array<Tensor>(parts).fill(rows(x, 0, steps)), { axis: 1 })
      : byTransposed(rows(x, 0, steps), weight_ih);
  if (weight_norm_ih !== undefined) given = normalized(given, weight_norm_ih);
  // A bias of its own belongs to the steps only where the cell gets their sums apart.
  if (bias_ih !== undefined) given = add(given, apart ? bias_ih : add(bias_ih, bias_hh!));
  return reshape(given, [steps, batch, given.shape[1]!]);
}

/** Runs one layer in one direction over x `[T, B, in]`, from states `[B, H]`, h first. */
export function runLayer(
  { cell }: Net,
  x: Tensor,
  states: readonly Tensor[],
  weights: Weights<Tensor>,
  course: Course,
): Ran {
  const given = givenBy(cell, x, weights);
  if (weights.weight_hr !== undefined || weights.weight_norm_hh !== undefined)
    return oneByOne(cell, course, given, states, weights);
  const { weight_hh, bias_hh } = weights;
  const none = (): Operand => x.backend.zeros([weight_hh.shape[0]!], { dtype: x.dtype });
  return together(cell, course, given, states, weight_hh, cell.apart ? (bias_hh ?? (none() as Tensor)) : undefined);
}
