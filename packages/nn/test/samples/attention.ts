// Samples of attention, positions, dropout with a seed, and bags of words.
import { booleans, distinct, floats, integers, sample, values, type Collection } from "@weft/conformance";
import * as nn from "../../src/index.ts";

/** Queries, keys and values. */
const [q, k, v] = [floats(2, 3, 4), floats(2, 3, 4), floats(2, 3, 2)];
const dropping = { training: true, seed: 3 } as const;

export const attention: Collection<
  "attention" | "rotary" | "sinusoidal" | "dropout" | "alphaDropout" | "embeddingBag"
> = {
  family: "fused",
  samples: {
    attention: [
      sample("a batch", [q, k, v], (a, b, c) => nn.attention(a, b, c)),
      sample("causal, scaled, an offset", [q, k, v], (a, b, c) => nn.attention(a, b, c, { causal: true, offset: 1, scale: 0.3 })), // oxfmt-ignore
      sample("a mask of bool, and lengths", [q, k, v, booleans(3, 3)], (a, b, c, mask) => nn.attention(a, b, c, { mask, keyLengths: [3, 1] })), // oxfmt-ignore
      sample("a mask of floats", [q, k, v, floats(2, 1, 3)], (a, b, c, mask) => nn.attention(a, b, c, { mask })),
      sample("heads that share keys, dropout", [floats(1, 4, 2, 2), floats(1, 2, 3, 2), floats(1, 2, 3, 2)], (a, b, c) => nn.attention(a, b, c, { dropout: 0.5, ...dropping })), // oxfmt-ignore
      sample("anything behind the lengths", [floats(1, 2, 2), values([1, 2, NaN, Infinity], "f32", [1, 2, 2]), values([3, NaN], "f32", [1, 2, 1])], (a, b, c) => nn.attention(a, b, c, { keyLengths: [1] }), { differentiable: [0] }), // oxfmt-ignore
      sample("no queries", [floats(0, 4), floats(3, 4), floats(3, 2)], (a, b, c) => nn.attention(a, b, c)),
      sample("no key is seen", [q, k, v, values([0, 0, 0], "bool")], (a, b, c, mask) => nn.attention(a, b, c, { mask })), // oxfmt-ignore
    ],
    rotary: [
      sample("halves", [floats(3, 4)], (x) => nn.rotary(x, { base: 16, offset: 2 })),
      sample("neighbors, positions", [floats(2, 3, 4), integers(0, 9, 3)], (x, positions) => nn.rotary(x, { positions, interleaved: true })), // oxfmt-ignore
    ],
    sinusoidal: [sample("integers", [integers(0, 9, 3)], (x) => nn.sinusoidal(x, 4, { base: 16 }))],
    dropout: [
      sample("elements", [floats(3, 4)], (x) => nn.dropout(x, 0.4, dropping)),
      sample("channels", [floats(2, 3, 2)], (x) => nn.dropout(x, 0.4, { ...dropping, channels: true })),
      sample("not training, all of it, nothing", [floats(3)], (x) => [nn.dropout(x, 0.4, { training: false }), nn.dropout(x, 1, dropping), nn.dropout(x, 0, dropping)]), // oxfmt-ignore
    ],
    alphaDropout: [
      sample("elements", [floats(3, 4)], (x) => nn.alphaDropout(x, 0.4, dropping)),
      sample("channels", [floats(2, 3, 2)], (x) => nn.alphaDropout(x, 0.4, { ...dropping, channels: true })),
    ],
    embeddingBag: [
      sample("rows of a matrix", [integers(0, 4, 2, 3), floats(4, 2)], (i, w) => nn.embeddingBag(i, w)),
      sample("offsets, weights, padding", [integers(0, 4, 6), floats(4, 2), values([0, 2, 2, 5], "i32"), floats(6)], (i, w, offsets, weights) => nn.embeddingBag(i, w, { offsets, weights, mode: "sum", includeLastOffset: true, paddingIndex: 1 })), // oxfmt-ignore
      sample("maxima, an empty bag", [integers(0, 4, 5), distinct(4, 2), values([0, 3, 3], "i32")], (i, w, offsets) => nn.embeddingBag(i, w, { offsets, mode: "max" }), { views: false, order: 1 }), // oxfmt-ignore
    ],
  },
};
