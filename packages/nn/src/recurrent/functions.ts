// The recurrent networks as functions of their weights.
import type { Operand, Tensor } from "@weft/tensor";
import { oneOf, readOptions, type OptionKinds } from "@weft/tensor/internals";
import { gruNet, lstmNet, rnnNets } from "./cell.ts";
import { recurrence, recurrentKinds, type RecurrentOptions } from "./recurrence.ts";

export type LstmOptions = RecurrentOptions;
export type GruOptions = Omit<RecurrentOptions, "projection" | "peepholes">;
export interface RnnOptions extends GruOptions {
  /** What is applied to the sum; "tanh" by default. */
  readonly activation?: "relu" | "tanh";
}

/** What a network with one state returns: the output of every step, and the state from which it can be continued. */
export interface RnnResult {
  /** `[T, B, H]`, or `[T, B, 2 H]` in both directions. */
  readonly y: Tensor;
  /** The last hidden state of each layer and direction, `[layers · directions, B, H]`. */
  readonly h: Tensor;
}
export type GruResult = RnnResult;

/** What an LSTM returns: the output of every step, and the states from which it can be continued. */
export interface LstmResult extends RnnResult {
  /** The last cell state of each layer and direction, `[layers · directions, B, H]`. */
  readonly c: Tensor;
}

/**
 * Long short-term memory over a sequence x `[T, B, in]` (or `[T, in]`), from the states h and c
 * `[layers · directions, B, H]` (null: zeros).
 *
 * Each step: i, f, o = σ(W x + b + R h + d), g = tanh(W x + b + R h + d); c = f c + i g; h = o tanh(c). `weights` has,
 * for each layer and direction, W `[4 H, in]`, R `[4 H, H]`, b and d `[4 H]`, gates in the order i f g o. Throws a
 * ShapeError if they do not fit. Like PyTorch's `LSTM` (Hochreiter and Schmidhuber 1997).
 *
 * With `projection` h is P o tanh(c) with a last weight P `[P, H]`: h, y and R have P columns (Sak et al. 2014,
 * PyTorch's `proj_size`).
 *
 * @example
 * const weights = [randn([12, 8]), randn([12, 3]), randn([12]), randn([12])];
 * const { y, h, c } = lstm(randn([5, 2, 8]), null, null, weights);
 */
export function lstm(
  input: Operand,
  h: Operand | null,
  c: Operand | null,
  weights: readonly Operand[],
  options?: LstmOptions,
): LstmResult {
  const { y, states } = recurrence(lstmNet, input, [h, c], weights, options);
  return { y, h: states[0]!, c: states[1]! };
}

/**
 * Gated recurrent units over a sequence x `[T, B, in]` (or `[T, in]`), from the state h `[layers · directions, B, H]`
 * (null: zeros).
 *
 * Each step: r, z = σ(W x + b + R h + d), n = tanh(W x + b + r (R h + d)); h = (1 − z) n + z h. `weights` has, for each
 * layer and direction, W `[3 H, in]`, R `[3 H, H]`, b and d `[3 H]`, with gates in the order r z n. Throws a ShapeError
 * if they do not fit. Like PyTorch's `GRU`, where r multiplies the product R h + d (Cho et al. 2014 multiply h by r
 * before the product).
 *
 * @example
 * const weights = [randn([9, 8]), randn([9, 3]), randn([9]), randn([9])];
 * const { y, h } = gru(randn([5, 2, 8]), null, weights);
 */
export function gru(input: Operand, h: Operand | null, weights: readonly Operand[], options?: GruOptions): GruResult {
  const { y, states } = recurrence(gruNet, input, [h], weights, options);
  return { y, h: states[0]! };
}

const rnnKinds: OptionKinds<RnnOptions> = { ...recurrentKinds, activation: oneOf("relu", "tanh") };

/**
 * A plain recurrent network over a sequence x `[T, B, in]` (or `[T, in]`), from the state h `[layers · directions, B, H]`
 * (null: zeros).
 *
 * Each step: h = tanh(W x + b + R h + d), or relu of it. `weights` has, for each layer and direction, W `[H, in]`, R
 * `[H, H]`, b and d `[H]`. Throws a ShapeError if they do not fit. Like PyTorch's `RNN` (Elman 1990).
 *
 * @example
 * const weights = [randn([3, 8]), randn([3, 3]), randn([3]), randn([3])];
 * const { y, h } = rnn(randn([5, 2, 8]), null, weights, { activation: "relu" });
 */
export function rnn(input: Operand, h: Operand | null, weights: readonly Operand[], options?: RnnOptions): RnnResult {
  const { activation, ...rest } = readOptions("rnn", options, rnnKinds, { activation: "tanh" });
  const { y, states } = recurrence(rnnNets[activation], input, [h], weights, rest);
  return { y, h: states[0]! };
}
