// The recurrent networks as layers, with their weights under PyTorch's names.
import type { Param } from "@weft/autograd";
import { ArgumentError, readTensor, ShapeError, take, type Operand, type Tensor } from "@weft/tensor";
import {
  anything,
  boolean,
  callable,
  finiteNumber,
  oneOf,
  positiveCount,
  readOptions,
  readValue,
  resultOf,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import type { Initializer } from "../initializers.ts";
import { layer } from "../layer.ts";
import { gruNet, lstmNet, rnnNets, type Net } from "./cell.ts";
import type { LstmResult, RnnResult } from "./functions.ts";
import { KeptState } from "./kept-state.ts";
import type { LayoutOptions } from "./layout.ts";
import { isPacked, placesIn, type PackedSequence } from "./packed.ts";
import { parametersOf } from "./parameters.ts";
import {
  checkBiases,
  checkVariational,
  recurrence,
  recurrentDefaults,
  structureKinds,
  type RecurrentOptions,
} from "./recurrence.ts";

export interface RecurrentLayerOptions extends Pick<
  RecurrentOptions,
  | (
      | "recurrentDropout"
      | "variational"
      | "layers"
      | "bidirectional"
      | "bias"
      | "recurrentBias"
      | "dropout"
      | "inputDropout"
      | "skipInput"
      | "layerNorm"
    )
  | "batchFirst"
> {
  /** Features of each step of x. */
  readonly in: number;
  /** Units of each layer and direction. */
  readonly hidden: number;
  /** Whether a call that is given no state begins with the state after the call before; see `state` and `reset`. */
  readonly stateful?: boolean;
  /** Initial values of the weights; by default U(−1/√hidden, 1/√hidden). */
  readonly init?: Initializer;
  /** Initial values of the biases; by default U(−1/√hidden, 1/√hidden). */
  readonly biasInit?: Initializer;
}

export type GRUOptions = RecurrentLayerOptions;

export interface LSTMOptions extends RecurrentLayerOptions {
  /** Features of h, fewer than `hidden`: h is a projection of what the cell gives. PyTorch's `proj_size`. */
  readonly projection?: number;
  /** Whether the gates see c, by `weight_peephole_l0`, … */
  readonly peepholes?: boolean;
  /**
   * The initial bias of the forget gate: that of x gets it, that of h, if there is one, gets 0. Knet's is 2, PyTorch has
   * none of its own.
   */
  readonly forgetBias?: number;
}

/** What a network is made of. */
export type RNNType = "relu" | "tanh" | "lstm" | "gru";

/** What an LSTM alone takes, as a network of some type takes it. */
type OfLSTM<Type extends RNNType, Name extends "projection" | "peepholes" | "forgetBias"> = Type extends "lstm"
  ? Exclude<LSTMOptions[Name], undefined>
  : never;

export interface RNNOptions<Type extends RNNType = RNNType> extends RecurrentLayerOptions {
  /** The cell: h = relu(…) or tanh(…), an LSTM or a GRU. */
  readonly type: Type;
  /** See `LSTMOptions`. */
  readonly projection?: OfLSTM<Type, "projection">;
  /** See `LSTMOptions`. */
  readonly peepholes?: OfLSTM<Type, "peepholes">;
  /** See `LSTMOptions`. */
  readonly forgetBias?: OfLSTM<Type, "forgetBias">;
}

/**
 * The initial state of a GRU or a plain network, `[layers · directions, B, hidden]`; what is left out is zero. And what x
 * is. A state `[layers · directions, hidden]` is that of each sequence, such as a parameter that is learned.
 */
export interface HiddenState extends Pick<RecurrentOptions, "training">, Omit<LayoutOptions, "batchFirst"> {
  readonly h?: Operand | null;
}

/** The initial state of an LSTM; what is left out is zero. */
export interface RecurrentState extends HiddenState {
  readonly c?: Operand | null;
}

/** A layer over sequences, with fields `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, … */
export interface RecurrentLayer<State, Result extends RnnResult> {
  (x: PackedSequence, state?: State): PackedSequence;
  (x: Operand, state?: State): Tensor;
  /** Also returns the final states. */
  run(x: PackedSequence, state?: State): Omit<Result, "y"> & { readonly y: PackedSequence };
  run(x: Operand, state?: State): Result;
  /** The state that a `stateful` layer keeps; undefined before its first call and after `reset()`. */
  readonly state: Omit<Result, "y"> | undefined;
  /** Forgets the state that is kept. */
  reset(): void;
  readonly weight_ih_l0: Param;
  readonly weight_hh_l0: Param;
  readonly [weight: `${"weight" | "bias"}_${string}_l${string}`]: Param;
}

/** See the function `LSTM`. Its weights are fields `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, … */
export interface LSTM extends RecurrentLayer<RecurrentState, LstmResult> {}

/** See the function `GRU`. Its weights are fields `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, … */
export interface GRU extends RecurrentLayer<HiddenState, RnnResult> {}

/** See the function `RNN`. Its weights are fields `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, … */
export type RNN<Type extends RNNType = RNNType> = [Type] extends ["lstm"] ? LSTM : GRU;

const layerKinds: OptionKinds<RecurrentLayerOptions> = {
  ...structureKinds,
  stateful: boolean,
  in: positiveCount,
  hidden: positiveCount,
  init: callable,
  biasInit: callable,
};
const lstmKinds: OptionKinds<LSTMOptions> = {
  ...layerKinds,
  projection: positiveCount,
  peepholes: boolean,
  forgetBias: finiteNumber,
};

const { projection: _, ...layerDefaults } = recurrentDefaults;
const typeKind = oneOf("relu", "tanh", "lstm", "gru");

/** What a layer is made of, for those who look at its weights. */
export interface Anatomy {
  readonly net: Net;
  readonly layers: number;
  readonly bidirectional: boolean;
}
const ANATOMY = Symbol("anatomy");

/** What a recurrent layer is made of; undefined for anything else. */
export const anatomyOf = (layer: object): Anatomy | undefined =>
  (layer as { readonly [ANATOMY]?: Anatomy } | null)?.[ANATOMY];

/** What `LSTM` is; a `GRU` has less. */
type Layer = LSTM;

/** Reads and checks the options of a layer. */
function planOf(kind: string, options: LSTMOptions, kinds: OptionKinds<LSTMOptions>) {
  const read = readOptions(kind, options, kinds, layerDefaults);
  checkVariational(kind, options);
  checkBiases(kind, options);
  const { in: features, hidden, bias, skipInput, forgetBias, projection: outputs = hidden } = read;
  if (features === undefined)
    throw new ArgumentError(`${kind}: wanted \`in\`, the number of features per step, got nothing`);
  readValue(kind, "hidden", hidden, positiveCount);
  if (skipInput && features !== hidden)
    throw new ArgumentError(`${kind}: skipInput wants as many features as units, got ${features} and ${hidden}`);
  const projection = read.projection !== undefined;
  if (projection && outputs >= hidden)
    throw new ArgumentError(`${kind}: wanted a projection smaller than ${hidden}, the hidden units, got ${outputs}`);
  if (forgetBias !== undefined && !bias)
    throw new ArgumentError(`${kind}: wanted no forgetBias without biases, got ${forgetBias}`);
  const { layers, bidirectional, layerNorm, peepholes, init, biasInit } = read;
  const { dropout, inputDropout, recurrentDropout, variational } = read;
  const recurrentBias = bias && read.recurrentBias;
  const structure = { layers, bidirectional, bias, recurrentBias, skipInput, layerNorm, peepholes, projection };
  return {
    /** What each call passes on. */
    structure: { ...structure, dropout, inputDropout, recurrentDropout, variational },
    parameters: { ...structure, features, units: hidden, outputs, init, biasInit, forgetBias },
    stateful: read.stateful ?? false,
    batchFirst: read.batchFirst ?? false,
  };
}

/** y, and the states by name. */
interface Ran extends Readonly<Record<string, Tensor | PackedSequence>> {
  readonly y: Tensor | PackedSequence;
}

/** A layer that runs a net, with parameters of its own. */
function recurrent(kind: string, net: Net, options: LSTMOptions, kinds: OptionKinds<LSTMOptions>): Layer {
  const { structure, parameters, stateful, batchFirst } = planOf(kind, options, kinds);
  const { features } = parameters;
  const fields = parametersOf(net, parameters);
  const names = Object.keys(fields);
  const states = ["h", ...net.cell.others] as readonly ("h" | "c")[];
  const kept = new KeptState(kind);
  const owner = (): Param => self["weight_hh_l0"]!;
  // The result of `run` can be passed as the next state as it is, so its y is accepted (and ignored).
  const stateKinds = Object.fromEntries(
    ["training", "lengths", "mask", "batchSizes", ...states, "y"].map((name) => [name, anything]),
  ) as never;
  const run = (input: Operand | PackedSequence, given?: RecurrentState): Ran => {
    const state = readOptions<RecurrentState, object>(kind, given, stateKinds, {});
    const packed = isPacked(input) ? input : undefined;
    const x = readTensor(isPacked(input) ? input.data : input, kind);
    if (x.shape.length > 1 && x.shape.at(-1) !== features)
      throw new ShapeError(
        `${kind}: wanted x of shape [${batchFirst ? "B, T" : "T, B"}, ${features}], got ${text(x.shape)}`,
      );
    const { training, lengths, mask, batchSizes = packed?.batchSizes } = state;
    const batch = batchSizes?.[0] ?? (x.shape.length === 2 ? undefined : x.shape[batchFirst ? 0 : 1]);
    const goesOn = stateful && states.every((name) => state[name] === undefined);
    const start = goesOn ? kept.start(owner(), batch) : undefined;
    const order = packed?.sortedIndices;
    const made = recurrence(
      { ...net, name: kind },
      x,
      states.map((name) => ordered(kind, start?.[name] ?? state[name] ?? null, order, x)),
      names.map((name) => self[name]!),
      // Packed rows have no batch axis that could be the first.
      { ...structure, training, lengths, mask, batchSizes, batchFirst: batchFirst && packed === undefined },
    );
    const back = packed === undefined || order === undefined ? undefined : placesIn(packed);
    const finals = Object.fromEntries(states.map((name, i) => [name, ordered(kind, made.states[i]!, back, x)]));
    if (stateful) kept.keep(owner(), finals);
    return { y: packed === undefined ? made.y : { ...packed, data: made.y }, ...finals };
  };
  const call = (x: Operand | PackedSequence, state?: RecurrentState): Ran["y"] => run(x, state).y;
  const self = layer(kind, call, fields);
  Object.defineProperties(self, {
    run: { value: (...args: Parameters<typeof run>) => resultOf(() => run(...args)) },
    state: { get: () => kept.values(owner()) },
    reset: { value: () => kept.forget(owner()) },
    [ANATOMY]: { value: { net, layers: structure.layers, bidirectional: structure.bidirectional } },
  });
  return self as unknown as Layer;
}

/** The sequences of a state `[layers · directions, B, H]` in another order. */
function ordered<S extends Operand | null>(
  kind: string,
  state: S,
  order: readonly number[] | undefined,
  x: Tensor,
): S | Tensor {
  if (state === null || order === undefined) return state;
  const given = readTensor(state, kind, x);
  if (given.shape.length === 2) return given; // that of each sequence
  return take(given, x.backend.upload(Int32Array.from(order), [order.length], "i32"), { axis: 1 });
}

/**
 * Long short-term memory over sequences (see `lstm`): x `[T, B, in]` → y `[T, B, hidden]`, or 2 · hidden features in
 * both directions. Like PyTorch's `LSTM`, with its names and its order of gates.
 *
 * The second argument has what differs from call to call: the states to begin with, `lengths` of the rows of a padded
 * batch, a `mask`. x may be a packed sequence; then so is y. With `projection` h and y have so many features (`weight_hr_l0`, …); with
 * `layerNorm` the sums are normalized (`weight_norm_ih_l0`, …); with `stateful` the next call begins where this one
 * ended.
 *
 * @example
 * const rnn = LSTM({ in: 84, hidden: 256 });
 * const { y, h, c } = rnn.run(randn([28, 2, 84]));
 * const next = rnn(randn([28, 2, 84]), { h, c });
 * // Rows of 28 and of 20 steps: what comes after the end of a row is neither read nor learned from.
 * const padded = rnn(randn([28, 2, 84]), { lengths: [28, 20] });
 */
export function LSTM(options: LSTMOptions): LSTM {
  return recurrent("LSTM", lstmNet, options, lstmKinds);
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
  return recurrent("GRU", gruNet, options, layerKinds as OptionKinds<LSTMOptions>) as GRU;
}

/**
 * A recurrent network over sequences, of any type: x `[T, B, in]` → y `[T, B, hidden]`, or 2 · hidden features in both
 * directions. The type is `"relu"` or `"tanh"` (see `rnn`; PyTorch's `RNN`), `"lstm"` (see `LSTM`) or `"gru"` (see
 * `GRU`). It has no default, since PyTorch's is tanh and Knet's is lstm.
 *
 * @example
 * const rnn = RNN({ type: "tanh", in: 8, hidden: 3, layers: 2, bidirectional: true, dropout: 0.2 });
 * const { y, h } = rnn.run(randn([5, 2, 8]));
 */
export function RNN<const Type extends RNNType>(options: RNNOptions<Type>): RNN<Type> {
  const { type, ...rest } = readOptions<RNNOptions, object>("RNN", options, { ...lstmKinds, type: typeKind }, {});
  readValue("RNN", "type", type, typeKind);
  const nets = { ...rnnNets, lstm: lstmNet, gru: gruNet } as const;
  const kinds = type === "lstm" ? lstmKinds : (layerKinds as OptionKinds<LSTMOptions>);
  return recurrent("RNN", nets[type], rest, kinds) as RNN<Type>;
}
