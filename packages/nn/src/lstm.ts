// The LSTM over whole sequences. The backward pass is written by hand: then every weight's gradient is one matrix
// product over all time steps instead of one per step. It uses public functions only, so it can be differentiated
// again.
import { customGradient } from "@weft/autograd";
import { add, matmul, reshape, sum, transpose, type Operand, type Tensor } from "@weft/tensor";
import { lstmSequence, lstmSequenceGrad } from "@weft/tensor/internals";
import { before, ends, recurrence, rows, step, type Cell, type RecurrentOptions } from "./recurrence.ts";

/**
 * One layer in one direction: x `[T, B, in]`, h and c `[B, H]` → h after each step, `[T, B, H]`, and the last c.
 * Each step: a = x W_ihᵀ + b + h W_hhᵀ; i, f, o = σ(a…), g = tanh(a…); c = f c + i g; h = o tanh(c).
 */
const sequence = (reverse: boolean) =>
  customGradient((x: Tensor, h0: Tensor, c0: Tensor, wih: Tensor, whh: Tensor, bias: Tensor, ...lengths: Tensor[]) => {
    const [steps, batch, features] = x.shape as [number, number, number];
    const [first, last] = ends(steps, reverse);
    const width = wih.shape[0]!;
    const course = { lengths: lengths[0], reverse };
    const given = reshape(add(matmul(rows(x, 0, steps), transpose(wih)), bias), [steps, batch, width]);
    const { gates, cells, hiddens } = lstmSequence(given, h0, c0, whh, course);
    const pullback = (gy: Tensor, gc: Tensor) => {
      const { given: da, c: dc0, h: dh0 } = lstmSequenceGrad(gates, cells, c0, whh, gy, gc, course);
      const all = reshape(da, [steps * batch, width]);
      const flat = transpose(all);
      const through = matmul(step(da, first), whh);
      return [
        reshape(matmul(all, wih), [steps, batch, features]),
        dh0 === undefined ? through : add(dh0, through),
        dc0,
        matmul(flat, rows(x, 0, steps)),
        matmul(flat, before(h0, hiddens, reverse)),
        sum(all, { axis: 0 }),
        ...lengths.map(() => null),
      ];
    };
    return { value: [hiddens, step(cells, last)] as [Tensor, Tensor], pullback };
  });

const cell: Cell = {
  name: "lstm",
  parts: 4,
  states: ["h", "c"],
  sequence: (x, [h, c], [wih, whh, bih, bhh], { lengths, reverse }) =>
    sequence(reverse)(x, h!, c!, wih, whh, add(bih, bhh), ...(lengths === undefined ? [] : [lengths])),
};

export type LstmOptions = RecurrentOptions;

/** What an LSTM returns: the output of every step, and the states from which it can be continued. */
export interface LstmResult {
  /** `[T, B, H]`, or `[T, B, 2 H]` in both directions. */
  readonly y: Tensor;
  /** The last hidden state of each layer and direction, `[layers · directions, B, H]`. */
  readonly h: Tensor;
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
  const { y, states } = recurrence(cell, input, [h, c], weights, options);
  return { y, h: states[0]!, c: states[1]! };
}
