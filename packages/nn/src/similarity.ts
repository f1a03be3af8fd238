// How long vectors are and how alike: normalization to unit length, cosines, distances. Definitions are PyTorch's.
import {
  ShapeError,
  add,
  broadcastTo,
  div,
  maximum,
  mul,
  norm,
  readTensor,
  readTensors,
  reshape,
  sub,
  sum,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anyNumber,
  boolean,
  inFloats,
  inNameOf,
  integer,
  nonNegative,
  readOptions,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";

/** A scalar as a vector of one element, so that it has an axis. */
const withAxis = (x: Tensor): Tensor => (x.shape.length === 0 ? reshape(x, [1]) : x);

/** Refuses a vector with the default axis, 1, and says how to pass it. */
function refuseVector(op: string, axis: number, { shape }: Tensor): void {
  if (axis === 1 && shape.length < 2)
    throw new ShapeError(
      `${op}: axis 1, the default, is out of range for shape ${text(shape)}; for a vector, write { axis: 0 }`,
    );
}

export interface NormalizeOptions {
  /** Which norm is made 1: (Σ |x|^p)^(1/p). */
  readonly p?: number;
  /** The axis along which vectors lie. */
  readonly axis?: number;
  /** The least length that is divided by. */
  readonly eps?: number;
}

const normalizeKinds: OptionKinds<NormalizeOptions> = { p: anyNumber, axis: integer, eps: nonNegative };

/**
 * x / max(‖x‖, eps): vectors along an axis (by default axis 1; for a single vector, write `{ axis: 0 }`) with length 1.
 * Like PyTorch's `normalize`.
 *
 * @example
 * normalize(tensor([[3, 4]])); // [[0.6, 0.8]]
 */
export function normalize(x: Operand, options?: NormalizeOptions): Tensor {
  const defaults = { p: 2, axis: 1, eps: 1e-12 };
  const { p, axis, eps } = readOptions("normalize", options, normalizeKinds, defaults);
  const given = inFloats(readTensor(x, "normalize"));
  return inNameOf("normalize", () => {
    const t = withAxis(given);
    refuseVector("normalize", axis, t);
    const y = div(t, maximum(norm(t, { p, axis, keepDims: true }), eps));
    return given.shape.length > 0 ? y : reshape(y, []);
  });
}

export interface SimilarityOptions {
  /** The axis along which vectors lie. */
  readonly axis?: number;
  /** The least length that is divided by. */
  readonly eps?: number;
}

/**
 * The cosine of the angle between vectors along an axis (by default axis 1): Σ a·b / (max(‖a‖, eps) · max(‖b‖, eps)).
 * The shapes broadcast; the axis disappears. For single vectors, write `{ axis: 0 }`. Like PyTorch's
 * `cosine_similarity`.
 *
 * @example
 * cosineSimilarity(tensor([[3, 4]]), tensor([[0, 2]])); // [0.8]
 */
export function cosineSimilarity(a: Operand, b: Operand, options?: SimilarityOptions): Tensor {
  const kinds = { axis: integer, eps: nonNegative };
  const { axis, eps } = readOptions("cosineSimilarity", options, kinds, { axis: 1, eps: 1e-8 });
  const [left, right] = readTensors("cosineSimilarity", [a, b]);
  return inNameOf("cosineSimilarity", () => {
    const [x, y] = alongAxis(withAxis(inFloats(left)), withAxis(inFloats(right)));
    refuseVector("cosineSimilarity", axis, x);
    const unit = (t: Tensor): Tensor => div(t, maximum(norm(t, { axis, keepDims: true }), eps));
    return sum(mul(unit(x), unit(y)), { axis });
  });
}

/** Two tensors with the shape that theirs broadcast to, so that an axis means the same in both. */
function alongAxis(x: Tensor, y: Tensor): readonly [Tensor, Tensor] {
  const rank = Math.max(x.shape.length, y.shape.length);
  const [a, b] = [x, y].map(({ shape }) => [...Array.from({ length: rank - shape.length }, () => 1), ...shape]);
  const shape = a!.map((d, axis) => (d === 1 ? b![axis]! : d));
  return [broadcastTo(x, shape), broadcastTo(y, shape)];
}

export interface DistanceOptions {
  /** Which norm of the difference. */
  readonly p?: number;
  /** Added to each difference, so that the gradient of no distance is defined. */
  readonly eps?: number;
  readonly keepDims?: boolean;
}

const distanceKinds: OptionKinds<DistanceOptions> = { p: anyNumber, eps: nonNegative, keepDims: boolean };

/**
 * The distances of vectors along the last axis: ‖a − b + eps‖, by default Euclidean. The shapes broadcast; the axis
 * disappears. Like PyTorch's `pairwise_distance`.
 *
 * @example
 * pairwiseDistance(tensor([[3, 0]]), tensor([[0, 4]]), { eps: 0 }); // [5]
 */
export function pairwiseDistance(a: Operand, b: Operand, options?: DistanceOptions): Tensor {
  const defaults = { p: 2, eps: 1e-6, keepDims: false };
  const { p, eps, keepDims } = readOptions("pairwiseDistance", options, distanceKinds, defaults);
  const [x, y] = readTensors("pairwiseDistance", [a, b]);
  return inNameOf("pairwiseDistance", () => norm(add(sub(inFloats(x), y), eps), { p, axis: -1, keepDims }));
}
