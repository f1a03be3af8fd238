// A small GPT, a transformer (Vaswani et al. 2017) in which each place sees only those before it (Radford et al. 2018),
// with the form and the initial values of nanoGPT: normalization before each part, no biases, all weights from N(0,
// 0.02²), and those before a sum divided by √(2 · layers).
import { ShapeError, add, gelu, readTensors, reshape, slice, type Tensor } from "@weft/tensor";
import { Attention, Chain, Dropout, Embedding, LayerNorm, Linear } from "@weft/nn";
import { crossEntropy, layer, normal, parameter } from "@weft/nn";

export interface GPTOptions {
  readonly layers: number;
  readonly heads: number;
  readonly features: number;
  /** How many tokens it reads at most. */
  readonly length: number;
  readonly dropout: number;
}

const init = normal({ std: 0.02 });

/** x + attention(norm(x)), then x + mlp(norm(x)): from `[N, T, features]` to the same shape. */
export function Block({ layers, heads, features, dropout }: GPTOptions) {
  const beforeSum = normal({ std: 0.02 / Math.sqrt(2 * layers) });
  const without = { bias: false, init } as const;
  const self = layer(
    "Block",
    (input: Tensor) => {
      const x = add(input, self.drop(self.attend(self.norm1(input), { causal: true })));
      return add(x, self.mlp(self.norm2(x)));
    },
    {
      norm1: LayerNorm(features, { bias: false }),
      attend: Attention({ features, heads, dropout, batchFirst: true, ...without, outInit: beforeSum }),
      drop: Dropout(dropout),
      norm2: LayerNorm(features, { bias: false }),
      mlp: Chain(
        Linear(features, 4 * features, without),
        gelu,
        Linear(4 * features, features, { bias: false, init: beforeSum }),
        Dropout(dropout),
      ),
    },
  );
  return self;
}

/** From tokens `[N, T]`, at most `length` in a row, to scores `[N, T, tokens]` of what comes after each of them. */
export function GPT(tokens: number, options: GPTOptions) {
  const { layers, features, length, dropout } = options;
  const self = layer(
    "GPT",
    (x: Tensor) => {
      const [embedded, place] = readTensors("GPT", [self.embed(x), self.place]);
      if (x.shape[1]! > length) throw new ShapeError(`GPT: wanted at most ${length} tokens, got ${x.shape[1]}`);
      return self.output(self.norm(self.blocks(self.drop(add(embedded, slice(place, { ends: [x.shape[1]!] }))))));
    },
    {
      embed: Embedding(tokens, features, { init }),
      place: parameter([length, features], init),
      drop: Dropout(dropout),
      blocks: Chain(...Array.from({ length: layers }, () => Block(options))),
      norm: LayerNorm(features, { bias: false }),
      output: Linear(features, tokens, { bias: false }),
    },
  );
  self.output.weight = self.embed.weight; // a token has one vector, read or written
  return self;
}

/** The mean of −log p over the tokens y `[N, T]` that come after each of x. */
export function gptLoss(model: (x: Tensor) => Tensor, x: Tensor, y: Tensor): Tensor {
  const scores = model(x);
  return crossEntropy(reshape(scores, [-1, scores.shape.at(-1)!]), reshape(y, [-1]));
}
