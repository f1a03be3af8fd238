// Minibatches: data sliced along its first axis, in order or in a new random order in each pass, and uploaded to a
// backend batch by batch. Every pass has its own order, so that concurrent passes do not disturb each other.
import { ArgumentError, type Backend, type Tensor } from "@weft/tensor";
import { backendKind, boolean, callable, count } from "@weft/tensor/internals";
import {
  context,
  escape,
  openScope,
  readOptions,
  refusePromise,
  seedNumber,
  shown,
  visitTensors,
} from "@weft/tensor/internals";
import type { OptionKinds, Scope } from "@weft/tensor/internals";
import { VISIT, type Batch, type Batches, type Cut } from "./batch.ts";
import { orderOf, sampled, samplerKind, type Sampler } from "./order.ts";
import { backendOf, columnsOf, itemsOf, partsOf, treeOf } from "./sources.ts";
import { BESIDE, passesBeside, passesOf, type Passes } from "../position.ts";
import { close, walk, walkAhead, type Made, type Pass } from "./walk.ts";

export interface MinibatchOptions<S, B, U> {
  /** The backend that batches are uploaded to. Without it host arrays stay host arrays; tensors stay on theirs. */
  readonly backend?: B;
  /** A new random order in every pass (false). */
  readonly shuffle?: boolean;
  /** Which random orders (0): pass n of a seed is always the same. */
  readonly seed?: number;
  /** Whether a last batch that is not full is yielded, too (false). */
  readonly partial?: boolean;
  /**
   * The items of each pass: a sampler such as `weightedSampler(…)`, or a list of indices. Not together with
   * `shuffle`.
   */
  readonly sampler?: Sampler | Iterable<number>;
  /** How many batches an asynchronous pass uploads ahead, before `transform` (2 where host data is uploaded, else 0). */
  readonly prefetch?: number;
  /**
   * Changes a batch when it is yielded, also where it was uploaded ahead: the loop gets what you return. So random
   * numbers are drawn batch by batch, and training that is saved between two steps resumes to the same ones.
   */
  readonly transform?: (batch: Batch<S, B>) => U;
}

const kinds = {
  backend: backendKind,
  shuffle: boolean,
  seed: seedNumber,
  partial: boolean,
  sampler: samplerKind,
  prefetch: count,
  transform: callable,
};

/** How many batches an asynchronous pass uploads ahead. */
const AHEAD = 2;

/**
 * Slices data into batches of `size` along the first axis.
 *
 * `arrays` is one source, a list of them, or an object of them such as `{ images, labels }`; all have the same first
 * axis. A source is a tensor, `{ data, shape, dtype }`, a typed array, a list of numbers, or `ragged(…)`. A list or an
 * object yields tuples, `[x, y]`, in the order of the list or of the fields; a single source yields tensors. Lists and
 * objects may be nested, and so are the tuples then. Ragged data gives two parts, `[x, lengths]`, or one, without the
 * lengths, if it was made with `{ lengths: false }`.
 *
 * Host data goes to `backend` batch by batch in its stored type, two batches ahead in an asynchronous loop; a source
 * with a `scale` is multiplied by it there. A batch is released when the next one is requested, if a scope, a `diff` or
 * a step of `minimize` has closed in between: `keep()` a batch to hold it. Where none closes, as in `[...batches]`,
 * batches live like any other tensor.
 *
 * A loop that ends, or that you leave, is followed by a new pass. In a program that is resumed with
 * `save(file, { model, optimizer, batches })` the first loop is the rest of the pass that was saved; in the body of a loop
 * that is what comes after the batch.
 *
 * Errors: ShapeError for sources of different lengths, IndexError for a sampler's index that is not in the data,
 * ArgumentError for a size that is not a whole number from 1 or is larger than the data, BackendMismatchError for a
 * tensor that is not on `backend`.
 *
 * Source: Knet's `minibatch`.
 *
 * @example
 * const batches = minibatch({ images, labels }, 100, { backend, shuffle: true, seed: 1 });
 * console.log(batches.length); // floor(n / 100)
 * for (const [x, y] of batches) scope(() => step(x, y));
 */
