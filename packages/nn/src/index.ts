// Layers, losses, initializers and model state.
export { Chain, type Link } from "./chain.ts";
export { AvgPool, Conv, MaxPool, type ConvLayerOptions, type PoolLayerOptions } from "./conv.ts";
export { seed, type Draws } from "./host-random.ts";
export { StateError, training } from "@weft/autograd";
export { dropout, type DropoutOptions } from "./dropout.ts";
export { embeddingBag, type EmbeddingBagOptions } from "./embedding-bag.ts";
export { FileError } from "./file-error.ts";
export { constant, fanInUniform, gaussian, heNormal, heUniform, lecunUniform, normal, ones } from "./initializers.ts";
export { uniform, xavier, xavierNormal, xavierUniform, zeros, type Initializer } from "./initializers.ts";
export { bilinear, orthogonal } from "./structured-initializers.ts";
export { lecunNormal, truncatedNormal, type TruncatedNormalOptions } from "./truncated-normal.ts";
export { bmm, conv4, deconv4, logistic, logp, mat, pool, sigm, unpool } from "./knet.ts";
export type { Conv4Options, Pool4Options } from "./knet.ts";
export { layer } from "./layer.ts";
export { Embedding, Linear, type WeightOptions } from "./linear.ts";
export { ctc, type CtcOptions } from "./losses/ctc.ts";
export { cosineEmbedding, tripletMargin, type TripletOptions } from "./losses/distances.ts";
export { gaussianNll, klDiv, poissonNll } from "./losses/distributions.ts";
export type { GaussianOptions, KlDivOptions, PoissonOptions } from "./losses/distributions.ts";
export { bce, bceWithLogits, focal, huber, mae, mse, smoothL1 } from "./losses/elementwise.ts";
export type { BinaryOptions, FocalOptions, LogitsOptions } from "./losses/elementwise.ts";
export { accuracy, crossEntropy, nll } from "./losses/labels.ts";
export type { CrossEntropyOptions, LabelOptions, NllOptions } from "./losses/labels.ts";
export { hingeEmbedding, marginRanking, multiLabelMargin, multiLabelSoftMargin } from "./losses/margins.ts";
export { multiMargin, softMargin, type MarginOptions, type MultiMarginOptions } from "./losses/margins.ts";
export type { Data, DataOptions, Model, Totals } from "./losses/over-data.ts";
export type { LossOptions, Reduction } from "./losses/reduction.ts";
export { batchNorm, layerNorm, rmsNorm, type BatchNormOptions, type LayerNormOptions } from "./norm.ts";
export { parameter, running } from "./parameter.ts";
export { load, readMetadata, save } from "./no-files.ts";
export { place } from "./place.ts";
export { GRUCell, LSTMCell, RNNCell } from "./recurrent/cells.ts";
export type { CellOptions, GRUCellOptions, LSTMCellOptions, LSTMStep, RNNCellOptions } from "./recurrent/cells.ts";
export { gru, lstm, rnn } from "./recurrent/functions.ts";
export type { GruOptions, GruResult, LstmOptions, LstmResult, RnnOptions, RnnResult } from "./recurrent/functions.ts";
export { fromKnetWeights, rnnparam, rnnparams, toKnetWeights } from "./recurrent/knet-weights.ts";
export { GRU, LSTM, RNN } from "./recurrent/layers.ts";
export type { GRUOptions, HiddenState, LSTMOptions, RecurrentLayer, RecurrentState } from "./recurrent/layers.ts";
export type { RecurrentLayerOptions, RNNOptions, RNNType } from "./recurrent/layers.ts";
export type { LayoutOptions } from "./recurrent/layout.ts";
export { packPaddedSequence, packSequence, padPackedSequence, padSequence } from "./recurrent/packed.ts";
export { unpackSequence, unpadSequence } from "./recurrent/packed.ts";
export type { PackedSequence, PackOptions, PadOptions } from "./recurrent/packed.ts";
export { perGate } from "./recurrent/parameters.ts";
export type { RecurrentOptions } from "./recurrent/recurrence.ts";
export {
  BatchNorm,
  Dropout,
  LayerNorm,
  type BatchNormLayerOptions,
  type LayerNormLayerOptions,
} from "./norm-layers.ts";
export { FormatError } from "./format-error.ts";
export type { Metadata } from "./metadata.ts";
export { readSafetensors, writeSafetensors } from "./safetensors.ts";
export type { Stored, StoredTensor, StoredType } from "./safetensors.ts";
export { fromBytes, toBytes, type ReadOptions } from "./state.ts";
export { cosineSimilarity, normalize, pairwiseDistance } from "./similarity.ts";
export type { DistanceOptions, NormalizeOptions, SimilarityOptions } from "./similarity.ts";
export { summary } from "./summary.ts";
export { params } from "./tree.ts";
