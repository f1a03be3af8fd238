// Maps the names in the golden vectors to functions of this package: a table for the conformance runner.
import { byName, type GoldenCall, type GoldenFunctions } from "@weft/conformance";
import * as nn from "../src/index.ts";

/** A plain recurrent network. */
const plain =
  (activation: "relu" | "tanh"): GoldenCall =>
  ([x, h, ...weights], { numLayers, bidirectional, lengths }) => {
    const result = nn.rnn(x!, h!, weights, { layers: numLayers, bidirectional, lengths, activation });
    return [result.y, result.h];
  };

export const goldenFunctions: GoldenFunctions = {
  ...byName(nn, {
    ctc: ["inputLengths", "labelLengths"],
    dropout: ["p"],
    localResponseNorm: ["size"],
    sinusoidal: ["features"],
  }),
  bceWithLogits: ([x], { target, ...options }) => nn.bceWithLogits(x!, target, options),
  groupNorm: ([x, weight, bias], { groups, ...attrs }) => nn.groupNorm(x!, groups, weight, bias, attrs),
  instanceNorm: ([x, weight, bias], attrs) => nn.instanceNorm(x!, weight, bias, attrs),
  lstm: ([x, h, c, ...weights], { numLayers, bidirectional, lengths, projection }) => {
    const result = nn.lstm(x!, h!, c!, weights, { layers: numLayers, bidirectional, lengths, projection });
    return [result.y, result.h, result.c];
  },
  gru: ([x, h, ...weights], { numLayers, bidirectional, lengths }) => {
    const result = nn.gru(x!, h!, weights, { layers: numLayers, bidirectional, lengths });
    return [result.y, result.h];
  },
  rnnTanh: plain("tanh"),
  rnnRelu: plain("relu"),
};

/** The files with functions of this package. */
export const goldenFiles = ["loss", "loss-more", "norm", "norm-more", "recurrent", "functions/nn"];
