// The LSTM and the GRU as layers, with their weights under PyTorch's names.
import type { Param } from "@weft/autograd";
import { ArgumentError, readTensor, ShapeError, type Operand, type Tensor } from "@weft/tensor";
import {
  anything,
  callable,
  positiveCount,
  readOptions,
  readValue,
  resultOf,
  type OptionKinds,
} from "@weft/tensor/internals";
import { gru, lstm, type GruResult, type LstmResult } from "./functions.ts";
import { fanInUniform, type Initializer } from "../initializers.ts";
import { layer } from "../layer.ts";
import { parameter } from "../parameter.ts";
import { recurrentDefaults, structureKinds, type RecurrentOptions } from "./recurrence.ts";

export interface RecurrentLayerOptions {
  /** Features of each step of x (`input` is another name for it). */
  readonly in?: number;
  readonly input?: number;
  /** Units of each layer and direction. */
  readonly hidden: number;
  readonly layers?: number;
  readonly bidirectional?: boolean;
  readonly bias?: boolean;
  /** Dropout between layers. */
  readonly dropout?: number;
  /** Initial values of the weights; by default U(−1/√hidden, 1/√hidden). */
  readonly init?: Initializer;
  /** Initial values of the biases; by default U(−1/√hidden, 1/√hidden). */
  readonly biasInit?: Initializer;
}
export type LSTMOptions = RecurrentLayerOptions;
export type GRUOptions = RecurrentLayerOptions;

/** The initial state of a GRU; what is left out is zero. */
export interface HiddenState extends Pick<RecurrentOptions, "training" | "lengths"> {
  readonly h?: Operand | null;
}

/** The initial state of an LSTM; what is left out is zero. */
export interface RecurrentState extends HiddenState {
  readonly c?: Operand | null;
}

/** A layer over sequences, with fields `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, … */
interface RecurrentLayer<State, Result> {
  (x: Operand, state?: State): Tensor;
  /** Also returns the final states. */
  run(x: Operand, state?: State): Result;
  readonly weight_ih_l0: Param;
  readonly weight_hh_l0: Param;
  readonly [weight: `${"weight" | "bias"}_${"ih" | "hh"}_l${string}`]: Param;
}

/** See the function `LSTM`. Its weights are fields `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, … */
export interface LSTM extends RecurrentLayer<RecurrentState, LstmResult> {}

/** See the function `GRU`. Its weights are fields `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, … */
export interface GRU extends RecurrentLayer<HiddenState, GruResult> {}

const layerKinds: OptionKinds<RecurrentLayerOptions> = {
  ...structureKinds,
  in: positiveCount,
  input: positiveCount,
  hidden: positiveCount,
  init: callable,
  biasInit: callable,
};

/** A layer whose weights have `parts` · `hidden` rows, and which calls `f` with them. */
function recurrent<State extends HiddenState, Result extends { readonly y: Tensor }>(
  kind: string,
  parts: number,
  states: readonly string[],
  options: RecurrentLayerOptions,
  f: (x: Operand, state: State, weights: readonly Operand[], options: RecurrentOptions) => Result,
): RecurrentLayer<State, Result> {
  const read = readOptions(kind, options, layerKinds, recurrentDefaults);
  const { in: features = read.input, hidden, layers, bidirectional, bias, dropout } = read;
  if (features === undefined)
    throw new ArgumentError(`${kind}: wanted \`in\`, the number of features per step, got nothing`);
  readValue(kind, "hidden", hidden, positiveCount);
  const { init = fanInUniform(hidden), biasInit = fanInUniform(hidden) } = read;
  const fields: Record<string, Param> = {};
  const width = parts * hidden;
  for (let l = 0; l < layers; l++)
    for (const suffix of bidirectional ? [`l${l}`, `l${l}_reverse`] : [`l${l}`]) {
      fields[`weight_ih_${suffix}`] = parameter([width, l === 0 ? features : hidden * (bidirectional ? 2 : 1)], init);
      fields[`weight_hh_${suffix}`] = parameter([width, hidden], init);
      if (!bias) continue;
      fields[`bias_ih_${suffix}`] = parameter([width], biasInit);
      fields[`bias_hh_${suffix}`] = parameter([width], biasInit);
    }
  const names = Object.keys(fields);
  // The result of `run` can be passed as the next state as it is, so its y is accepted (and ignored).
  const stateKinds = Object.fromEntries(
    ["training", "lengths", ...states, "y"].map((name) => [name, anything]),
  ) as never;
  const run = (input: Operand, given?: State): Result => {
    const state = readOptions<State, object>(kind, given, stateKinds, {});
    const { training, lengths } = state;
    const x = readTensor(input, kind);
    const last = x.shape.at(-1);
    if (x.shape.length > 1 && last !== features)
      throw new ShapeError(`${kind}: wanted x of shape [T, B, ${features}], got [${x.shape.join(", ")}]`);
    const weights = names.map((name) => (self as unknown as Record<string, Param>)[name]!);
    return f(x, state, weights, { layers, bidirectional, bias, dropout, training, lengths });
  };
  const call = (x: Operand, state?: State): Tensor => run(x, state).y;
  const self = layer(kind, call, fields) as unknown as RecurrentLayer<State, Result>;
  Object.defineProperty(self, "run", { value: (...args: Parameters<typeof run>) => resultOf(() => run(...args)) });
  return self;
}

/**
 * Long short-term memory over sequences (see `lstm`): x `[T, B, in]` → y `[T, B, hidden]`, or 2 · hidden features in
 * both directions. Like PyTorch's `LSTM`, with its names and its order of gates.
 *
 * @example
 * const rnn = LSTM({ in: 84, hidden: 256 });
 * const { y, h, c } = rnn.run(randn([28, 2, 84]));
 * const next = rnn(randn([28, 2, 84]), { h, c });
 */
export function LSTM(options: LSTMOptions): LSTM {
  return recurrent("LSTM", 4, ["h", "c"], options, (x, { h = null, c = null }: RecurrentState, weights, rest) =>
    lstm(x, h, c, weights, rest),
  );
}

/**
 * Gated recurrent units over sequences (see `gru`): x `[T, B, in]` → y `[T, B, hidden]`, or 2 · hidden features in both
 * directions. Like PyTorch's `GRU`, with its names and its order of gates (r z n).
 *
 * @example
 * const rnn = GRU({ in: 125, hidden: 100 });
 * const { y, h } = rnn.run(randn([28, 2, 125]));
 * const next = rnn(randn([28, 2, 125]), { h });
 */
export function GRU(options: GRUOptions): GRU {
  return recurrent("GRU", 3, ["h"], options, (x, { h = null }: HiddenState, weights, rest) => gru(x, h, weights, rest));
}
