// Stacked and bidirectional recurrent networks, built from a cell: what one layer does in one direction.
import {
  cast,
  concat,
  DTypeError,
  less,
  readTensor,
  readTensors,
  reshape,
  ShapeError,
  slice,
  source,
  squeeze,
  stack,
  unsqueeze,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  boolean,
  fraction,
  isFloat,
  positiveCount,
  readOptions,
  type OptionKinds,
  sameShape,
  list,
  readValue,
} from "@weft/tensor/internals";
import { dropout as drop } from "./dropout.ts";

export interface RecurrentOptions {
  /** How many layers are stacked. */
  readonly layers?: number;
  /** Also run from the end to the beginning; the two results are concatenated along the features. */
  readonly bidirectional?: boolean;
  /** Whether there are biases among the weights. */
  readonly bias?: boolean;
  /** Dropout between layers (not before the first, not after the last). */
  readonly dropout?: number;
  /** Whether dropout is on. Default: true inside `diff`, else false. */
  readonly training?: boolean | undefined;
  /**
   * How many steps each sequence of the batch has, integers `[B]`; below 0 they count as 0, above T as T. What x has at
   * later steps does not count: there y is 0, and the final states are those after each sequence's last step. The
   * backward direction begins with that step.
   */
  readonly lengths?: Operand | null | undefined;
}

export const recurrentKinds: OptionKinds<RecurrentOptions> = {
  layers: positiveCount,
  bidirectional: boolean,
  bias: boolean,
  dropout: fraction,
  training: boolean,
  lengths: anything,
};
export const recurrentDefaults = { layers: 1, bidirectional: false, bias: true, dropout: 0 };

/** Input weight `[parts · H, in]`, recurrent weight `[parts · H, H]`, input and recurrent bias `[parts · H]`. */
type CellWeights = readonly [wih: Tensor, whh: Tensor, bih: Tensor, bhh: Tensor];

/** Which steps are run, and from which end. */
interface Course {
  readonly lengths: Tensor | undefined;
  readonly reverse: boolean;
}

/** What one layer does in one direction. */
export interface Cell {
  /** The function's name, for messages. */
  readonly name: string;
  /** How many blocks of H rows the weights have: one per gate. */
  readonly parts: number;
  /** Names of the states; the first is the hidden state, which is the output of a step. */
  readonly states: readonly string[];
  /**
   * From x `[T, B, in]` and the initial states `[B, H]`: the first state after each step, `[T, B, H]`, and the others
   * after the last one that is run.
   */
  readonly sequence: (
    x: Tensor,
    states: readonly Tensor[],
    weights: CellWeights,
    course: Course,
  ) => readonly [all: Tensor, ...ends: Tensor[]];
}

/** Step t of a sequence `[T, B, n]`, as `[B, n]`. */
export const step = (x: Tensor, t: number): Tensor => squeeze(slice(x, { starts: [t], ends: [t + 1] }), 0);

/** Steps from … to − 1 as rows `[steps · B, n]`. */
export const rows = (x: Tensor, from: number, to: number): Tensor =>
  reshape(slice(x, { starts: [from], ends: [to] }), [-1, x.shape[2]!]);

/** The steps that are run first and last. */
export const ends = (steps: number, reverse: boolean): readonly [first: number, last: number] =>
  reverse ? [steps - 1, 0] : [0, steps - 1];

/**
 * The state h `[B, H]` before each step, as rows `[T · B, H]`: the initial one, and all of y but that of the last step.
 */
export const before = (h: Tensor, y: Tensor, reverse: boolean): Tensor => {
  const steps = y.shape[0]!;
  if (steps === 1) return h;
  return concat(reverse ? [rows(y, 1, steps), h] : [h, rows(y, 0, steps - 1)], { axis: 0 });
};

/** x `[T, B, n]`, with 0 at the steps that a sequence does not have. */
function within(x: Tensor, lengths: Tensor | undefined): Tensor {
  if (lengths === undefined) return x;
  const t = source(x.backend, "iota", [], { shape: [x.shape[0]!, 1, 1], axis: 0, dtype: "i32" });
  return where(less(t, reshape(lengths, [-1, 1])), x, 0);
}

/**
 * Runs a cell over x `[T, B, in]` (or `[T, in]`) in all layers and directions, from the given states
 * (`[layers · directions, B, H]`, null: zeros). Returns y and the final states.
 */
