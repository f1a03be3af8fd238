// The encoder and the decoder of a transformer: blocks one after another, each called with the same options. PyTorch's
// parameters.
import { readTensor, readTensors, type Operand, type Tensor } from "@weft/tensor";
import { callable, positiveCount, readOptions, readValue, type OptionKinds } from "@weft/tensor/internals";
import { layer } from "../layer.ts";
import { callKinds, type AttentionCallOptions } from "./layer.ts";
import {
  decoderKinds,
  TransformerDecoderBlock,
  TransformerEncoderBlock,
  transformerKinds,
  type DecoderCallOptions,
  type TransformerOptions,
} from "./transformer.ts";

export interface TransformerStackOptions extends TransformerOptions {
  /** The number of blocks. */
  readonly layers: number;
  /** A layer for the last block's result: with `normFirst`, mostly `LayerNorm(features)`. None by default. */
  readonly norm?: (x: Tensor) => Tensor;
}

const stackKinds: OptionKinds<TransformerStackOptions> = { ...transformerKinds, layers: positiveCount, norm: callable };

/** The fields of a stack: blocks of a kind, and what follows them. */
function stacked<Block>(kind: string, options: TransformerStackOptions, block: (options: TransformerOptions) => Block) {
  const known = readOptions(kind, options, stackKinds, {});
  for (const name of ["features", "heads", "layers"] as const) readValue(kind, name, known[name], positiveCount);
  const { layers, norm, ...each } = known;
  return { layers: Array.from({ length: layers }, () => block(each)), norm: norm ?? null };
}

/** See the function `TransformerEncoder`. */
export interface TransformerEncoder {
  (x: Operand, options?: AttentionCallOptions): Tensor;
  layers: TransformerEncoderBlock[];
  norm: ((x: Tensor) => Tensor) | null;
}

/**
 * The encoder of a transformer: blocks (see `TransformerEncoderBlock`, whose options it takes) in a row, each called with
 * the same options. x is `[T, N, features]`. With `{ causal: true }` it is the body of a language model. Steps behind
 * `keyLengths` do not change what others give; what it gives there is of no use. Like PyTorch's
 * `TransformerEncoder`, whose parameters it has; but each block begins with weights of its own.
 *
 * @example
 * const encoder = TransformerEncoder({ features: 8, heads: 2, hidden: 16, layers: 2, batchFirst: true });
 * const y = encoder(tensor([[[1, 2, 3, 4, 5, 6, 7, 8]]]), { keyLengths: [1] });
 */
export function TransformerEncoder(options: TransformerStackOptions): TransformerEncoder {
  const call = (input: Operand, callOptions?: AttentionCallOptions): Tensor => {
    const known = readOptions("TransformerEncoder", callOptions, callKinds, {});
    const x = readTensor(input, "TransformerEncoder");
    const y = self.layers.reduce((z, block) => block(z, known), x);
    return self.norm === null ? y : self.norm(y);
  };
  const self: TransformerEncoder = layer(
    "TransformerEncoder",
    call,
    stacked("TransformerEncoder", options, TransformerEncoderBlock),
  );
  return self;
}

/** See the function `TransformerDecoder`. */
export interface TransformerDecoder {
  /** The memory is what the encoder gave. */
  (x: Operand, memory: Operand, options?: DecoderCallOptions): Tensor;
  layers: TransformerDecoderBlock[];
  norm: ((x: Tensor) => Tensor) | null;
}

/**
 * The decoder of a transformer: blocks (see `TransformerDecoderBlock`, whose options it takes) in a row, each called with
 * the same memory and options. x is `[T, N, features]`, the memory `[S, N, features]`. Pass `{ causal: true }` for
 * training. Like PyTorch's `TransformerDecoder`, whose parameters it has; but each block begins with weights of its own.
 *
 * @example
 * const decoder = TransformerDecoder({ features: 8, heads: 2, hidden: 16, layers: 2, norm: LayerNorm(8) });
 * const memory = tensor([[[1, 2, 3, 4, 5, 6, 7, 8]]]);
 * const y = decoder(memory, memory, { causal: true });
 */
export function TransformerDecoder(options: TransformerStackOptions): TransformerDecoder {
  const call = (input: Operand, given: Operand, callOptions?: DecoderCallOptions): Tensor => {
    const known = readOptions("TransformerDecoder", callOptions, decoderKinds, {});
    const [x, memory] = readTensors("TransformerDecoder", [input, given]);
    const y = self.layers.reduce((z, block) => block(z, memory, known), x);
    return self.norm === null ? y : self.norm(y);
  };
  const self: TransformerDecoder = layer(
    "TransformerDecoder",
    call,
    stacked("TransformerDecoder", options, TransformerDecoderBlock),
  );
  return self;
}
