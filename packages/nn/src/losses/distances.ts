// Losses of vectors that should be near each other or far apart. Definitions are PyTorch's.
import {
  ArgumentError,
  ShapeError,
  add,
  clamp,
  div,
  equal,
  minimum,
  mul,
  readTensors,
  sqrt,
  sub,
  sum,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  boolean,
  callable,
  finiteNumber,
  inFloats,
  inNameOf,
  nonNegative,
  positive,
  readOptions,
  sameShape,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { pairwiseDistance } from "../similarity.ts";
import type { MarginOptions } from "./margins.ts";
import { lossDefaults, lossKinds, reductions } from "./reduction.ts";

/**
 * The loss of pairs of vectors along the last axis: 1 − cos(a, b) where the target is 1, max(0, cos(a, b) − margin) where
 * it is −1, averaged. Vectors are `[N, D]` or `[D]`, targets `[N]` or `[]`. Like PyTorch's `cosine_embedding_loss`.
 *
 * @example
 * cosineEmbedding(tensor([[1, 0]]), tensor([[0, 1]]), tensor([1])); // 1
 */
export function cosineEmbedding(a: Operand, b: Operand, target: Operand, options?: MarginOptions): Tensor {
  const op = "cosineEmbedding";
  const kinds: OptionKinds<MarginOptions> = { ...lossKinds, margin: finiteNumber };
  const { margin, reduction } = readOptions(op, options, kinds, { ...lossDefaults, margin: 0 });
  const [left, right, t] = readTensors(op, [a, b, target]);
  if (!sameShape(left.shape, right.shape) || !sameShape(t.shape, left.shape.slice(0, -1)) || left.shape.length === 0)
    throw new ShapeError(
      `${op}: wanted vectors [N, D] twice and targets [N], got ` +
        `${text(left.shape)}, ${text(right.shape)} and ${text(t.shape)}`,
    );
  return inNameOf(op, () => {
    const [x, y] = [inFloats(left), inFloats(right)];
    const product = (u: Tensor, v: Tensor): Tensor => sum(mul(u, v), { axis: -1 });
    const squares = mul(add(product(x, x), 1e-12), add(product(y, y), 1e-12));
    const cosine = div(product(x, y), sqrt(squares));
    const near = where(equal(t, 1), sub(1, cosine), 0);
    return reductions[reduction](where(equal(t, -1), clamp(sub(cosine, margin), { min: 0 }), near));
  });
}

export interface TripletOptions extends MarginOptions {
  /** Which norm measures the distances. */
  readonly p?: number;
  /** Added to each difference. */
  readonly eps?: number;
  /** Whether the negative's distance is that to the anchor or the positive, whichever is nearer. */
  readonly swap?: boolean;
  /** Another distance of two tensors, in place of the norm. */
  readonly distance?: (a: Tensor, b: Tensor) => Tensor;
}

const tripletKinds: OptionKinds<TripletOptions> = {
  ...lossKinds,
  margin: finiteNumber,
  p: positive,
  eps: nonNegative,
  swap: boolean,
  distance: callable,
};

/**
 * The loss of triplets: max(0, d(anchor, positive) − d(anchor, negative) + margin), averaged, with the distance along
 * the last axis (see `pairwiseDistance`) or one given as `distance`. Shapes must be equal. Like PyTorch's
 * `triplet_margin_loss` and `triplet_margin_with_distance_loss` (Balntas et al. 2016).
 *
 * @example
 * const [anchor, positive, negative] = [tensor([[0, 0]]), tensor([[0, 1]]), tensor([[0, 3]])];
 * tripletMargin(anchor, positive, negative); // 0
 */
export function tripletMargin(anchor: Operand, positive: Operand, negative: Operand, options?: TripletOptions): Tensor {
  const op = "tripletMargin";
  const defaults = { ...lossDefaults, margin: 1, p: 2, eps: 1e-6, swap: false };
  const { margin, p, eps, swap, distance, reduction } = readOptions(op, options, tripletKinds, defaults);
  if (distance !== undefined && (options?.p !== undefined || options?.eps !== undefined))
    throw new ArgumentError(`${op}: p and eps belong to the norm, and a distance is given in its place`);
  const [a, b, c] = readTensors(op, [anchor, positive, negative]);
  if (!sameShape(a.shape, b.shape) || !sameShape(a.shape, c.shape))
    throw new ShapeError(`${op}: wanted one shape, got ${text(a.shape)}, ${text(b.shape)} and ${text(c.shape)}`);
  const between = distance ?? ((x: Tensor, y: Tensor): Tensor => pairwiseDistance(x, y, { p, eps }));
  const losses = (): Tensor => {
    const far = between(a, c);
    const away = swap ? minimum(far, between(b, c)) : far;
    return reductions[reduction](clamp(add(sub(between(a, b), away), margin), { min: 0 }));
  };
  return distance === undefined ? inNameOf(op, losses) : losses();
}
