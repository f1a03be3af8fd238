// Minibatches: data sliced along its first axis, in order or in a new random order in each pass, and uploaded to a
// backend batch by batch. Every pass has its own permutation, so that concurrent passes do not disturb each other.
import { ArgumentError, BackendMismatchError, ShapeError, mul, readTensor, slice, take } from "@weft/tensor";
import { BRAND, backendKind } from "@weft/tensor/internals";
import { adopt, closeScope, context, escape, openScope, visitTensors } from "@weft/tensor/internals";
import { boolean, callable, describe, readOptions, seedNumber } from "@weft/tensor/internals";
import type { Backend, Tensor } from "@weft/tensor";
import type { OptionKinds, Scope } from "@weft/tensor/internals";
import { hostArray, isHostArray, isNumbers, pick, rows, show, type HostArray, type Numbers } from "./host-array.ts";
import { permutation, purpose, stream } from "./stream.ts";

/** Where batches come from: host data, uploaded batch by batch, or a tensor, which is sliced on its backend. */
export type Source = Tensor | Numbers;

type Leaf<S> = S extends Source ? S : S extends readonly (infer E)[] ? E : S[keyof S];
type Kind<S, B> = [Extract<Leaf<S>, Tensor>] extends [never] ? (B extends Backend ? Tensor : HostArray) : Tensor;

/** A tuple of `Part`, one for each of the names K, which are taken one by one, in the compiler's order. */
type PartOfEach<K, Part> = [K] extends [never]
  ? []
  : (K extends unknown ? (f: () => K) => void : never) extends (f: infer F extends () => unknown) => void
    ? [Part, ...PartOfEach<Exclude<K, ReturnType<F>>, Part>]
    : never;

/** One batch: a tuple as long as a list or an object of sources, one tensor for a single source. */
export type Batch<S, B> = S extends Source
  ? Kind<S, B>
  : S extends readonly unknown[]
    ? { -readonly [K in keyof S]: Kind<S, B> }
    : string extends keyof S
      ? Kind<S, B>[]
      : PartOfEach<keyof S, Kind<S, B>>;

export interface MinibatchOptions<S, B, U> {
  /** The backend that batches are uploaded to. Without it host arrays stay host arrays; tensors stay on theirs. */
  readonly backend?: B;
  /** A new random order in every pass (false). */
  readonly shuffle?: boolean;
  /** Which random orders (0): pass n of a seed is always the same. */
  readonly seed?: number;
  /** Whether a last batch that is not full is yielded, too (false). */
  readonly partial?: boolean;
  /** Changes a batch before it is yielded: the loop gets what you return. */
  readonly transform?: (batch: Batch<S, B>) => U;
}

/** Batches, which can be iterated over any number of times. */
export interface Batches<T> extends Iterable<T>, AsyncIterable<T> {
  /** The number of batches in one pass. */
  readonly length: number;
  /** A pass that yields the batches in another order: for `shuffle`. */
  [VISIT](order: ArrayLike<number>): Iterable<T> & AsyncIterable<T>;
}
export const VISIT: unique symbol = Symbol.for("weft.data.visit");

const kinds = { backend: backendKind, shuffle: boolean, seed: seedNumber, partial: boolean, transform: callable };

/** How many batches an asynchronous pass uploads ahead. */
const AHEAD = 2;

interface Made<T> {
  readonly value: T;
  /** Owns the batch's tensors until the loop's scope does. */
  readonly scope: Scope;
}

/**
 * Slices data into batches of `size` along the first axis.
 *
 * `arrays` is one source, a list of them, or an object of them such as `{ images, labels }`; all have the same first
 * axis. A source is a tensor, `{ data, shape, dtype }`, a typed array or a list of numbers. A list or an object yields
 * tuples, `[x, y]`, in the order of the list or of the fields; a single source yields tensors.
 *
 * Host data goes to `backend` batch by batch in its stored type, two batches ahead in an asynchronous loop; a source
 * with a `scale` is multiplied by it there. A batch is released when the next one is requested, if a scope, a `diff` or
 * a step of `minimize` has closed in between: `keep()` a batch to hold it. Where none closes, as in `[...batches]`,
 * batches live like any other tensor.
 *
 * Errors: ShapeError for sources of different lengths, ArgumentError for a size that is not a whole number from 1 or is
 * larger than the data, BackendMismatchError for a tensor that is not on `backend`.
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
  const named = sourcesOf(arrays);
  const sources = named.map(([name, source]) => (isTensor(source) ? source : hostArray(source, "minibatch", name)));
  const count = lengthOf(named.map(([name], i) => ({ name, source: sources[i]! })));
  const backend = backendOf(named, read.backend);
  if (!Number.isInteger(size) || size < 1)
    throw new ArgumentError(
      `minibatch: size is ${typeof size === "number" ? size : describe(size)}, wanted a whole number from 1.`,
    );
  if (size > count && !partial)
    throw new ArgumentError(
      `minibatch: size ${size} is larger than the data (${count}), so no batch is full. ` +
        "Pass a smaller size or { partial: true }.",
    );
  const length = partial ? Math.ceil(count / size) : Math.floor(count / size);
  const single = isSource(arrays);
  const ahead = backend !== undefined && sources.some(isHostArray) ? AHEAD : 0;
  let passes = 0;

  /** Batch i of an order (the stored one, or a permutation); everything but its result is released. */
  const make = (order: Int32Array | undefined, i: number): Made<U> => {
    const start = i * size;
    const end = Math.min(start + size, count);
    const cut = order?.subarray(start, end);
    const scope = openScope("minibatch went on to the next batch");
    const making = openScope("minibatch had made its batch");
    const before = context.scope;
    context.scope = making;
    try {
      const positions = cut && backend && sources.some(isTensor) ? backend.upload(cut, [cut.length], "i32") : undefined;
      const parts = sources.map((source) => {
        if (isTensor(source))
          return positions ? take(source, positions) : slice(source, { starts: [start], ends: [end] });
        const part = cut ? pick(source, cut) : rows(source, start, end);
        if (backend === undefined) return cut ? part : { ...part, data: part.data.slice() };
        const x = backend.upload(part.data, part.shape, part.dtype);
        return part.scale === undefined ? x : mul(x, part.scale);
      });
      const batch = (single ? parts[0] : parts) as Batch<S, B>;
      const value = transform === undefined ? (batch as U) : transform(batch);
      visitTensors(value, (x) => escape(x, making, scope));
      return { value, scope };
    } finally {
      context.scope = before;
      close(making);
    }
  };

  const begin = (visited?: ArrayLike<number>): Iterable<U> & AsyncIterable<U> => {
    const order = (): Int32Array | undefined =>
      shuffle ? permutation(count, stream(seed, purpose.batches, passes++)) : undefined;
    const places = visited ?? { length };
    const at = (i: number): number => visited?.[i] ?? i;
    return {
      [Symbol.iterator]: () => walk(places.length, at, order(), make),
      [Symbol.asyncIterator]: () => walkAhead(places.length, at, order(), make, ahead),
    };
  };
  return { ...begin(), length, [VISIT]: begin };
}

