// Samples of the layers, with each option: a layer is built anew at each call, with the same values. Dropout with
// probability 1 leaves zeros, which are the same everywhere.
import { nothing } from "@weft/autograd/internals";
import { distinct, floats, integers, sample, type Collection, type Input, type Sample } from "@weft/conformance";
import type { Tensor } from "@weft/tensor";
import * as nn from "../../src/index.ts";
import { boxes } from "../../src/tree.ts";

/** What a layer gives, which is built for this call and then has no values any more. */
const built =
  <Layer>(build: () => Layer, call: (layer: Layer, ...xs: Tensor[]) => Tensor | readonly Tensor[]): Sample["call"] =>
  (...xs) => {
    nn.seed(7);
    const layer = build();
    const y = call(layer, ...xs);
    for (const { box } of boxes(layer))
      for (const own of [box, ...[...box.belongings].flatMap((kept) => Object.values(kept))]) own.reset(nothing(own));
    return y;
  };

type OfOne = (x: Tensor) => Tensor;
/** A layer that takes one tensor. Values and first gradients: what it calls has samples of its own. */
const of = (name: string, x: Input, build: () => OfOne, more: Parameters<typeof sample>[3] = {}): Sample =>
  sample(name, [x], built(build, (layer, a) => layer(a)), { order: 1, ...more }); // oxfmt-ignore

const [init, biasInit] = [nn.uniform(-0.5, 0.5), nn.constant(0.25)];
const images = floats(2, 2, 5, 4);
const steps = floats(3, 2, 3);
const training = { training: true } as const;

const simple: Collection<
  | ("Linear" | "Embedding" | "Conv" | "ConvTranspose" | "MaxPool" | "AvgPool" | "Upsample" | "Dropout")
  | ("AlphaDropout" | "BatchNorm" | "InstanceNorm" | "GroupNorm" | "LayerNorm" | "RMSNorm")
> = {
  family: "fused",
  samples: {
    Linear: [
      of("values", floats(3, 4), () => nn.Linear(4, 2, { init, biasInit })),
      of("no bias", floats(4), () => nn.Linear(4, 2, { bias: false })),
    ],
    Embedding: [
      of("values", integers(0, 5, 3), () => nn.Embedding(5, 2, { init })),
      of("padding", integers(0, 3, 4), () => nn.Embedding(3, 2, { init, paddingIndex: 1 })),
    ],
    Conv: [
      of("circular, in groups", images, () => nn.Conv({ in: 2, out: 4, kernel: 3, stride: 2, padding: 2, paddingMode: "circular", dilation: 2, groups: 2, bias: false, init })), // oxfmt-ignore
      of("a bias", images, () => nn.Conv({ in: 2, out: 1, kernel: [3, 1], biasInit })),
    ],
    ConvTranspose: [
      of("in groups", images, () => nn.ConvTranspose({ in: 2, out: 4, kernel: 3, stride: 2, padding: 1, outputPadding: 1, dilation: 2, groups: 2, bias: false, init })), // oxfmt-ignore
      of("a bias", images, () => nn.ConvTranspose({ in: 2, out: 1, kernel: [3, 1], biasInit })),
    ],
    MaxPool: [
      of("options", distinct(1, 2, 7, 6), () => nn.MaxPool({ window: 2, stride: 3, padding: 1, ceilMode: true, dilation: 2 })), // oxfmt-ignore
    ],
    AvgPool: [
      of("options", images, () => nn.AvgPool({ window: 2, stride: 2, padding: 1, ceilMode: true, countIncludePad: false })), // oxfmt-ignore
      of("a divisor", images, () => nn.AvgPool({ window: 2, divisor: 3 })),
    ],
    Upsample: [
      of("to a size", images, () => nn.Upsample({ size: [7, 3], mode: "bilinear", alignCorners: true })),
      of("by a factor", images, () => nn.Upsample({ scaleFactor: 2 })),
    ],
    Dropout: [sample("all of it", [images], built(() => nn.Dropout(1, { channels: true }), (layer, x) => layer(x, training)))], // oxfmt-ignore
    AlphaDropout: [sample("all of it", [images], built(() => nn.AlphaDropout(1, { channels: true }), (layer, x) => layer(x, training)))], // oxfmt-ignore
    BatchNorm: [
      // Running moments are not differentiated.
      sample("training", [images], built(() => nn.BatchNorm(2, { eps: 0.1, momentum: 0.5 }), (layer, x) => [layer(x, training), layer(x)]), { order: 0 }), // oxfmt-ignore
      of("without weights", images, () => nn.BatchNorm(2, { affine: false })),
    ],
    InstanceNorm: [
      sample("training", [images], built(() => nn.InstanceNorm(2, { eps: 0.1, momentum: 0.5, affine: true, track: true }), (layer, x) => [layer(x, training), layer(x)]), { order: 0 }), // oxfmt-ignore
    ],
    GroupNorm: [of("groups", floats(2, 4, 3), () => nn.GroupNorm(2, 4, { eps: 0.1, affine: false }))],
    LayerNorm: [
      of("two axes", floats(2, 3, 2), () => nn.LayerNorm([3, 2], { eps: 0.1, affine: false })),
      of("without a bias", floats(2, 3), () => nn.LayerNorm(3, { bias: false })),
    ],
    RMSNorm: [of("rows", floats(3, 4), () => nn.RMSNorm(4, { eps: 0.1, affine: false }))],
  },
};

