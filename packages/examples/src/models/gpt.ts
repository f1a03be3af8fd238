// A small GPT, a transformer (Vaswani et al. 2017) in which each position sees itself and those before it (Radford et al.
// 2018), with the form and the initial values of nanoGPT: normalization before each part, no biases, all weights from N(0,
// 0.02²), and those before a sum divided by √(2 · layers).
import { add, gelu, reshape, type Tensor } from "@weft/tensor";
import { Attention, Chain, Dropout, Embedding, LayerNorm, Linear, crossEntropy, layer, normal } from "@weft/nn";

export interface GPTOptions {
  readonly layers: number;
  readonly heads: number;
  readonly features: number;
  /** How many tokens it reads at most. */
  readonly contextLength: number;
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

/** From tokens `[N, T]`, at most `contextLength` in a row, to the logits `[N, T, tokens]` of what comes after each of them. */
export function GPT(tokens: number, options: GPTOptions) {
  const { layers, features, contextLength, dropout } = options;
  const self = layer(
    "GPT",
    (x: Tensor) => {
      const positions = x.backend.arange(x.shape[1]!, { dtype: "i32" });
      const embedded = add(self.embed(x), self.positions(positions));
      return self.output(self.norm(self.blocks(self.drop(embedded))));
    },
    {
      embed: Embedding(tokens, features, { init }),
      positions: Embedding(contextLength, features, { init }),
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
  const logits = model(x);
  return crossEntropy(reshape(logits, [-1, logits.shape.at(-1)!]), reshape(y, [-1]));
}
