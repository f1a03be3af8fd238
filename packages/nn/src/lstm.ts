// The LSTM over whole sequences. The backward pass is written by hand, since then every weight's gradient is one matrix
// product over all time steps instead of one a step; it uses public functions only, so it can be differentiated again.
import { customGradient } from "@weft/autograd";
import {
  add,
  concat,
  flip,
  lstmSequence,
  lstmSequenceGrad,
  matmul,
  readTensor,
  reshape,
  ShapeError,
  slice,
  squeeze,
  stack,
  sum,
  transpose,
  unsqueeze,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { dropout as drop } from "./dropout.ts";

/** Step t of a sequence `[T, B, n]`, as `[B, n]`. */
const step = (x: Tensor, t: number): Tensor => squeeze(slice(x, { starts: [t], ends: [t + 1] }), 0);

/** Steps from … to − 1 as rows `[steps · B, n]`. */
const rows = (x: Tensor, from: number, to: number): Tensor =>
  reshape(slice(x, { starts: [from], ends: [to] }), [-1, x.shape[2]!]);

/**
 * One layer in one direction: x `[T, B, in]`, h and c `[B, H]` → y `[T, B, H]` and the last c.
 * Each step: a = x W_ihᵀ + b + h W_hhᵀ; i, f, o = σ(a…), g = tanh(a…); c = f c + i g; h = o tanh(c).
 */
const sequence = customGradient((x: Tensor, h0: Tensor, c0: Tensor, wih: Tensor, whh: Tensor, bias: Tensor) => {
  const [steps, batch, features] = x.shape as [number, number, number];
  const width = wih.shape[0]!;
  const given = reshape(add(matmul(rows(x, 0, steps), transpose(wih)), bias), [steps, batch, width]);
  const { gates, cells, hiddens: y } = lstmSequence(given, h0, c0, whh);
  const pullback = (gy: Tensor, gc: Tensor) => {
    const { given: da, c: dc0 } = lstmSequenceGrad(gates, cells, c0, whh, gy, gc);
    const all = reshape(da, [steps * batch, width]);
    const flat = transpose(all);
    const before = steps === 1 ? h0 : concat([h0, rows(y, 0, steps - 1)], { axis: 0 });
    return [
      reshape(matmul(all, wih), [steps, batch, features]),
      matmul(step(da, 0), whh),
      dc0,
      matmul(flat, rows(x, 0, steps)),
      matmul(flat, before),
      sum(all, { axis: 0 }),
    ];
  };
  return { value: [y, step(cells, steps - 1)], pullback };
});

export interface LstmOptions {
  /** How many layers stand on each other. */
  readonly layers?: number;
  /** Also from the end to the beginning; the two results stand side by side in the features. */
  readonly bidirectional?: boolean;
  /** Are there biases among the weights? */
  readonly bias?: boolean;
  /** Dropout between layers (not before the first, not after the last). */
  readonly dropout?: number;
  /** Whether dropout drops; by default inside `diff`. */
  readonly training?: boolean;
}

/** What a recurrent layer leaves: every step's output, and where it can be continued. */
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
 * ShapeError if they do not fit. As PyTorch's `LSTM` (Hochreiter and Schmidhuber 1997).
 *
 * @example
 * const { y, h, c } = lstm(x, null, null, [wih, whh, bih, bhh]);
 */
export function lstm(
  input: Operand,
  h: Operand | null,
  c: Operand | null,
  weights: readonly Operand[],
  options: LstmOptions = {},
): LstmResult {
  const { layers = 1, bidirectional = false, bias = true, dropout = 0, training } = options;
  const given = readTensor(input, "lstm");
  const directions = bidirectional ? 2 : 1;
  const each = bias ? 4 : 2;
  if (weights.length !== layers * directions * each)
    throw new ShapeError(
      `lstm: ${layers} layers in ${directions} directions take ${layers * directions * each} weights, got ${weights.length}`,
    );
  const single = given.shape.length === 2;
  let x = single ? unsqueeze(given, 1) : given;
  if (x.shape.length !== 3 || x.shape[0] === 0)
    throw new ShapeError(`lstm: wanted x of shape [T, B, in] with T > 0, got [${given.shape}]`);
  const hidden = readTensor(weights[1]!, "lstm").shape[1]!;
  const start = (s: Operand | null, name: string) =>
    initial(s, name, [layers * directions, x.shape[1]!, hidden], single);
  const [h0, c0] = [start(h, "h"), start(c, "c")];
  const lastH: Tensor[] = [];
  const lastC: Tensor[] = [];
  for (let l = 0; l < layers; l++) {
    const outputs: Tensor[] = [];
    for (let d = 0; d < directions; d++) {
      const k = l * directions + d;
      const [wih, whh, bih, bhh] = weights.slice(k * each, (k + 1) * each) as [Operand, Operand, Operand?, Operand?];
      const cell = checked(x, wih, whh, bih, bhh, hidden);
      const from = d === 0 ? x : flip(x, { axis: 0 });
      const zero = h0 === undefined || c0 === undefined ? zeroState(x, hidden) : undefined;
      const [y, end] = sequence(
        from,
        h0 === undefined ? zero! : step(h0, k),
        c0 === undefined ? zero! : step(c0, k),
        ...cell,
      );
      outputs.push(d === 0 ? y! : flip(y!, { axis: 0 }));
      lastH.push(step(y!, x.shape[0]! - 1));
      lastC.push(end!);
    }
    x = outputs.length === 1 ? outputs[0]! : concat(outputs, { axis: 2 });
    if (l < layers - 1 && dropout > 0) x = drop(x, dropout, training === undefined ? {} : { training });
  }
  const [y, hs, cs] = [x, stack(lastH), stack(lastC)];
  return single ? { y: squeeze(y, 1), h: squeeze(hs, 1), c: squeeze(cs, 1) } : { y, h: hs, c: cs };
}

/** Zeros of shape `[B, H]` where x lives. */
const zeroState = (x: Tensor, hidden: number): Tensor => x.backend.zeros([x.shape[1]!, hidden], { dtype: x.dtype });

/** A state that was given, with a batch axis. */
function initial(s: Operand | null, name: string, wanted: readonly number[], single: boolean): Tensor | undefined {
  if (s === null) return undefined;
  const given = readTensor(s, "lstm");
  const state = single && given.shape.length === 2 ? unsqueeze(given, 1) : given;
  if (state.shape.length !== 3 || state.shape.some((d, k) => d !== wanted[k]))
    throw new ShapeError(`lstm: wanted ${name} of shape [${wanted}], got [${given.shape}]`);
  return state;
}

/** The weights of one layer and direction, their shapes checked, and the sum of its biases. */
function checked(
  x: Tensor,
  wih: Operand,
  whh: Operand,
  bih: Operand | undefined,
  bhh: Operand | undefined,
  hidden: number,
): [Tensor, Tensor, Tensor] {
  const check = (w: Operand, name: string, wanted: readonly number[]): Tensor => {
    const { shape } = readTensor(w, "lstm");
    if (shape.length !== wanted.length || shape.some((d, k) => d !== wanted[k]))
      throw new ShapeError(
        `lstm: x [${x.shape}] and ${hidden} hidden units want ${name} of shape [${wanted}], got [${shape}]`,
      );
    return readTensor(w, "lstm");
  };
  const w = check(wih, "the input weight", [4 * hidden, x.shape[2]!]);
  const r = check(whh, "the recurrent weight", [4 * hidden, hidden]);
  if (bih === undefined || bhh === undefined) return [w, r, x.backend.zeros([4 * hidden], { dtype: x.dtype })];
  return [w, r, add(check(bih, "the input bias", [4 * hidden]), check(bhh, "the recurrent bias", [4 * hidden]))];
}
