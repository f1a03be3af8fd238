// The GRU over whole sequences. Its backward pass is written by hand, like the LSTM's.
import { customGradient } from "@weft/autograd";
import { add, matmul, reshape, sum, transpose, type Operand, type Tensor } from "@weft/tensor";
import { gruSequence, gruSequenceGrad } from "@weft/tensor/internals";
import { before, ends, recurrence, rows, step, type Cell, type RecurrentOptions } from "./recurrence.ts";

/**
 * One layer in one direction: x `[T, B, in]`, h `[B, H]` → h after each step, `[T, B, H]`.
 * Each step: a = x W_ihᵀ + b_ih, q = h W_hhᵀ + b_hh; r, z = σ(a… + q…); n = tanh(a… + r q…); h = (1 − z) n + z h.
 */
const sequence = (reverse: boolean) =>
  customGradient((x: Tensor, h0: Tensor, wih: Tensor, whh: Tensor, bih: Tensor, bhh: Tensor, ...lengths: Tensor[]) => {
    const [steps, batch, features] = x.shape as [number, number, number];
    const [first] = ends(steps, reverse);
    const width = wih.shape[0]!;
    const course = { lengths: lengths[0], reverse };
    const given = reshape(add(matmul(rows(x, 0, steps), transpose(wih)), bih), [steps, batch, width]);
    const { gates, hiddens } = gruSequence(given, h0, whh, bhh, course);
    const pullback = (gy: Tensor) => {
      const { given: da, recurrent: dq, h: dh } = gruSequenceGrad(gates, hiddens, h0, whh, gy, course);
      const [inputs, states] = [reshape(da, [steps * batch, width]), reshape(dq, [steps * batch, width])];
      return [
        reshape(matmul(inputs, wih), [steps, batch, features]),
        add(dh, matmul(step(dq, first), whh)),
        matmul(transpose(inputs), rows(x, 0, steps)),
        matmul(transpose(states), before(h0, hiddens, reverse)),
        sum(inputs, { axis: 0 }),
        sum(states, { axis: 0 }),
        ...lengths.map(() => null),
      ];
    };
    return { value: hiddens, pullback };
  });

const cell: Cell = {
  name: "gru",
  parts: 3,
  states: ["h"],
  sequence: (x, [h], weights, { lengths, reverse }) => [
    sequence(reverse)(x, h!, ...weights, ...(lengths === undefined ? [] : [lengths])),
  ],
};

export type GruOptions = RecurrentOptions;

/** What a GRU returns: the output of every step, and the state from which it can be continued. */
export interface GruResult {
  /** `[T, B, H]`, or `[T, B, 2 H]` in both directions. */
  readonly y: Tensor;
  /** The last hidden state of each layer and direction, `[layers · directions, B, H]`. */
  readonly h: Tensor;
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
  const { y, states } = recurrence(cell, input, [h], weights, options);
  return { y, h: states[0]! };
}