const dropped = { dropout: 1, inputDropout: 1, recurrentDropout: 1, variational: true } as const;
const structure = { layers: 2, bidirectional: true, batchFirst: true } as const;

const recurrent: Collection<"LSTM" | "GRU" | "RNN" | "LSTMCell" | "GRUCell" | "RNNCell"> = {
  family: "fused",
  samples: {
    LSTM: [
      of("one bias", steps, () => nn.LSTM({ in: 3, hidden: 2, ...structure, recurrentBias: false })),
      of("two layers in both directions", steps, () => nn.LSTM({ in: 3, hidden: 2, ...structure, init, biasInit })),
      of("a projection, peepholes", steps, () => nn.LSTM({ in: 3, hidden: 2, projection: 1, peepholes: true, forgetBias: 2 })), // oxfmt-ignore
      of("normalized", steps, () => nn.LSTM({ in: 3, hidden: 3, skipInput: true, layerNorm: true, bias: false }), { views: false }), // oxfmt-ignore
      sample("dropout of everything", [steps], built(() => nn.LSTM({ in: 3, hidden: 2, layers: 2, ...dropped }), (layer, x) => layer(x, training)), { order: 1 }), // oxfmt-ignore
      sample("state that is kept", [steps], built(() => nn.LSTM({ in: 3, hidden: 2, stateful: true }), kept), { order: 1 }), // oxfmt-ignore
    ],
    GRU: [
      of("one bias", steps, () => nn.GRU({ in: 3, hidden: 2, ...structure, recurrentBias: false })),
      of("two layers in both directions", steps, () => nn.GRU({ in: 3, hidden: 2, ...structure, init, biasInit })),
      of("normalized", steps, () => nn.GRU({ in: 3, hidden: 3, skipInput: true, layerNorm: true, bias: false }), { views: false }), // oxfmt-ignore
      sample("dropout of everything", [steps], built(() => nn.GRU({ in: 3, hidden: 2, layers: 2, ...dropped }), (layer, x) => layer(x, training)), { order: 1 }), // oxfmt-ignore
      sample("state that is kept", [steps], built(() => nn.GRU({ in: 3, hidden: 2, stateful: true }), kept), { order: 1 }), // oxfmt-ignore
    ],
    RNN: [
      of("one bias", steps, () => nn.RNN({ type: "tanh", in: 3, hidden: 2, ...structure, recurrentBias: false })),
      of("relu, in both directions", steps, () => nn.RNN({ type: "relu", in: 3, hidden: 2, ...structure, init, biasInit })), // oxfmt-ignore
      of("lstm", steps, () => nn.RNN({ type: "lstm", in: 3, hidden: 2, projection: 1, peepholes: true, forgetBias: 2 })), // oxfmt-ignore
      of("tanh, normalized", steps, () => nn.RNN({ type: "tanh", in: 3, hidden: 3, skipInput: true, layerNorm: true, bias: false }), { views: false }), // oxfmt-ignore
      sample("dropout of everything", [steps], built(() => nn.RNN({ type: "gru", in: 3, hidden: 2, layers: 2, ...dropped }), (layer, x) => layer(x, training)), { order: 1 }), // oxfmt-ignore
      sample("state that is kept", [steps], built(() => nn.RNN({ type: "tanh", in: 3, hidden: 2, stateful: true }), kept), { order: 1 }), // oxfmt-ignore
    ],
    LSTMCell: [
      of("one bias", floats(2, 3), () => stepping(nn.LSTMCell({ in: 3, hidden: 2, recurrentBias: false }))),
      of("values", floats(2, 3), () => stepping(nn.LSTMCell({ in: 3, hidden: 2, init, biasInit, forgetBias: 1 }))),
      of("normalized", floats(2, 3), () => stepping(nn.LSTMCell({ in: 3, hidden: 2, layerNorm: true, bias: false })), { views: false }), // oxfmt-ignore
    ],
    GRUCell: [
      of("one bias", floats(2, 3), () => nn.GRUCell({ in: 3, hidden: 2, recurrentBias: false })),
      of("values", floats(2, 3), () => nn.GRUCell({ in: 3, hidden: 2, init, biasInit })),
      of("normalized", floats(2, 3), () => nn.GRUCell({ in: 3, hidden: 2, layerNorm: true, bias: false }), { views: false }), // oxfmt-ignore
    ],
    RNNCell: [
      of("one bias", floats(2, 3), () => nn.RNNCell({ in: 3, hidden: 2, recurrentBias: false })),
      of("values", floats(2, 3), () => nn.RNNCell({ in: 3, hidden: 2, init, biasInit, activation: "relu" }), { order: 0 }), // oxfmt-ignore
      of("normalized", floats(2, 3), () => nn.RNNCell({ in: 3, hidden: 2, layerNorm: true, bias: false }), { views: false }), // oxfmt-ignore
    ],
  },
};

