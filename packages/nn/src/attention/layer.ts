// Multi-head attention as a layer, with PyTorch's parameters.
import { type Param } from "@weft/autograd";
import {
  ArgumentError,
  ShapeError,
  permute,
  readTensor,
  readTensors,
  reshape,
  split,
  unsqueeze,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  boolean,
  callable,
  fraction,
  inNameOf,
  int32,
  positiveCount,
  readOptions,
  readValue,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { fanInUniform, xavierUniform, zeros, type Initializer } from "../initializers.ts";
import { layer } from "../layer.ts";
import { linear, Linear } from "../linear.ts";
import { parameter } from "../parameter.ts";
import { attend, type Attended, type AttentionOptions } from "./attention.ts";

export interface AttentionLayerOptions {
  /** The number of features of the queries and the result; the heads share them. */
  readonly features: number;
  readonly heads: number;
  /** The number of features of the keys; by default that of the queries. */
  readonly keyFeatures?: number;
  /** The number of features of the values; by default that of the queries. */
  readonly valueFeatures?: number;
  readonly bias?: boolean;
  /** Initial values of the matrices of queries, keys and values; by default Glorot's (`xavierUniform`). */
  readonly init?: Initializer;
  /** Initial values of the matrix that joins the heads; by default those of `Linear`. */
  readonly outInit?: Initializer;
  /** The probability that a weight of the average is dropped while training (0). */
  readonly dropout?: number;
  /** Whether sequences are `[N, T, features]` instead of `[T, N, features]` (false). */
  readonly batchFirst?: boolean;
}

/** What a call of attention is done with: masks broadcast to `[N, heads, queries, keys]`. */
export type AttentionCallOptions = Pick<AttentionOptions, "causal" | "offset" | "mask" | "keyLengths" | "training">;

/** Keys are the queries, and values the keys, if left out: `attend(x, { causal: true })` is self-attention. */
type AttentionArguments =
  | readonly [queries: Operand, options?: AttentionCallOptions]
  | readonly [queries: Operand, keys?: Operand, values?: Operand, options?: AttentionCallOptions];

/** See the function `Attention`. */
export interface Attention {
  (...args: AttentionArguments): Tensor;
  /** The same, with the weights of each head, `[N, heads, queries, keys]`. */
  run(...args: AttentionArguments): Attended;
  /** The weights of queries, keys and values, one below the other; null if their features differ in number. */
  in_proj_weight: Param | null;
  q_proj_weight: Param | null;
  k_proj_weight: Param | null;
  v_proj_weight: Param | null;
  in_proj_bias: Param | null;
  out_proj: Linear;
}

const layerKinds: OptionKinds<AttentionLayerOptions> = {
  features: positiveCount,
  heads: positiveCount,
  keyFeatures: positiveCount,
  valueFeatures: positiveCount,
  bias: boolean,
  init: callable,
  outInit: callable,
  dropout: fraction,
  batchFirst: boolean,
};

export const callKinds: OptionKinds<AttentionCallOptions> = {
  causal: boolean,
  offset: int32,
  mask: anything,
  keyLengths: anything,
  training: boolean,
};

/** The arguments of a call with each in its place. */
function placesOf([q, second, v, last]: AttentionArguments) {
  const early = v === undefined && last === undefined && isOptions(second);
  const k = early || second === undefined ? q : (second as Operand);
  return { q, k, v: v === undefined ? k : v, call: readOptions("Attention", early ? second : last, callKinds, {}) };
}

const isOptions = (x: Operand | AttentionCallOptions | undefined): x is AttentionCallOptions =>
  typeof x === "object" && x !== null && !("interpreter" in x || "read" in x);

/**
 * Multi-head attention: queries, keys and values `[T, N, features]` (or `[T, features]`) are each multiplied by a matrix
 * and split into heads; each head attends by itself (see `attention`), and another matrix joins what they give. Throws a
 * ShapeError if shapes do not fit. Like PyTorch's `MultiheadAttention`, whose parameters it has; but a mask is true where
 * a key is seen, as in `attention`.
 *
 * @example
 * const attend = Attention({ features: 8, heads: 2, batchFirst: true });
 * const y = attend(tensor([[[1, 2, 3, 4, 5, 6, 7, 8]]]), { causal: true });
 */
export function Attention(options: AttentionLayerOptions): Attention {
  const defaults = { bias: true, init: xavierUniform(), dropout: 0, batchFirst: false };
  const known = readOptions("Attention", options, layerKinds, defaults);
  const { features, heads, bias, init, dropout, batchFirst } = known;
  readValue("Attention", "features", features, positiveCount);
  readValue("Attention", "heads", heads, positiveCount);
  if (features % heads !== 0)
    throw new ArgumentError(`Attention: ${features} features cannot be split into ${heads} equal heads`);
  const { keyFeatures = features, valueFeatures = features, outInit = fanInUniform(features) } = known;
  const alike = keyFeatures === features && valueFeatures === features;
  const matrix = (rows: number, columns: number): Param => parameter([rows, columns], init);

  const run = (...args: AttentionArguments): Attended => {
    const { q, k, v, call } = placesOf(args);
    const given = readTensors("Attention", [q, k, v]);
    const [x, keys, values] = given.map((t) => sequences(t, batchFirst)) as [Tensor, Tensor, Tensor];
    return inNameOf("Attention", () => {
      const [a, b, c] = projected(self, x, keys, values).map((t) => headsOf(t, heads, batchFirst)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const { y, weights } = attend("Attention", a, b, c, { ...call, dropout });
      const joined = permute(y, batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3]);
      const out = self.out_proj(reshape(joined, x.shape));
      return { y: given[0].shape.length === 2 ? reshape(out, given[0].shape) : out, weights };
    });
  };
  const self: Attention = Object.defineProperty(
    layer("Attention", (...args: AttentionArguments) => run(...args).y, {
      in_proj_weight: alike ? matrix(3 * features, features) : null,
      q_proj_weight: alike ? null : matrix(features, features),
      k_proj_weight: alike ? null : matrix(features, keyFeatures),
      v_proj_weight: alike ? null : matrix(features, valueFeatures),
      in_proj_bias: bias ? parameter([3 * features], zeros()) : null,
      out_proj: Linear(features, features, { bias, init: outInit, biasInit: zeros() }),
    }),
    "run",
    { value: run },
  ) as Attention;
  return self;
}

/** A sequence without a batch as a batch of one. */
function sequences(x: Tensor, batchFirst: boolean): Tensor {
  if (x.shape.length === 3) return x;
  if (x.shape.length === 2) return unsqueeze(x, batchFirst ? 0 : 1);
  const wanted = batchFirst ? "[N, T, features]" : "[T, N, features]";
  throw new ShapeError(`Attention: wanted sequences ${wanted} or [T, features], got ${text(x.shape)}`);
}

/** `[T, N, heads · d]` as `[N, heads, T, d]`. */
function headsOf(x: Tensor, heads: number, batchFirst: boolean): Tensor {
  const [a, b, features] = x.shape as unknown as [number, number, number];
  return permute(reshape(x, [a, b, heads, features / heads]), batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3]);
}

/** Queries, keys and values, multiplied by their matrices. Those of one tensor share a product. */
function projected(self: Attention, q: Tensor, k: Tensor, v: Tensor): readonly Tensor[] {
  const { in_proj_weight: joined, in_proj_bias: bias } = self;
  const apart = (x: Tensor | null, axis: number): readonly (Tensor | null)[] =>
    x === null ? [null, null, null] : split(x, 3, { axis });
  if (joined !== null && k === q && v === q) return split(linear("Attention", q, joined, bias), 3, { axis: -1 });
  const read = (p: Param | null): Tensor | null => (p === null ? null : readTensor(p, "Attention", q));
  const weights =
    joined === null ? [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight].map(read) : apart(read(joined), 0);
  const biases = apart(read(bias), 0);
  return [q, k, v].map((x, i) => linear("Attention", x, weights[i]!, biases[i]!));
}
