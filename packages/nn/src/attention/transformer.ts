// The blocks that transformers are chains of: attention and a network of two layers, each added to what goes in and
// normalized. PyTorch's parameters.
import { add, gelu, readTensor, readTensors, relu, type Operand, type Tensor } from "@weft/tensor";
import {
  anything,
  boolean,
  callable,
  either,
  fraction,
  nonNegative,
  oneOf,
  positiveCount,
  readOptions,
  readValue,
  type OptionKinds,
} from "@weft/tensor/internals";
import { Dropout } from "../dropout.ts";
import { layer } from "../layer.ts";
import type { Lengths } from "../lengths.ts";
import { Linear } from "../linear.ts";
import { LayerNorm } from "../norm/layers.ts";
import { Attention, type AttentionCallOptions, callKinds } from "./layer.ts";

export interface TransformerOptions {
  readonly features: number;
  readonly heads: number;
  /** The number of units between the two layers of the network (2048). */
  readonly hidden?: number;
  /** The probability of a zero while training (0.1): in weights of attention, hidden units and what is added. */
  readonly dropout?: number;
  readonly activation?: "relu" | "gelu" | ((x: Tensor) => Tensor);
  /** Whether what goes into attention and the network is normalized, instead of what comes out of the sum (false). */
  readonly normFirst?: boolean;
  /** Added to the variance by the normalizations. */
  readonly eps?: number;
  /** Whether sequences are `[N, T, features]` instead of `[T, N, features]` (false). */
  readonly batchFirst?: boolean;
}

const activationOf = (given: "relu" | "gelu" | ((x: Tensor) => Tensor)): ((x: Tensor) => Tensor) =>
  given === "relu" ? relu : given === "gelu" ? gelu : given;

export const transformerKinds: OptionKinds<TransformerOptions> = {
  features: positiveCount,
  heads: positiveCount,
  hidden: positiveCount,
  dropout: fraction,
  activation: either(oneOf("relu", "gelu"), callable),
  normFirst: boolean,
  eps: nonNegative,
  batchFirst: boolean,
};

/** The options of a block, and its parts. */
function parts(kind: string, options: TransformerOptions) {
  const known = readOptions(kind, options, transformerKinds, {
    hidden: 2048,
    dropout: 0.1,
    activation: relu,
    normFirst: false,
    eps: 1e-5,
    batchFirst: false,
  });
  const { features, heads, hidden, dropout, activation, normFirst, eps, batchFirst } = known;
  readValue(kind, "features", features, positiveCount);
  readValue(kind, "heads", heads, positiveCount);
  return {
    attention: () => Attention({ features, heads, dropout, batchFirst }),
    norm: () => LayerNorm(features, { eps }),
    network: () => ({ linear1: Linear(features, hidden), linear2: Linear(hidden, features) }),
    dropout: Dropout(dropout),
    activation: activationOf(activation),
    /** x + f(x) with a normalization before f or after the sum. */
    residual: (x: Tensor, norm: (x: Tensor) => Tensor, f: (x: Tensor) => Tensor): Tensor =>
      normFirst ? add(x, f(norm(x))) : norm(add(x, f(x))),
  };
}

/** See the function `TransformerEncoderBlock`. */
export interface TransformerEncoderBlock {
  (x: Operand, options?: AttentionCallOptions): Tensor;
  self_attn: Attention;
  linear1: Linear;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout: Dropout;
}

/**
 * A block of a transformer's encoder: self-attention, then linear2(activation(linear1(x))), each with dropout, added to
 * its input and normalized. x is `[T, N, features]`. With `{ causal: true }` it is a block of a language model. Like
 * PyTorch's `TransformerEncoderLayer`, whose parameters it has.
 *
 * @example
 * const block = TransformerEncoderBlock({ features: 8, heads: 2, hidden: 16, batchFirst: true });
 * const y = block(tensor([[[1, 2, 3, 4, 5, 6, 7, 8]]]), { causal: true });
 */