type Make<U> = (order: Int32Array | undefined, i: number) => Made<U>;

function* walk<U>(length: number, at: (i: number) => number, order: Int32Array | undefined, make: Make<U>) {
  for (let i = 0; i < length; i++) {
    const made = make(order, at(i));
    const since = context.closings;
    try {
      yield made.value;
    } finally {
      end(made, since);
    }
  }
}

async function* walkAhead<U>(
  length: number,
  at: (i: number) => number,
  order: Int32Array | undefined,
  make: Make<U>,
  ahead: number,
) {
  const queue: Made<U>[] = [];
  try {
    for (let i = 0; i < length;) {
      while (queue.length <= ahead && i + queue.length < length) queue.push(make(order, at(i + queue.length)));
      const made = queue.shift()!;
      i++;
      const since = context.closings;
      try {
        yield made.value;
      } finally {
        end(made, since);
      }
    }
  } finally {
    for (const made of queue) close(made.scope);
  }
}

/** The loop has moved on: releases a batch if scopes close here, else leaves it to the owner of everything else. */
function end<U>({ scope }: Made<U>, since: number): void {
  if (context.closings !== since) close(scope);
  else for (const x of scope.handles) if (x.owner === scope) adopt(x, context.scope);
}

/** Closes a scope of this file. It does not count as one of the loop's: other passes may be running. */
function close(scope: Scope): void {
  closeScope(scope);
  context.closings--;
}

const isTensor = (x: unknown): x is Tensor => typeof x === "object" && x !== null && BRAND in x;
const isSource = (x: unknown): x is Source => isTensor(x) || isHostArray(x) || ArrayBuffer.isView(x) || isNumbers(x);

/** The sources, with names for messages. */
function sourcesOf(arrays: unknown): [name: string, source: Source][] {
  if (isSource(arrays)) return [["the source", arrays]];
  if (typeof arrays !== "object" || arrays === null)
    throw new ArgumentError(`minibatch: wanted a source, a list or an object of sources, got ${String(arrays)}.`);
  const list = Object.entries(arrays) as [string, Source][];
  if (list.length === 0) throw new ArgumentError("minibatch: wanted at least one source, got none.");
  return Array.isArray(arrays) ? list.map(([i, source]) => [`source ${i}`, source]) : list;
}

function lengthOf(named: readonly { name: string; source: Tensor | HostArray }[]): number {
  const shown = named.map(({ name, source }) => {
    const x = isTensor(source) ? readTensor(source, "minibatch") : source;
    if (x.shape.length === 0) throw new ShapeError(`minibatch: ${name} is a scalar, without an axis to slice along.`);
    return { count: x.shape[0]!, text: `${name} ${show(x)}` };
  });
  const [first] = shown;
  if (shown.some(({ count }) => count !== first!.count))
    throw new ShapeError(
      `minibatch: the first axes differ: ${shown.map(({ text }) => text).join(", ")}. ` +
        "All sources need the same number of items.",
    );
  return first!.count;
}

function backendOf(named: readonly [string, Source][], wanted: Backend | undefined): Backend | undefined {
  let backend = wanted;
  for (const [name, source] of named) {
    if (!isTensor(source)) continue;
    const its = readTensor(source, "minibatch").interpreter.backend;
    backend ??= its;
    if (its !== backend)
      throw new BackendMismatchError(
        `minibatch: ${name} is on ${its.name}, but batches go to ${backend.name}. ` +
          "Move it with place(), or make it there.",
      );
  }
  return backend;
}
