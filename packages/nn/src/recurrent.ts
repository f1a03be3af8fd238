// The LSTM as a layer, with its weights under PyTorch's names.
import type { Param } from "@weft/autograd";
import { ArgumentError, type Operand, type Tensor } from "@weft/tensor";
import { fanInUniform, type Initialiser } from "./initialisers.ts";
import { layer } from "./layer.ts";
import { lstm, type LstmResult } from "./lstm.ts";
import { born, parameter } from "./parameter.ts";

export interface LSTMOptions {
  /** Features of each step of x (`input` is the same). */
  readonly in?: number;
  readonly input?: number;
  /** Units of each layer and direction. */
  readonly hidden: number;
  readonly layers?: number;
  readonly bidirectional?: boolean;
  readonly bias?: boolean;
  /** Dropout between layers. */
  readonly dropout?: number;
  /** The weights' first values; by default U(−1/√hidden, 1/√hidden). */
  readonly init?: Initialiser;
  /** The biases' first values; by default U(−1/√hidden, 1/√hidden). */
  readonly biasInit?: Initialiser;
}

/** Where a sequence starts; what is left out is zero. */
export interface RecurrentState {
  readonly h?: Operand | null;
  readonly c?: Operand | null;
  /** Whether dropout drops; by default inside `diff`. */
  readonly training?: boolean;
}

/** See the function `LSTM`. Its weights are fields `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, … */
export interface LSTM {
  (x: Operand, state?: RecurrentState): Tensor;
  /** Also returns the states in which the sequence ends. */
  run(x: Operand, state?: RecurrentState): LstmResult;
  readonly [weight: `${"weight" | "bias"}_${"ih" | "hh"}_l${string}`]: Param;
}

/**
 * Long short-term memory over sequences (see `lstm`): x `[T, B, in]` → y `[T, B, hidden]`, or 2 · hidden features in
 * both directions. As PyTorch's `LSTM`, with its names and its order of gates.
 *
 * @example
 * const rnn = LSTM({ in: 84, hidden: 256 });
 * const y = rnn(x); // or: const { y, h, c } = rnn.run(x, { h, c });
 */
export function LSTM(options: LSTMOptions): LSTM {
  const { in: features = options.input, hidden, layers = 1, bidirectional = false, bias = true, dropout = 0 } = options;
  if (features === undefined)
    throw new ArgumentError("LSTM: wanted `in`, the number of features of each step, got nothing");
  const { init = fanInUniform(hidden), biasInit = fanInUniform(hidden) } = options;
  if (!(layers >= 1)) throw new ArgumentError(`LSTM: wanted at least one layer, got ${layers}`);
  const fields: Record<string, Param> = {};
  for (let l = 0; l < layers; l++)
    for (const suffix of bidirectional ? [`l${l}`, `l${l}_reverse`] : [`l${l}`]) {
      fields[`weight_ih_${suffix}`] = parameter(
        [4 * hidden, l === 0 ? features : hidden * (bidirectional ? 2 : 1)],
        init,
      );
      fields[`weight_hh_${suffix}`] = parameter([4 * hidden, hidden], init);
      if (!bias) continue;
      fields[`bias_ih_${suffix}`] = parameter([4 * hidden], biasInit);
      fields[`bias_hh_${suffix}`] = parameter([4 * hidden], biasInit);
    }
  const names = Object.keys(fields);
  const run = (x: Operand, { h = null, c = null, training }: RecurrentState = {}): LstmResult => {
    const weights = names.map((name) => born((self as unknown as Record<string, Param>)[name]!, x));
    return lstm(x, h, c, weights, {
      layers,
      bidirectional,
      bias,
      dropout,
      ...(training === undefined ? {} : { training }),
    });
  };
  const self = layer("LSTM", (x: Operand, state?: RecurrentState) => run(x, state).y, fields) as unknown as LSTM;
  Object.defineProperty(self, "run", { value: run });
  return self;
}
