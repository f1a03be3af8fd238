// Maps the names in the golden vectors to functions of this package: a table for the conformance runner.
import type { GoldenCall, GoldenFunctions } from "@weft/conformance";
import * as nn from "../src/index.ts";
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
  attention: ([q, k, v], attrs) => nn.attention(q!, k!, v!, attrs),
  bce: ([x, y], attrs) => nn.bce(x!, y!, attrs),
  cosineEmbedding: ([a, b, y], attrs) => nn.cosineEmbedding(a!, b!, y!, attrs),
  cosineSimilarity: ([a, b], attrs) => nn.cosineSimilarity(a!, b!, attrs),
  ctc: ([x, labels], { inputLengths, labelLengths, ...attrs }) =>
    nn.ctc(x!, labels!, inputLengths, labelLengths, attrs),
  gaussianNll: ([x, y, v], attrs) => nn.gaussianNll(x!, y!, v!, attrs),
  groupNorm: ([x, weight, bias], { groups, ...attrs }) => nn.groupNorm(x!, groups, weight, bias, attrs),
  hingeEmbedding: ([x, y], attrs) => nn.hingeEmbedding(x!, y!, attrs),
  instanceNorm: ([x, weight, bias], attrs) => nn.instanceNorm(x!, weight, bias, attrs),
  klDiv: ([x, y], attrs) => nn.klDiv(x!, y!, attrs),
  localResponseNorm: ([x], { size, ...attrs }) => nn.localResponseNorm(x!, size, attrs),
  mae: ([x, y], attrs) => nn.mae(x!, y!, attrs),
  marginRanking: ([x, y, t], attrs) => nn.marginRanking(x!, y!, t!, attrs),
  multiLabelMargin: ([x, labels], attrs) => nn.multiLabelMargin(x!, labels!, attrs),
  multiLabelSoftMargin: ([x, y], attrs) => nn.multiLabelSoftMargin(x!, y!, attrs),
  multiMargin: ([x, labels], attrs) => nn.multiMargin(x!, labels!, attrs),
  nll: ([x, labels], attrs) => nn.nll(x!, labels!, attrs),
  normalize: ([x], attrs) => nn.normalize(x!, attrs),
  pairwiseDistance: ([a, b], attrs) => nn.pairwiseDistance(a!, b!, attrs),
  poissonNll: ([x, y], attrs) => nn.poissonNll(x!, y!, attrs),
  smoothL1: ([x, y], attrs) => nn.smoothL1(x!, y!, attrs),
  softMargin: ([x, y], attrs) => nn.softMargin(x!, y!, attrs),
  tripletMargin: ([a, b, c], attrs) => nn.tripletMargin(a!, b!, c!, attrs),
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
