// Stacked and bidirectional recurrent networks over sequences: from x and the weights of all layers and directions to y
// and the final states.
import { learning } from "@weft/autograd";
import {
  ArgumentError,
  broadcastTo,
  concat,
  mul,
  readTensor,
  readTensors,
  ShapeError,
  stack,
  squeeze,
  unsqueeze,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  boolean,
  fraction,
  list,
  positiveCount,
  readOptions,
  readValue,
  sameShape,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { dropout as drop } from "../dropout.ts";
import { within } from "../lengths.ts";
import { weightShapes, type Net, type Structure, type Weights } from "./cell.ts";
import { layoutKinds, sequencesOf, type LayoutOptions } from "./layout.ts";
import { runLayer } from "./one-layer.ts";
import { ends, step } from "./steps.ts";

export interface RecurrentOptions extends LayoutOptions {
  /** How many layers are stacked. */
  readonly layers?: number;
  /** Also run from the end to the beginning; the two results are concatenated along the features. */
  readonly bidirectional?: boolean;
  /** Whether there are biases among the weights. */
  readonly bias?: boolean;
  /**
   * Whether there are two, b of x and d of h (true), as PyTorch has them; papers write one. An LSTM and a plain network
   * add them, so one can do the same; in a GRU r multiplies R h alone then.
   */
  readonly recurrentBias?: boolean;
  /** Dropout between layers (not before the first, not after the last). */
  readonly dropout?: number;
  /** Dropout before the first layer (Knet's `dropout` is both). */
  readonly inputDropout?: number;
  /** Dropout of h where it enters the sums, with one mask for all steps. The steps are then run one by one. */
  readonly recurrentDropout?: number;
  /** Whether `dropout` and `inputDropout` have one mask for all steps, too (Gal and Ghahramani 2016). */
  readonly variational?: boolean;
  /** Each gate of the first layer gets x itself, without an input weight. x has as many features as there are units. */
  readonly skipInput?: boolean;
  /** Whether h is a projection of what an LSTM's cell gives, by a last weight `[P, H]`. Its steps are run one by one. */
  readonly projection?: boolean;
  /**
   * Whether the gates of an LSTM see c: i and f before the step, o after it, by a weight `[3 H]`, i f o (Gers and
   * Schmidhuber 2000). The steps are run one by one.
   */
  readonly peepholes?: boolean;
  /**
   * Whether the sums from x and from h are normalized, each with weights `[parts · H]`, and for an LSTM also c before
   * its tanh, with a weight and a bias `[H]` (Ba et al. 2016). The steps are run one by one.
   */
  readonly layerNorm?: boolean;
  /** Whether dropout is on. Default: true inside `diff`, else false. */
  readonly training?: boolean | undefined;
}

/** What is the same for all calls of a layer. */
export const structureKinds = {
  layers: positiveCount,
  bidirectional: boolean,
  bias: boolean,
  recurrentBias: boolean,
  dropout: fraction,
  inputDropout: fraction,
  recurrentDropout: fraction,
  variational: boolean,
  skipInput: boolean,
  layerNorm: boolean,
  batchFirst: boolean,
} as const satisfies Partial<OptionKinds<RecurrentOptions>>;
export const recurrentKinds: OptionKinds<RecurrentOptions> = {
  ...layoutKinds,
  ...structureKinds,
  projection: boolean,
  peepholes: boolean,
  training: boolean,
};
export const recurrentDefaults = {
  layers: 1,
  bidirectional: false,
  bias: true,
  recurrentBias: true,
  dropout: 0,
  inputDropout: 0,
  recurrentDropout: 0,
  variational: false,
  skipInput: false,
  projection: false,
  peepholes: false,
  layerNorm: false,
};

/** Refuses `variational` where no dropout is that it is about: that of h has one mask anyway. */
export function checkVariational(name: string, options: RecurrentDropout | undefined): void {
  if (options?.variational === true && options.dropout === undefined && options.inputDropout === undefined)
    throw new ArgumentError(`${name}: variational is for dropout and inputDropout, got neither`);
}
type RecurrentDropout = Pick<RecurrentOptions, "variational" | "dropout" | "inputDropout">;

/** Refuses a bias of h where there are to be no biases. */
export function checkBiases(name: string, { bias, recurrentBias }: Biases = {}): void {
  if (bias === false && recurrentBias === true)
    throw new ArgumentError(`${name}: wanted no recurrentBias without biases, got true`);
}
type Biases = Pick<RecurrentOptions, "bias" | "recurrentBias">;

/** The structure of one layer: only the first one may lack an input weight. */
export const structureOf = (structure: Structure, layer: number): Structure => ({
  ...structure,
  skipInput: structure.skipInput && layer === 0,
});

/** For messages. */
const meanings: Readonly<Record<keyof Weights<unknown>, string>> = {
  weight_ih: "the input weight",
  weight_hh: "the recurrent weight",
  bias_ih: "the input bias",
  bias_hh: "the recurrent bias",
  weight_hr: "the projection's weight",
  weight_peephole: "the peepholes' weight",
  weight_norm_ih: "the input norm's weight",
  weight_norm_hh: "the recurrent norm's weight",
  weight_norm_c: "the cell norm's weight",
  bias_norm_c: "the cell norm's bias",
};

/**
 * Runs a cell over x in all layers and directions, from the given states (`[layers · directions, B, H]`, or
 * `[layers · directions, H]` for all sequences; null: zeros).
 * Returns y and the final states.
 */
export function recurrence(
  net: Net,
  input: Operand,
  states: readonly (Operand | null)[],
  weights: readonly Operand[],
  options: RecurrentOptions | undefined,
): { readonly y: Tensor; readonly states: readonly Tensor[] } {
  const { name, cell } = net;
  const read = readOptions(name, options, recurrentKinds, recurrentDefaults);
  const { layers, bidirectional, dropout, inputDropout, recurrentDropout, training = learning() } = read;
  checkVariational(name, options);
  checkBiases(name, options);
  if ((read.projection || read.peepholes) && cell.others.length === 0)
    throw new ArgumentError(`${name}: projection and peepholes are for an LSTM`);
  const directions = bidirectional ? 2 : 1;
  readValue(name, "weights", weights, list);
  /** The names of the weights of layer l in one direction. */
  const namesOf = (l: number): string[] =>
    Object.keys(weightShapes(net, structureOf(read, l), { features: 0, units: 0, outputs: 0 }));
  const counts = Array.from({ length: layers }, (_, l) => directions * namesOf(l).length);
  const wanted = counts.reduce((a, b) => a + b);
  if (weights.length !== wanted)
    throw new ShapeError(
      `${name}: wanted ${wanted} weights for ${layers} layers in ${directions} directions, got ${weights.length}`,
    );
  const [given, ...matrices] = readTensors(name, [input, ...weights]);
  const firsts = states.map((s) => (s === null ? null : readTensor(s, name, given)));
  const { x: whole, lengths, single, laidOut } = sequencesOf(name, given, read);
  const [steps, batch, features] = whole.shape as [number, number, number];
  const at = namesOf(0).indexOf("weight_hh");
  const [width = 0, outputs = 0] = matrices[at]!.shape;
  const units = read.projection ? width / cell.parts : outputs;
  const expected = read.skipInput ? units : matrices[0]!.shape[1]!;
  if (features !== expected)
    throw new ShapeError(
      `${name}: the weights are for ${expected} features per step, x ${text(given.shape)} has ${features}`,
    );
  const starts = firsts.map((s, i) =>
    initial(
      name,
      i === 0 ? "h" : cell.others[i - 1]!,
      s,
      [layers * directions, batch, i === 0 ? outputs : units],
      single,
    ),
  );
  const last: Tensor[][] = states.map(() => []);
  /** Some of the elements 0, at each step others or (`variational`) at all steps the same. */
  const dropped = (v: Tensor, p: number): Tensor => {
    if (p === 0 || !training) return v;
    return read.variational ? mul(v, maskLike(v, [1, ...v.shape.slice(1)], p)) : drop(v, p, { training });
  };
  let x = dropped(whole, inputDropout);
  for (let l = 0; l < layers; l++) {
    const made: Tensor[] = [];
    const structure = structureOf(read, l);
    for (let d = 0; d < directions; d++) {
      const k = l * directions + d;
      const shapes = weightShapes(net, structure, { features: x.shape[2]!, units, outputs });
      const own = checked(name, x, units, shapes, matrices.splice(0, Object.keys(shapes).length));
      const reverse = d === 1;
      const first = starts.map((s, i) =>
        s === undefined ? x.backend.zeros([batch, i === 0 ? outputs : units], { dtype: x.dtype }) : step(s, k),
      );
      const mask = recurrentDropout > 0 && training ? maskLike(x, [batch, outputs], recurrentDropout) : undefined;
      const [all, ...others] = runLayer(net, x, first, own, { lengths, reverse }, mask);
      made.push(within(all, lengths));
      [step(all, ends(steps, reverse)[1]), ...others].forEach((end, i) => last[i]!.push(end));
    }
    x = made.length === 1 ? made[0]! : concat(made, { axis: 2 });
    if (l < layers - 1) x = dropped(x, dropout);
  }
  const finals = last.map((parts) => stack(parts));
  return { y: laidOut(x), states: single ? finals.map((s) => squeeze(s, 1)) : finals };
}

/** What dropout multiplies by. */
const maskLike = ({ backend, dtype }: Tensor, shape: readonly number[], p: number): Tensor =>
  drop(backend.ones(shape, { dtype }), p, { training: true });

/** The given state, with a batch axis: without one it is that of each sequence. */
function initial(
  name: string,
  state: string,
  given: Tensor | null,
  wanted: readonly number[],
  single: boolean,
): Tensor | undefined {
  if (given === null) return undefined;
  if (given.shape.length === 2 && given.shape[0] === wanted[0] && given.shape[1] === wanted[2])
    return single ? unsqueeze(given, 1) : broadcastTo(unsqueeze(given, 1), wanted);
  if (!sameShape(given.shape, wanted))
    throw new ShapeError(`${name}: wanted ${state} of shape ${text(wanted)}, got ${text(given.shape)}`);
  return given;
}

/** The weights of one layer and direction, by name, with their shapes checked. */
function checked(
  name: string,
  x: Tensor,
  units: number,
  shapes: Weights<readonly number[]>,
  weights: readonly Tensor[],
): Weights<Tensor> {
  const entries = Object.entries(shapes) as [keyof typeof meanings, readonly number[]][];
  const named = entries.map(([key, wanted], i) => {
    const w = weights[i]!;
    if (!sameShape(w.shape, wanted))
      throw new ShapeError(
        `${name}: x ${text(x.shape)} and ${units} hidden units want ${meanings[key]} of shape ${text(wanted)}, got ${text(w.shape)}`,
      );
    return [key, w] as const;
  });
  return Object.fromEntries(named) as unknown as Weights<Tensor>;
}
