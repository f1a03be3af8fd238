// Attention: each query's average of the values, weighted by how well the keys fit it.
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  add,
  and,
  any,
  less,
  lessEqual,
  matmul,
  mul,
  notEqual,
  readTensor,
  readTensors,
  reshape,
  softmax,
  transpose,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  boolean,
  finiteNumber,
  fraction,
  inFloats,
  inNameOf,
  int32,
  iota,
  isFloat,
  readOptions,
  resultOf,
  seedNumber,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { dropout } from "../dropout.ts";
import { readLengths, type Lengths } from "../lengths.ts";

/** What `attention` is done with; masks broadcast to the scores, `[…, heads, queries, keys]`. */
export interface AttentionOptions {
  /** Whether query i sees only keys 0 … i + `offset` (false). */
  readonly causal?: boolean | undefined;
  /**
   * How many keys come before the first query's own, for `causal` (0): with keys of earlier steps from a cache, their
   * number, as for `rotary`.
   */
  readonly offset?: number | undefined;
  /**
   * `bool`: true where a query sees a key; or floats that are added to the scores (−∞ where it does not). What is not seen
   * has the weight 0, and must be finite: 0 · NaN and 0 · ∞ are NaN. The same goes for `causal`.
   */
  readonly mask?: Operand | undefined;
  /**
   * How many keys each sequence has, N numbers or an integer tensor `[N]`. What lies behind is not seen: keys and values
   * there may be anything, also NaN.
   */
  readonly keyLengths?: Lengths | undefined;
  /** The factor of the scores; by default 1 / √d. */
  readonly scale?: number | undefined;
  /** The probability that a weight is dropped while training (0). */
  readonly dropout?: number | undefined;
  /** Makes the mask of dropout depend on this number alone. */
  readonly seed?: number | undefined;
  /** Default: true inside `diff`, else false. */
  readonly training?: boolean | undefined;
}

const attentionKinds: OptionKinds<AttentionOptions> = {
  causal: boolean,
  offset: int32,
  mask: anything,
  keyLengths: anything,
  scale: finiteNumber,
  dropout: fraction,
  seed: seedNumber,
  training: boolean,
};

/** The results of attention, and the weights that they are averaged with. */
export interface Attended {
  readonly y: Tensor;
  /** `[…, heads, queries, keys]`. */
  readonly weights: Tensor;
}

/** Checks that queries `[…, L, d]`, keys `[…, S, d]` and values `[…, S, e]` fit; gives the heads that share a key. */
function groupsOf(op: string, q: Tensor, k: Tensor, v: Tensor): number {
  const fit =
    Math.min(q.shape.length, k.shape.length, v.shape.length) >= 2 &&
    q.shape.at(-1) === k.shape.at(-1) &&
    k.shape.at(-2) === v.shape.at(-2);
  if (!fit)
    throw new ShapeError(
      `${op}: wanted queries […, L, d], keys […, S, d] and values […, S, e], got ${text(q.shape)}, ${text(k.shape)} and ${text(v.shape)}`,
    );
  if (k.shape.length < 4 || q.shape.length !== k.shape.length) return 1;
  const [heads, shared] = [q, k].map(({ shape }) => shape.at(-3)!) as [number, number];
  if (heads === shared || shared === 1) return 1;
  if (heads > 0 && heads % shared === 0 && v.shape.at(-3) === shared) return heads / shared;
  throw new ShapeError(
    `${op}: ${heads} heads of queries cannot share ${shared} heads of keys equally: got ${text(q.shape)}, ${text(k.shape)}, ${text(v.shape)}`,
  );
}

/** x with the heads of a group, or its rows, in one axis: `[…, H, L, d]` → `[…, H / groups, groups · L, d]`. */
function folded(x: Tensor, groups: number): Tensor {
  if (groups === 1) return x;
  const [heads, rows, d] = x.shape.slice(-3) as [number, number, number];
  return reshape(x, [...x.shape.slice(0, -3), heads / groups, groups * rows, d]);
}

/** The reverse of `folded`. */
function unfolded(x: Tensor, groups: number): Tensor {
  if (groups === 1) return x;
  const [heads, rows, d] = x.shape.slice(-3) as [number, number, number];
  return reshape(x, [...x.shape.slice(0, -3), heads * groups, rows / groups, d]);
}

/** Which keys a sequence of the batch has, `[N, 1, …, 1, S]`: bool that broadcasts to the scores of q and k. */
function keysWithin(op: string, q: Tensor, k: Tensor, given: Lengths): Tensor {
  const [queries, keys] = [q, k].map(({ shape }) => shape.at(-2)!) as [number, number];
  const rank = Math.max(q.shape.length, k.shape.length);
  if (rank < 3)
    throw new ShapeError(
      `${op}: keyLengths are for a batch, got scores ${text([queries, keys])}; leave out the keys instead`,
    );
  const [a, b] = [q, k].map(({ shape }) => (shape.length === rank ? shape[0]! : 1)) as [number, number];
  const batch = a === 1 ? b : a;
  const lengths = readLengths(op, "keyLengths", given, batch, keys, k);
  return less(iota(k, [keys]), reshape(lengths, [batch, ...Array<number>(rank - 1).fill(1)]));
}