export function minibatch<const S, B extends Backend | undefined = undefined, U = Batch<S, B>>(
  arrays: S,
  size: number,
  options?: MinibatchOptions<S, B, U>,
): Batches<U> {
  const known = kinds as OptionKinds<MinibatchOptions<S, B, U>>;
  const read = readOptions("minibatch", options, known, { shuffle: false, seed: 0, partial: false });
  const { shuffle, seed, partial, transform } = read;
  const tree = treeOf("minibatch", arrays);
  const columns = columnsOf(tree);
  const items = itemsOf("minibatch", columns);
  const backend = backendOf("minibatch", columns, read.backend);
  if (!Number.isInteger(size) || size < 1)
    throw new ArgumentError(`minibatch: size is ${shown(size)}, wanted a whole number from 1.`);
  if (shuffle && read.sampler !== undefined)
    throw new ArgumentError("minibatch: a sampler says the order itself. Leave out shuffle or sampler.");
  const { length: drawn, pass } =
    read.sampler === undefined ? orderOf(items, shuffle, seed) : sampled(read.sampler, items, size);
  const left = partial ? 0 : drawn % size;
  const length = Math.ceil((drawn - left) / size);
  if (length === 0 && !partial)
    throw new ArgumentError(
      `minibatch: size ${size} is larger than the data (${drawn}), so no batch is full. ` +
        "Pass a smaller size or { partial: true }.",
    );
  const ahead = read.prefetch ?? (backend !== undefined && columns.some((c) => c.backend === undefined) ? AHEAD : 0);
  /** Batch i of pass n, which has an order, as it is before `transform`. */
  const make = (n: number, order: Int32Array | undefined, i: number): Made<Batch<S, B>> => {
    const start = i * size;
    const end = Math.min(start + size, drawn);
    const scope = openScope("minibatch had made its batch");
    return within(scope, () => partsOf(tree, cutOf(n, start, end, order), backend) as Batch<S, B>);
  };

  /** What `transform` makes of a batch. */
  const changed = (batch: Batch<S, B>): U => {
    if (transform === undefined) return batch as U;
    const value = transform(batch);
    refusePromise(
      value,
      "minibatch: transform returned a promise, wanted a batch; a transform must not wait: await in the loop",
    );
    if (value === undefined)
      throw new ArgumentError(
        "minibatch: transform returned undefined, wanted a batch; return what the loop is to get",
      );
    return value;
  };

  /** What the loop gets of a batch; everything else is released. */
  const finish = ({ value: batch, scope: making }: Made<Batch<S, B>>): Made<U> => {
    const scope = openScope("minibatch went on to the next batch");
    const { value } = within(making, () => changed(batch));
    visitTensors(value, (x) => escape(x, making, scope));
    close(making);
    return { value, scope };
  };

  const batchesOf = (passes: Passes): Batches<U> => {
    /** A pass through the batches with these numbers, by default all of them in order. */
    const begin = (places: ArrayLike<number> = { length }): Iterable<U> & AsyncIterable<U> => {
      const passing = (): Pass<Batch<S, B>, U> => {
        const cursor = passes.begin(places.length);
        const order = pass(cursor.pass);
        const { length } = places;
        return { cursor, passes, length, make: (i) => make(cursor.pass, order, places[i] ?? i), finish };
      };
      return {
        [Symbol.iterator]: () => walk(passing()),
        [Symbol.asyncIterator]: () => walkAhead(passing(), ahead),
      };
    };
    begin.left = left;
    begin.backend = backend;
    return {
      ...begin(),
      get length() {
        return length;
      },
      get position() {
        return passes.position;
      },
      set position(now) {
        passes.position = now;
      },
      [VISIT]: begin,
      [BESIDE]: () => batchesOf(passesBeside("minibatch", passes)),
    };
  };
  return batchesOf(passesOf("minibatch"));
}

/** What f makes, owned by a scope, which is closed if f throws. */
function within<T>(scope: Scope, f: () => T): Made<T> {
  const before = context.scope;
  context.scope = scope;
  try {
    return { value: f(), scope };
  } catch (error) {
    close(scope);
    throw error;
  } finally {
    context.scope = before;
  }
}

/** The items of a batch; their indices are uploaded once, if there is a tensor to take them of. */
function cutOf(pass: number, start: number, end: number, order: Int32Array | undefined): Cut {
  const indices = order?.subarray(start, end);
  let positions: Tensor | undefined;
  return {
    start,
    end,
    indices,
    pass,
    positions: (backend) => (positions ??= backend.upload(indices!, [end - start], "i32")),
  };
}