/** Two calls, of which the second goes on where the first one ended. */
function kept(layer: nn.GRU | nn.LSTM, x: Tensor): readonly Tensor[] {
  const ys = [layer(x), layer(x)];
  layer.reset();
  return ys;
}

/** Two steps of a cell, as a layer with its parameters. */
const stepping = (cell: nn.LSTMCell): OfOne => Object.assign((x: Tensor) => cell(x, cell(x)).h, { cell });

const small = { features: 4, heads: 2, hidden: 3 } as const;
const memory = floats(2, 2, 4);

const transformers: Collection<
  ("Attention" | "TransformerEncoderBlock" | "TransformerDecoderBlock") | ("TransformerEncoder" | "TransformerDecoder")
> = {
  family: "fused",
  samples: {
    Attention: [
      of("to itself, batch first", floats(2, 3, 4), () => nn.Attention({ features: 4, heads: 2, batchFirst: true, bias: false, init: nn.uniform(0.5), outInit: nn.ones() })), // oxfmt-ignore
      sample("other features, dropout", [floats(2, 1, 4), floats(3, 1, 3), floats(3, 1, 2)], built(() => nn.Attention({ features: 4, heads: 2, keyFeatures: 3, valueFeatures: 2, dropout: 1 }), (layer, a, b, c) => layer(a, b, c, training)), { order: 1 }), // oxfmt-ignore
    ],
    TransformerEncoderBlock: [
      of("norms first", memory, () => nn.TransformerEncoderBlock({ ...small, dropout: 1, activation: "gelu", normFirst: true, eps: 0.1, batchFirst: true })), // oxfmt-ignore
    ],
    TransformerDecoderBlock: [
      sample("norms first", [memory, memory], built(() => nn.TransformerDecoderBlock({ ...small, dropout: 0, activation: "gelu", normFirst: true, eps: 0.1, batchFirst: true }), (layer, a, b) => layer(a, b, { causal: true })), { order: 1 }), // oxfmt-ignore
    ],
    TransformerEncoder: [
      of("two blocks", memory, () => nn.TransformerEncoder({ ...small, layers: 2, norm: nn.LayerNorm(4), dropout: 0, activation: "gelu", normFirst: true, eps: 0.1, batchFirst: true })), // oxfmt-ignore
    ],
    TransformerDecoder: [
      sample("two blocks", [memory, memory], built(() => nn.TransformerDecoder({ ...small, layers: 2, norm: nn.LayerNorm(4), dropout: 0, activation: "gelu", normFirst: true, eps: 0.1, batchFirst: true }), (layer, a, b) => layer(a, b)), { order: 1 }), // oxfmt-ignore
    ],
  },
};

export const layers: readonly Collection[] = [simple, recurrent, transformers];