export function TransformerEncoderBlock(options: TransformerOptions): TransformerEncoderBlock {
  const part = parts("TransformerEncoderBlock", options);
  const call = (input: Operand, callOptions?: AttentionCallOptions): Tensor => {
    const known = readOptions("TransformerEncoderBlock", callOptions, callKinds, {});
    const mode = { training: known.training };
    const x = readTensor(input, "TransformerEncoderBlock");
    const attended = part.residual(x, self.norm1, (y) => self.dropout(self.self_attn(y, known), mode));
    return part.residual(attended, self.norm2, (y) => network(self, part.activation, y, mode));
  };
  const self: TransformerEncoderBlock = layer("TransformerEncoderBlock", call, {
    self_attn: part.attention(),
    ...part.network(),
    norm1: part.norm(),
    norm2: part.norm(),
    dropout: part.dropout,
  });
  return self;
}

/** The network of a block, on each position by itself. */
function network(
  { linear1, linear2, dropout }: Pick<TransformerEncoderBlock, "linear1" | "linear2" | "dropout">,
  activation: (x: Tensor) => Tensor,
  x: Tensor,
  mode: { readonly training: boolean | undefined },
): Tensor {
  return dropout(linear2(dropout(activation(linear1(x)), mode)), mode);
}

export interface DecoderCallOptions extends AttentionCallOptions {
  /** Which positions of the memory are seen, as `mask`. */
  readonly memoryMask?: Operand | undefined;
  /** How many positions each sequence of the memory has, as `keyLengths`. */
  readonly memoryLengths?: Lengths | undefined;
}

export const decoderKinds: OptionKinds<DecoderCallOptions> = {
  ...callKinds,
  memoryMask: anything,
  memoryLengths: anything,
};

/** See the function `TransformerDecoderBlock`. */
export interface TransformerDecoderBlock {
  /** The memory is what the encoder gave. */
  (x: Operand, memory: Operand, options?: DecoderCallOptions): Tensor;
  self_attn: Attention;
  multihead_attn: Attention;
  linear1: Linear;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout: Dropout;
}

/**
 * A block of a transformer's decoder: self-attention, attention to the memory, then linear2(activation(linear1(x))),
 * each with dropout, added to its input and normalized. x is `[T, N, features]`, the memory `[S, N, features]`. Pass
 * `{ causal: true }` for training. Like PyTorch's `TransformerDecoderLayer`, whose parameters it has.
 *
 * @example
 * const block = TransformerDecoderBlock({ features: 8, heads: 2, hidden: 16, batchFirst: true });
 * const memory = tensor([[[1, 2, 3, 4, 5, 6, 7, 8]]]);
 * const y = block(memory, memory, { causal: true });
 */
export function TransformerDecoderBlock(options: TransformerOptions): TransformerDecoderBlock {
  const part = parts("TransformerDecoderBlock", options);
  const call = (input: Operand, given: Operand, callOptions?: DecoderCallOptions): Tensor => {
    const known = readOptions("TransformerDecoderBlock", callOptions, decoderKinds, {});
    const { memoryMask, memoryLengths, training, ...own } = known;
    const mode = { training };
    const [x, memory] = readTensors("TransformerDecoderBlock", [input, given]);
    const toMemory = { mask: memoryMask, keyLengths: memoryLengths, training };
    const first = part.residual(x, self.norm1, (y) => self.dropout(self.self_attn(y, { ...own, training }), mode));
    const second = part.residual(first, self.norm2, (y) =>
      self.dropout(self.multihead_attn(y, memory, memory, toMemory), mode),
    );
    return part.residual(second, self.norm3, (y) => network(self, part.activation, y, mode));
  };
  const self: TransformerDecoderBlock = layer("TransformerDecoderBlock", call, {
    self_attn: part.attention(),
    multihead_attn: part.attention(),
    ...part.network(),
    norm1: part.norm(),
    norm2: part.norm(),
    norm3: part.norm(),
    dropout: part.dropout,
  });
  return self;
}