/** Which keys queries see if each sees only those before, `[L, S]`. */
function keysBefore(scores: Tensor, offset: number): Tensor {
  const shape = scores.shape.slice(-2);
  const query = iota(scores, shape);
  return lessEqual(iota(scores, shape, 1), offset === 0 ? query : add(query, offset));
}

/** Checks that a mask broadcasts to the scores. */
function maskOf(op: string, given: Operand, scores: Tensor): Tensor {
  const mask = readTensor(given, op, scores);
  const offset = scores.shape.length - mask.shape.length;
  if (offset < 0 || !mask.shape.every((d, axis) => d === 1 || d === scores.shape[axis + offset]))
    throw new ShapeError(`${op}: the mask ${text(mask.shape)} does not broadcast to the scores ${text(scores.shape)}`);
  if (mask.dtype !== "bool" && !isFloat(mask.dtype))
    throw new DTypeError(
      `${op}: wanted a mask of bool (true where a key is seen) or of floats (added to the scores), got ${mask.dtype}; ` +
        'use cast(mask, "bool")',
    );
  return mask;
}

/** Attention, with its weights. */
export function attend(op: string, q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Attended {
  const groups = groupsOf(op, q, k, v);
  const { causal = false, mask, keyLengths, offset = 0, dropout: p = 0, training, seed } = options;
  if (offset !== 0 && !causal)
    throw new ArgumentError(`${op}: offset is for causal attention, got offset ${offset} without causal`);
  const { scale = 1 / Math.sqrt(q.shape.at(-1)!) } = options;
  const within = keyLengths === undefined ? undefined : keysWithin(op, q, k, keyLengths);
  // A weight of 0 hides neither infinity nor NaN.
  const [keys, values] = (within === undefined ? [k, v] : [k, v].map((x) => where(transpose(within), x, 0))) as [
    Tensor,
    Tensor,
  ];
  // Scaled after the product, which a backend may do in the same kernel.
  let scores = mul(unfolded(matmul(folded(q, groups), transpose(keys)), groups), scale);
  const visible = within === undefined ? [] : [within];
  if (causal) visible.push(keysBefore(scores, offset));
  if (mask !== undefined) {
    const given = maskOf(op, mask, scores);
    visible.push(given.dtype === "bool" ? given : notEqual(given, -Infinity));
    if (given.dtype !== "bool") scores = add(scores, where(visible.at(-1)!, given, 0));
  }
  // Where the only mask is causal, each query sees the first key.
  const certain = mask === undefined && keyLengths === undefined && offset >= 0;
  const shares = sharesOf(scores, visible, certain);
  const weights = p === 0 ? shares : dropout(shares, p, { training, seed });
  return { y: unfolded(matmul(folded(weights, groups), values), groups), weights };
}

/** What each key counts for each query: 0 if it is not seen. `certain` is that each query sees a key. */
function sharesOf(scores: Tensor, visible: readonly Tensor[], certain: boolean): Tensor {
  if (visible.length === 0) return softmax(scores);
  const all = visible.reduce((a, b) => and(a, b));
  const seen = where(all, scores, -Infinity);
  if (certain) return softmax(seen);
  // Softmax of −∞ alone would be NaN.
  return where(all, softmax(where(any(all, { axis: -1, keepDims: true }), seen, 0)), 0);
}

/**
 * Scaled dot-product attention: softmax(q kᵀ / √d) v, from queries `[…, L, d]`, keys `[…, S, d]` and values `[…, S, e]`
 * to `[…, L, e]`.
 *
 * The leading axes broadcast. With `[…, heads, L, d]`, heads of queries may share the heads of keys and values in equal
 * groups. A query that sees no key gives 0. With `causal`, the first query has the place of the first key, even where
 * there are fewer queries than keys: pass `offset` with keys of earlier steps. Throws a ShapeError if shapes do not fit. Like PyTorch's
 * `scaled_dot_product_attention` (Vaswani et al. 2017).
 *
 * @example
 * const y = attention(queries, keys, keys, { causal: true });
 */
export function attention(q: Operand, k: Operand, v: Operand, options?: AttentionOptions): Tensor {
  const known = readOptions("attention", options, attentionKinds, {});
  const [queries, keys, values] = readTensors("attention", [q, k, v]).map(inFloats) as [Tensor, Tensor, Tensor];
  return inNameOf("attention", () => resultOf(() => attend("attention", queries, keys, values, known).y));
}
