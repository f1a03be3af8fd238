// Embeddings of bags of words: the rows of each bag reduced to one.
import {
  all,
  and,
  ArgumentError,
  broadcastTo,
  concat,
  div,
  equal,
  indexAdd,
  lessEqual,
  maximum,
  mul,
  readTensors,
  reshape,
  scatter,
  searchsorted,
  ShapeError,
  slice,
  sub,
  take,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  boolean,
  filled,
  inDType,
  inNameOf,
  integer,
  iota,
  oneOf,
  readOptions,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";

export interface EmbeddingBagOptions {
  /** Where each bag begins in a vector of indices; the first one at 0. A matrix of indices has a bag in each row. */
  readonly offsets?: Operand;
  /** Whether the last offset is the end of the last bag; what is behind it is in none. */
  readonly includeLastOffset?: boolean;
  readonly mode?: "sum" | "mean" | "max";
  /** A factor for each index, in the mode `"sum"`. */
  readonly weights?: Operand;
  /** An index that counts for nothing. */
  readonly paddingIndex?: number;
}
const kinds: OptionKinds<EmbeddingBagOptions> = {
  offsets: anything,
  includeLastOffset: boolean,
  mode: oneOf("sum", "mean", "max"),
  weights: anything,
  paddingIndex: integer,
};
const defaults = { mode: "mean" as const, includeLastOffset: false };

/** The bag of each index of a vector, and how many bags there are. */
interface Bags {
  readonly count: number;
  readonly of: Tensor;
}

function bagsOf(index: Tensor, offsets: Tensor | undefined, includeLastOffset: boolean): Bags {
  const { shape } = index;
  if (offsets === undefined) {
    if (shape.length !== 2)
      throw new ShapeError(
        `embeddingBag: wanted a matrix of indices with a bag in each row, or a vector and offsets, got shape ${text(shape)}`,
      );
    const [count, each] = shape as [number, number];
    return { count, of: reshape(iota(index, shape), [count * each]) };
  }
  if (shape.length !== 1 || offsets.shape.length !== 1)
    throw new ShapeError(
      `embeddingBag: wanted vectors of indices and offsets, got shapes ${text(shape)} and ${text(offsets.shape)}`,
    );
  const count = offsets.shape[0]! - (includeLastOffset ? 1 : 0);
  if (count < 0) throw new ShapeError("embeddingBag: wanted at least one offset with includeLastOffset, got none");
  const places = iota(index, shape);
  // What is behind the last bag goes to the bag that is ignored.
  const of = sub(searchsorted(offsets, places, { side: "right" }), 1);
  return { count, of: where(ascend(offsets, shape[0]!), of, count + 1) };
}

/** Whether offsets ascend from 0 to the end at most. Values are not known here: a wrong bag is found at a read. */
function ascend(offsets: Tensor, end: number): Tensor {
  const starts = inDType(offsets, "i32");
  const behind = filled(starts, end, [1]);
  const next = concat([slice(starts, { starts: [1] }), behind]);
  return and(all(lessEqual(starts, next)), all(equal(slice(starts, { ends: [1] }), 0)));
}

/**
 * The rows of `weight` `[count, features]` at the indices of each bag, reduced by their mean, sum or maximum:
 * `[bags, features]`. An empty bag gives 0. Offsets that do not ascend from 0 within the indices are an IndexError at
 * each read. Like PyTorch's `functional.embedding_bag`.
 *
 * @example
 * const rows = tensor([[1, 2], [3, 4], [5, 8]]);
 * const words = tensor([0, 2, 1], { dtype: "i32" });
 * embeddingBag(words, rows, { offsets: tensor([0, 2], { dtype: "i32" }) }); // [[3, 5], [3, 4]]
 */
export function embeddingBag(indices: Operand, weight: Operand, options?: EmbeddingBagOptions): Tensor {
  const read = readOptions("embeddingBag", options, kinds, defaults);
  const { mode, includeLastOffset, paddingIndex } = read;
  if (includeLastOffset && read.offsets === undefined)
    throw new ArgumentError("embeddingBag: includeLastOffset is about offsets, got none");
  const [index, rows, ...more] = readTensors("embeddingBag", [
    indices,
    weight,
    ...[read.offsets, read.weights].filter((x) => x !== undefined),
  ]);
  const offsets = read.offsets === undefined ? undefined : more[0];
  const factors = read.weights === undefined ? undefined : more.at(-1);
  if (rows.shape.length !== 2)
    throw new ShapeError(`embeddingBag: wanted a matrix of rows as weight, got shape ${text(rows.shape)}`);
  if (factors !== undefined && mode !== "sum")
    throw new ArgumentError(`embeddingBag: weights are for the mode "sum", got "${mode}"`);
  if (factors !== undefined && factors.size !== index.size)
    throw new ShapeError(
      `embeddingBag: weights of shape ${text(factors.shape)} do not fit indices of shape ${text(index.shape)}`,
    );
  const features = rows.shape[1]!;
  const n = index.size;
  return inNameOf("embeddingBag", () => {
    const bags = bagsOf(index, offsets, includeLastOffset);
    const words = reshape(index, [n]);
    // What is ignored goes to a bag behind the others.
    const bag = paddingIndex === undefined ? bags.of : where(equal(words, paddingIndex), bags.count, bags.of);
    const zeros = filled(rows, 0, [bags.count + 1, features]);
    const taken = take(rows, words);
    const scaled = factors === undefined ? taken : mul(taken, reshape(factors, [n, 1]));
    const kept = (y: Tensor): Tensor => slice(y, { ends: [bags.count] });
    if (mode === "max") {
      const places = broadcastTo(reshape(bag, [n, 1]), [n, features]);
      return kept(scatter(zeros, places, scaled, { reduce: "max", includeSelf: false }));
    }
    const total = kept(indexAdd(zeros, bag, scaled));
    if (mode === "sum") return total;
    const none = filled(rows, 0, [bags.count + 1], "i32");
    return div(total, reshape(maximum(kept(indexAdd(none, bag, 1)), 1), [bags.count, 1]));
  });
}
