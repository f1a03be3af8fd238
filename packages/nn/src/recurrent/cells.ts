// Cells: one step of a recurrent network at a time, for loops that are written by hand (a decoder with attention, say).
import type { Param } from "@weft/autograd";
import { ArgumentError, readTensor, ShapeError, squeeze, unsqueeze, type Operand, type Tensor } from "@weft/tensor";
import {
  anything,
  boolean,
  callable,
  finiteNumber,
  oneOf,
  positiveCount,
  readOptions,
  readValue,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import type { Initializer } from "../initializers.ts";
import { layer } from "../layer.ts";
import { gruNet, lstmNet, rnnNets, type Net } from "./cell.ts";
import { parametersOf } from "./parameters.ts";
import { checkBiases, recurrence } from "./recurrence.ts";

export interface CellOptions {
  /** Features of x. */
  readonly in: number;
  /** Units: features of h. */
  readonly hidden: number;
  readonly bias?: boolean;
  /** Whether there are two biases, that of x and that of h (true), or one. */
  readonly recurrentBias?: boolean;
  /** Whether the sums from x and from h are normalized. */
  readonly layerNorm?: boolean;
  /** Initial values of the weights; by default U(−1/√hidden, 1/√hidden). */
  readonly init?: Initializer;
  /** Initial values of the biases; by default U(−1/√hidden, 1/√hidden). */
  readonly biasInit?: Initializer;
}
export type GRUCellOptions = CellOptions;
export interface LSTMCellOptions extends CellOptions {
  /** The initial bias of the forget gate: that of x gets it, that of h gets 0. */
  readonly forgetBias?: number;
}
export interface RNNCellOptions extends CellOptions {
  /** What is applied to the sum; "tanh" by default. */
  readonly activation?: "relu" | "tanh";
}

/** The weights of a cell; without biases there are only two. */
interface CellWeights {
  readonly weight_ih: Param;
  readonly weight_hh: Param;
  readonly [weight: `${"weight" | "bias"}_${string}`]: Param;
}

/** The states of an LSTM after a step. */
export interface LSTMStep {
  readonly h: Tensor;
  readonly c: Tensor;
}

/** See the function `RNNCell`. */
export interface RNNCell extends CellWeights {
  (x: Operand, h?: Operand | null): Tensor;
}
/** See the function `GRUCell`. */
export interface GRUCell extends CellWeights {
  (x: Operand, h?: Operand | null): Tensor;
}
/** See the function `LSTMCell`. */
export interface LSTMCell extends CellWeights {
  (x: Operand, states?: { readonly h?: Operand | null; readonly c?: Operand | null }): LSTMStep;
}

const cellKinds: OptionKinds<CellOptions> = {
  in: positiveCount,
  hidden: positiveCount,
  bias: boolean,
  recurrentBias: boolean,
  layerNorm: boolean,
  init: callable,
  biasInit: callable,
};
const lstmKinds: OptionKinds<LSTMCellOptions> = { ...cellKinds, forgetBias: finiteNumber };
const stateKinds = { h: anything, c: anything };

/** One step from states, h first, to the new ones. */
type Step = (x: Operand, states: readonly (Operand | null)[], weights: CellWeights) => readonly Tensor[];

/** A cell's parameters, and its step. */
function stepper(kind: string, net: Net, options: LSTMCellOptions): { fields: CellWeights; step: Step } {
  const { in: features, hidden, bias = true, layerNorm = false } = options;
  const { forgetBias, init, biasInit } = options;
  checkBiases(kind, options);
  const recurrentBias = bias && (options.recurrentBias ?? true);
  if (features === undefined)
    throw new ArgumentError(`${kind}: wanted \`in\`, the number of features of x, got nothing`);
  readValue(kind, "hidden", hidden, positiveCount);
  if (forgetBias !== undefined && !bias)
    throw new ArgumentError(`${kind}: wanted no forgetBias without biases, got ${forgetBias}`);
  const structure = {
    bias,
    recurrentBias,
    layerNorm,
    skipInput: false,
    projection: false,
    peepholes: false,
    layers: 1,
    bidirectional: false,
  };
  const sizes = { features, units: hidden, outputs: hidden };
  const made = parametersOf(net, { ...structure, ...sizes, init, biasInit, forgetBias });
  // As PyTorch names them: a cell has one layer, and says so nowhere.
  const names = Object.keys(made).map((name) => name.slice(0, -"_l0".length) as keyof CellWeights);
  const fields = Object.fromEntries(Object.values(made).map((p, i) => [names[i], p])) as unknown as CellWeights;
  const step: Step = (input, states, weights) => {
    const given = readTensor(input, kind);
    const single = given.shape.length === 1;
    if (given.shape.length < 1 || given.shape.length > 2 || given.shape.at(-1) !== features)
      throw new ShapeError(`${kind}: wanted x of shape [B, ${features}] or [${features}], got ${text(given.shape)}`);
    const wanted = [...given.shape.slice(0, -1), hidden];
    const firsts = states.map((s, i) => {
      if (s === null) return null;
      const found = readTensor(s, kind, given);
      if (String(found.shape) !== String(wanted))
        throw new ShapeError(
          `${kind}: wanted ${i === 0 ? "h" : "c"} of shape ${text(wanted)}, got ${text(found.shape)}`,
        );
      return unsqueeze(single ? unsqueeze(found, 0) : found, 0);
    });
    const x = unsqueeze(single ? unsqueeze(given, 0) : given, 0);
    const all = names.map((name) => weights[name]!);
    const after = recurrence({ ...net, name: kind }, x, firsts, all, { bias, recurrentBias, layerNorm }).states;
    return after.map((s) => squeeze(single ? squeeze(s, 1) : s, 0));
  };
  return { fields, step };
}

/**
 * One step of a plain recurrent network: x `[B, in]`, h `[B, hidden]` (left out: zeros) → h = tanh(W x + b + R h + d),
 * or relu of it. Without a batch both have one axis. Like PyTorch's `RNNCell`.
 *
 * @example
 * const cell = RNNCell({ in: 8, hidden: 3, activation: "relu" });
 * const h = cell(randn([2, 8]));
 * const next = cell(randn([2, 8]), h);
 */
export function RNNCell(options: RNNCellOptions): RNNCell {
  const kinds: OptionKinds<RNNCellOptions> = { ...cellKinds, activation: oneOf("relu", "tanh") };
  const { activation, ...rest } = readOptions("RNNCell", options, kinds, { activation: "tanh" });
  const { fields, step } = stepper("RNNCell", rnnNets[activation], rest);
  const self: RNNCell = layer("RNNCell", (x: Operand, h: Operand | null = null) => step(x, [h], self)[0]!, fields);
  return self;
}

/**
 * One step of a GRU (see `gru`): x `[B, in]`, h `[B, hidden]` (left out: zeros) → the next h. Without a batch both have
 * one axis. Like PyTorch's `GRUCell`.
 *
 * @example
 * const cell = GRUCell({ in: 8, hidden: 3 });
 * const h = cell(randn([2, 8]));
 * const next = cell(randn([2, 8]), h);
 */
export function GRUCell(options: GRUCellOptions): GRUCell {
  const { fields, step } = stepper("GRUCell", gruNet, readOptions("GRUCell", options, cellKinds, {}));
  const self: GRUCell = layer("GRUCell", (x: Operand, h: Operand | null = null) => step(x, [h], self)[0]!, fields);
  return self;
}

/**
 * One step of an LSTM (see `lstm`): x `[B, in]`, h and c `[B, hidden]` (left out: zeros) → the next h and c. Without a
 * batch all have one axis. Like PyTorch's `LSTMCell`.
 *
 * @example
 * const cell = LSTMCell({ in: 8, hidden: 3 });
 * let states = cell(randn([2, 8]));
 * states = cell(randn([2, 8]), states);
 */
export function LSTMCell(options: LSTMCellOptions): LSTMCell {
  const { fields, step } = stepper("LSTMCell", lstmNet, readOptions("LSTMCell", options, lstmKinds, {}));
  const self: LSTMCell = layer(
    "LSTMCell",
    (x: Operand, states?: Parameters<LSTMCell>[1]) => {
      const { h = null, c = null } = readOptions<NonNullable<typeof states>, object>(
        "LSTMCell",
        states,
        stateKinds,
        {},
      );
      const after = step(x, [h, c], self);
      return { h: after[0]!, c: after[1]! };
    },
    fields,
  );
  return self;
}
