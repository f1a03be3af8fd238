// Samples of the recurrent functions: layers, directions, layouts and structures. Dropout with probability 1 leaves
// zeros, which are the same everywhere; its distribution has tests of its own.
import { between, floats, integers, sample, values, type Collection, type Input, type Sample } from "@weft/conformance";
import type { Tensor } from "@weft/tensor";
import * as nn from "../../src/index.ts";

const [T, B, I, H] = [3, 2, 3, 2];
const weight = (...shape: number[]): Input => between(-1, 1, ...shape);

/** The weights of one layer in one direction. */
const weights = (parts: number, features = I, outputs = H): Input[] => [
  weight(parts * H, features),
  weight(parts * H, outputs),
  weight(parts * H),
  weight(parts * H),
];
const x = floats(T, B, I);
const h = floats(1, B, H);
/** Values and first gradients only: many operations. */
const long = { order: 1 } as const;
const all = (result: nn.RnnResult | nn.LstmResult): Tensor[] => Object.values(result);

/** y and the last states of a network, from zeros. */
type Run = (x: Tensor, weights: readonly Tensor[], options?: nn.GruOptions) => Tensor[];

/** What all networks do in the same way; an LSTM also normalizes c. */
const inAllForms = (parts: number, cells: boolean, run: Run): Sample[] => {
  const one = weights(parts);
  const norms = [weight(parts * H), weight(parts * H), ...(cells ? [weight(H)] : [])];
  const above = weights(parts, 2 * H);
  return [
    sample("two layers in both directions, batch first", [floats(B, T, I), ...one, ...one, ...above, ...above], (a, ...w) => run(a, w, { layers: 2, bidirectional: true, batchFirst: true }), long), // oxfmt-ignore
    sample("lengths", [x, integers(0, T + 1, B), ...one], (a, lengths, ...w) => run(a, w, { lengths }), long),
    sample("one bias", [x, ...one.slice(0, 3)], (a, ...w) => run(a, w, { recurrentBias: false }), long),
    sample("a mask", [x, values([1, 0, 0, 1, 1, 1], "bool", [T, B]), ...one], (a, mask, ...w) => run(a, w, { mask }), long), // oxfmt-ignore
    sample("packed rows", [floats(4, I), ...one], (a, ...w) => run(a, w, { batchSizes: [2, 1, 1] }), long),
    sample("dropout of everything", [x, ...one, ...weights(parts, H)], (a, ...w) => run(a, w, { layers: 2, dropout: 1, inputDropout: 1, recurrentDropout: 1, variational: true, training: true }), long), // oxfmt-ignore
    // Normalization is ill-conditioned where features are nearly equal, as on some views.
    sample("no input weight, no biases, layer normalization", [floats(2, B, H), weight(parts * H, H), ...norms], (a, ...w) => run(a, w, { skipInput: true, bias: false, layerNorm: true }), { ...long, views: false }), // oxfmt-ignore
  ];
};

export const recurrent: Collection<"rnn" | "gru" | "lstm"> = {
  family: "fused",
  samples: {
    rnn: [
      sample("tanh, from a state", [x, h, ...weights(1)], (a, b, ...w) => all(nn.rnn(a, b, w))),
      sample("relu", [x, ...weights(1)], (a, ...w) => all(nn.rnn(a, null, w, { activation: "relu" })), { order: 0 }),
      ...inAllForms(1, false, (a, w, options) => all(nn.rnn(a, null, w, options))),
      sample("special values", [values([NaN, 0, Infinity, -Infinity], "f32", [2, 2, 1]), ...weights(1, 1)], (a, ...w) => all(nn.rnn(a, null, w)), { differentiable: [], views: false }), // oxfmt-ignore
    ],
    gru: [
      sample("from a state", [x, h, ...weights(3)], (a, b, ...w) => all(nn.gru(a, b, w))),
      ...inAllForms(3, false, (a, w, options) => all(nn.gru(a, null, w, options))),
    ],
    lstm: [
      sample("from states", [x, h, h, ...weights(4)], (a, b, c, ...w) => all(nn.lstm(a, b, c, w))),
      ...inAllForms(4, true, (a, w, options) => all(nn.lstm(a, null, null, w, options))),
      sample("one sequence, a projection, peepholes", [floats(2, I), ...weights(4, I, 1), weight(1, H), weight(3 * H)], (a, ...w) => all(nn.lstm(a, null, null, w, { projection: true, peepholes: true })), long), // oxfmt-ignore
      sample("layer normalization", [floats(2, B, I), ...weights(4), weight(4 * H), weight(4 * H), weight(H), weight(H)], (a, ...w) => all(nn.lstm(a, null, null, w, { layerNorm: true })), { ...long, views: false }), // oxfmt-ignore
    ],
  },
};
