// Layers whose formula is one matrix product or one lookup.
import { stopGradient, type Param } from "@weft/autograd";
import {
  add,
  ArgumentError,
  equal,
  readTensor,
  readTensors,
  reshape,
  ShapeError,
  take,
  unsqueeze,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  applyOwn,
  callable,
  inDType,
  integer,
  positiveCount,
  promote,
  readOptions,
  readValue,
  inNameOf,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { fanInUniform, normal, partFilled, type Initializer } from "./initializers.ts";
import { weightKinds } from "./kinds.ts";
import { layer } from "./layer.ts";
import { parameter } from "./parameter.ts";

export interface WeightOptions {
  readonly bias?: boolean;
  /** Initial values of the weight; by default PyTorch's, U(−1/√fanIn, 1/√fanIn). */
  readonly init?: Initializer | undefined;
  /** Initial values of the bias; by default U(−1/√fanIn, 1/√fanIn). */
  readonly biasInit?: Initializer | undefined;
}

/** See the function `Linear`. */
export interface Linear {
  (x: Operand): Tensor;
  weight: Param;
  bias: Param | null;
}

/**
 * x Wᵀ + b: from `[…, inputs]` to `[…, outputs]`, with `weight` `[outputs, inputs]` and `bias` `[outputs]`.
 * Throws a ShapeError if x has a different number of features. Like PyTorch's `Linear`.
 *
 * @example
 * const model = Chain(Linear(784, 64), relu, Linear(64, 10));
 */
export function Linear(inputs: number, outputs: number, options?: WeightOptions): Linear {
  readValue("Linear", "inputs", inputs, positiveCount);
  readValue("Linear", "outputs", outputs, positiveCount);
  const start = fanInUniform(inputs);
  const { bias, init, biasInit } = readOptions("Linear", options, weightKinds, {
    bias: true,
    init: start,
    biasInit: start,
  });
  const self: Linear = layer("Linear", (x: Operand) => linear("Linear", x, self.weight, self.bias), {
    weight: parameter([outputs, inputs], init),
    bias: bias ? parameter([outputs], biasInit) : null,
  });
  return self;
}

/** x Wᵀ for two matrices. The gradient by W comes in the layout of W: its update needs no transposition. */
export function byTransposed(x: Tensor, w: Tensor): Tensor {
  const dtype = promote(x.dtype, w.dtype);
  return applyOwn("matmul", [inDType(x, dtype), inDType(w, dtype)], { transA: false, transB: true });
}

/** x Wᵀ + b, with W as `[outputs, inputs]`; all axes of x but the last become the rows of one matrix. */
export function linear(op: string, input: Operand, weight: Operand, bias: Operand | null): Tensor {
  const [x, w, b] = readTensors(op, [input, weight, ...(bias === null ? [] : [bias])]);
  const { 0: outputs, 1: inputs } = w.shape as [number, number];
  if (x.shape.length === 0 || x.shape[x.shape.length - 1] !== inputs)
    throw new ShapeError(`${op}: weight [${outputs}, ${inputs}] wants x of shape […, ${inputs}], got ${text(x.shape)}`);
  const rows = x.shape.length === 2 ? x : reshape(x, [x.size / inputs, inputs]);
  const product = byTransposed(rows, w);
  const y = b === undefined ? product : add(product, b);
  return x.shape.length === 2 ? y : reshape(y, [...x.shape.slice(0, -1), outputs]);
}

export interface EmbeddingOptions {
  /** Initial values of the weight; by default from N(0, 1). */
  readonly init?: Initializer | undefined;
  /** An index, below 0 counted from the end, that stands for no word: its row is 0 at first, and has no gradient. */
  readonly paddingIndex?: number;
}

const embeddingKinds: OptionKinds<EmbeddingOptions> = { init: callable, paddingIndex: integer };

/** See the function `Embedding`. */
export interface Embedding {
  (indices: Operand): Tensor;
  weight: Param;
}

/**
 * Row i of `weight` `[count, features]` for each index i: from `[…]` to `[…, features]`. The gradient is row-sparse, so
 * the cost of an update depends on the rows touched. An index out of range throws an IndexError at each read. Like
 * PyTorch's `Embedding`, with initial values from N(0, 1).
 *
 * @example
 * const vectors = Embedding(10_000, 128)(words);
 */
export function Embedding(count: number, features: number, options?: EmbeddingOptions): Embedding {
  readValue("Embedding", "count", count, positiveCount);
  readValue("Embedding", "features", features, positiveCount);
  const { init, paddingIndex } = readOptions("Embedding", options, embeddingKinds, { init: normal() });
  if (paddingIndex !== undefined && (paddingIndex < -count || paddingIndex >= count))
    throw new ArgumentError(`Embedding: wanted a paddingIndex from ${-count} to ${count - 1}, got ${paddingIndex}`);
  const padding = paddingIndex === undefined || paddingIndex >= 0 ? paddingIndex : paddingIndex + count;
  const call = (indices: Operand): Tensor => {
    const rows = readTensor(indices, "Embedding");
    return inNameOf("Embedding", () => {
      const taken = take(self.weight, rows, { axis: 0 });
      if (padding === undefined) return taken;
      return where(unsqueeze(equal(rows, padding), rows.shape.length), stopGradient(taken), taken);
    });
  };
  const first = padding === undefined ? init : partFilled(init, 0, padding * features, (padding + 1) * features);
  const self: Embedding = layer("Embedding", call, { weight: parameter([count, features], first) });
  return self;
}
