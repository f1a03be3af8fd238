// Maps the names in the golden vectors to functions of this package: a table for the conformance runner.
import type { GoldenCall, GoldenFunctions } from "@weft/conformance";
import {
  batchNorm,
  bceWithLogits,
  crossEntropy,
  dropout,
  gru,
  huber,
  layerNorm,
  lstm,
  mse,
  rnn,
} from "../src/index.ts";

/** A plain recurrent network. */
const plain =
  (activation: "relu" | "tanh"): GoldenCall =>
  ([x, h, ...weights], { numLayers, bidirectional, lengths }) => {
    const result = rnn(x!, h!, weights, { layers: numLayers, bidirectional, lengths, activation });
    return [result.y, result.h];
  };

export const goldenFunctions: GoldenFunctions = {
  crossEntropy: ([logits, labels], attrs) => crossEntropy(logits!, labels!, attrs),
  bceWithLogits: ([x], { target, ...options }) => bceWithLogits(x!, target, options),
  mse: ([x, y], attrs) => mse(x!, y!, attrs),
  huber: ([x, y], attrs) => huber(x!, y!, attrs),
  batchNorm: ([x, weight, bias], attrs) => batchNorm(x!, weight!, bias!, attrs),
  layerNorm: ([x, weight, bias], attrs) => layerNorm(x!, weight!, bias!, attrs),
  dropout: ([x], { p, ...options }) => dropout(x!, p, options),
  lstm: ([x, h, c, ...weights], { numLayers, bidirectional, lengths, projection }) => {
    const result = lstm(x!, h!, c!, weights, { layers: numLayers, bidirectional, lengths, projection });
    return [result.y, result.h, result.c];
  },
  gru: ([x, h, ...weights], { numLayers, bidirectional, lengths }) => {
    const result = gru(x!, h!, weights, { layers: numLayers, bidirectional, lengths });
    return [result.y, result.h];
  },
  rnnTanh: plain("tanh"),
  rnnRelu: plain("relu"),
};

/** Not implemented yet. */
export const later = ["attention"];