export function recurrence(
  cell: Cell,
  input: Operand,
  states: readonly (Operand | null)[],
  weights: readonly Operand[],
  options: RecurrentOptions | undefined,
): { readonly y: Tensor; readonly states: readonly Tensor[] } {
  const { name } = cell;
  const read = readOptions(name, options, recurrentKinds, recurrentDefaults);
  const { layers, bidirectional, bias, dropout, training } = read;
  const directions = bidirectional ? 2 : 1;
  const each = bias ? 4 : 2;
  readValue(name, "weights", weights, list);
  if (weights.length !== layers * directions * each)
    throw new ShapeError(
      `${name}: wanted ${layers * directions * each} weights for ${layers} layers in ${directions} directions, ` +
        `got ${weights.length}`,
    );
  const [given, ...matrices] = readTensors(name, [input, ...weights]);
  const firsts = states.map((s) => (s === null ? null : readTensor(s, name, given)));
  const single = given.shape.length === 2;
  let x = single ? unsqueeze(given, 1) : given;
  if (x.shape.length !== 3 || x.shape[0] === 0)
    throw new ShapeError(`${name}: wanted x of shape [T, B, in] with T > 0, got [${given.shape}]`);
  const features = matrices[0]!.shape[1]!;
  if (x.shape[2] !== features)
    throw new ShapeError(
      `${name}: the weights are for ${features} features per step, x [${given.shape}] has ${x.shape[2]}`,
    );
  const hidden = matrices[1]!.shape[1]!;
  const lengths = lengthsOf(name, read.lengths, x);
  x = within(x, lengths);
  const starts = firsts.map((s, i) => initial(cell, i, s, [layers * directions, x.shape[1]!, hidden], single));
  const last: Tensor[][] = states.map(() => []);
  for (let l = 0; l < layers; l++) {
    const outputs: Tensor[] = [];
    for (let d = 0; d < directions; d++) {
      const k = l * directions + d;
      const own = checked(cell, x, matrices.slice(k * each, (k + 1) * each), hidden);
      const reverse = d === 1;
      const zero = starts.includes(undefined) ? zeros(x, [x.shape[1]!, hidden]) : undefined;
      const first = starts.map((s) => (s === undefined ? zero! : step(s, k)));
      const [all, ...others] = cell.sequence(x, first, own, { lengths, reverse });
      outputs.push(within(all, lengths));
      [step(all, ends(x.shape[0]!, reverse)[1]), ...others].forEach((end, i) => last[i]!.push(end));
    }
    x = outputs.length === 1 ? outputs[0]! : concat(outputs, { axis: 2 });
    if (l < layers - 1 && dropout > 0) x = drop(x, dropout, { training });
  }
  const finals = last.map((list) => stack(list));
  return single ? { y: squeeze(x, 1), states: finals.map((s) => squeeze(s, 1)) } : { y: x, states: finals };
}

/** Zeros on the backend of x. */
const zeros = (x: Tensor, shape: readonly number[]): Tensor => x.backend.zeros(shape, { dtype: x.dtype });

/** The given lengths of the sequences in x, as i32. */
function lengthsOf(name: string, given: Operand | null | undefined, x: Tensor): Tensor | undefined {
  if (given === null || given === undefined) return undefined;
  const lengths = readTensor(given, name, x);
  if (!sameShape(lengths.shape, [x.shape[1]!]))
    throw new ShapeError(`${name}: wanted lengths of shape [${x.shape[1]!}], got [${lengths.shape}]`);
  if (isFloat(lengths.dtype))
    throw new DTypeError(`${name}: lengths are integers, got ${lengths.dtype}; use cast(lengths, "i32")`);
  return cast(lengths, "i32");
}

/** The given state i, with a batch axis. */
function initial(
  { name, states }: Cell,
  i: number,
  given: Tensor | null,
  wanted: readonly number[],
  single: boolean,
): Tensor | undefined {
  if (given === null) return undefined;
  const state = single && given.shape.length === 2 ? unsqueeze(given, 1) : given;
  if (!sameShape(state.shape, wanted))
    throw new ShapeError(`${name}: wanted ${states[i]} of shape [${wanted}], got [${given.shape}]`);
  return state;
}

/** The weights of one layer and direction, with their shapes checked; missing biases are zeros. */
function checked({ name, parts }: Cell, x: Tensor, weights: readonly Tensor[], hidden: number): CellWeights {
  const check = (k: number, what: string, wanted: readonly number[]): Tensor => {
    const w = weights[k];
    if (w === undefined) return zeros(x, wanted);
    if (!sameShape(w.shape, wanted))
      throw new ShapeError(
        `${name}: x [${x.shape}] and ${hidden} hidden units want ${what} of shape [${wanted}], got [${w.shape}]`,
      );
    return w;
  };
  const width = parts * hidden;
  return [
    check(0, "the input weight", [width, x.shape[2]!]),
    check(1, "the recurrent weight", [width, hidden]),
    check(2, "the input bias", [width]),
    check(3, "the recurrent bias", [width]),
  ];
}
