// Iterators: the first few, every n-th, repeated, in a random order. Each works on synchronous and asynchronous
// sources, is lazy, and can be iterated over as often as its source can.
import { ArgumentError, type Backend } from "@weft/tensor";
import { readOptions, seedNumber, shown, wantIterable } from "@weft/tensor/internals";
import { VISIT, type Batches } from "./batches/batch.ts";
import {
  BESIDE,
  beside,
  PASSES,
  passesBeside,
  passesOf,
  positionOf,
  type Cursor,
  type Passes,
  type Position,
} from "./position.ts";
import { permutation, purpose, stream } from "./stream.ts";

/** Made from a synchronous source it supports `for` and `for await`; from an asynchronous one, only `for await`. */
export interface Sequence<T> extends Iterable<T>, AsyncIterable<T> {
  /**
   * How many items the next pass yields, or the one that is under way, if the source's length is known: what is left of
   * a pass that goes on from a position.
   */
  readonly length: number | undefined;
  /** Where the latest pass is, if the source says so; see `minibatch`. */
  readonly position: Position | undefined;
}
export interface AsyncSequence<T> extends AsyncIterable<T> {
  readonly length: number | undefined;
  readonly position: Position | undefined;
}
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

/** A number of items, or what says it when iteration begins. */
export type Count = number | (() => number);

interface Traversal {
  /** How many times the source is iterated over. */
  readonly rounds: number;
  /** Yields one item of this many. */
  readonly every: number;
  /** Ends after this many items. */
  readonly first: number;
  /** Whether those that an interrupted loop gave of the same pass are among them. */
  readonly ofPass?: boolean;
}

/** Whether a source can be iterated over without waiting. */
const isSynchronous = (x: AnyIterable<unknown>): x is Iterable<unknown> =>
  typeof (x as Iterable<unknown>)[Symbol.iterator] === "function";

/** How many items a source has, if it says so. */
const lengthOf = (source: object): number | undefined => {
  if (typeof source !== "object") return (source as ArrayLike<unknown>).length; // a string
  if ("length" in source && typeof source.length === "number") return source.length;
  return "size" in source && typeof source.size === "number" ? source.size : undefined;
};

/** What is known of the length of a pass. */
interface Extent {
  /** How many items a pass has from its beginning. */
  readonly whole: number | undefined;
  /** How many of them an interrupted loop gave before. */
  readonly given: number;
  /** How many come. */
  readonly left: number | undefined;
  /** Whether it may be several passes: then nobody knows with which of them the interrupted loop began. */
  readonly repeats: boolean;
}
const EXTENT: unique symbol = Symbol.for("weft.data.extent");
/** Of which pass: that of the next loop, or the one that is under way, if one is. */
type Which = "next" | "latest";

/** The extent of what has a position of its own. */
function extentAt(whole: number | undefined, position: Position | undefined, which: Which): Extent {
  const passes = position?.[PASSES];
  const given = (which === "next" ? passes?.next() : passes?.first()) ?? 0;
  return { whole, given, left: whole === undefined ? undefined : Math.max(whole - given, 0), repeats: false };
}

export function extentOf(source: object, which: Which): Extent {
  if (typeof source === "object" && EXTENT in source) return (source[EXTENT] as (which: Which) => Extent)(which);
  const whole = lengthOf(source);
  const extent = extentAt(whole, positionOf(source), which);
  // The length of batches is that of a whole pass; what else has one says how much comes.
  return typeof source === "object" && VISIT in source ? extent : { ...extent, left: whole };
}

/**
 * How many of the first items come, if an interrupted loop gave some of them. One that gave more was another loop: then all
 * come.
 */
const comingOf = ({ given, repeats }: Extent, { first, ofPass }: Traversal): number =>
  ofPass === true && !repeats && given <= first ? first - given : first;

/**
 * The extent of a traversal of a source, of which so many passes are gone. Where nothing is to come of it, 0 times infinity
 * is 0.
 */
function traversed(extent: Extent, traversal: Traversal, gone: number): Extent {
  const { whole, given, left } = extent;
  const { rounds, every, first } = traversal;
  const repeats = extent.repeats || rounds !== 1;
  const per = (n: number): number => Math.floor(n / every);
  const before = per(given) + (rounds === 1 || whole === undefined ? 0 : gone * per(whole));
  if (whole === undefined || left === undefined) return { whole: undefined, given: before, left: undefined, repeats };
  const times = (rounds: number): number => (rounds <= 0 || whole === 0 ? 0 : per(whole) * rounds);
  // Each round starts counting at its first item.
  const coming = rounds === 0 ? 0 : per(given + left) - per(given) + times(rounds - 1);
  return {
    whole: Math.min(times(rounds), first),
    given: before,
    left: Math.min(coming, comingOf(extent, traversal)),
    repeats,
  };
}

/** Notes that a loop begins; the result notes that it is left. */
type Begin = () => () => void;

/** Ends the pass of a source that is left before its end. */
const endPass = (source: unknown): void => positionOf(source)?.[PASSES].end();

function* walk<T>(source: Iterable<T>, traversal: Traversal, begin: Begin): Generator<T> {
  const { rounds, every, first } = traversal;
  const leave = begin();
  try {
    const coming = comingOf(extentOf(source, "next"), traversal);
    if (first > 0 && coming === 0) return endPass(source);
    let given = 0;
    for (let round = 0; round < rounds && first > 0; round++) {
      let seen = extentOf(source, "next").given; // a pass that is resumed has given these before
      for (const item of source) {
        if (++seen % every !== 0) continue;
        yield item;
        if (++given >= coming) return endPass(source);
      }
      if (seen === 0) return; // empty, or an exhausted generator: the loop would never end
    }
  } finally {
    leave();
  }
}

async function* walkLater<T>(source: AnyIterable<T>, traversal: Traversal, begin: Begin): AsyncGenerator<T> {
  const { rounds, every, first } = traversal;
  const leave = begin();
  try {
    const coming = comingOf(extentOf(source, "next"), traversal);
    if (first > 0 && coming === 0) return endPass(source);
    let given = 0;
    for (let round = 0; round < rounds && first > 0; round++) {
      let seen = extentOf(source, "next").given;
      for await (const item of source) {
        if (++seen % every !== 0) continue;
        yield item;
        if (++given >= coming) return endPass(source);
      }
      if (seen === 0) return;
    }
  } finally {
    leave();
  }
}

/** `left` is what a pass of the source leaves out, unless that is what the caller asks for. */
function walked<T>(op: string, source: AnyIterable<T>, walking: () => Traversal, left = 0): Sequence<T> {
  if (typeof source !== "string") wantIterable(op, "something to iterate over", source);
  const gone = (): number => positionOf(source)?.[PASSES].gone() ?? 0;
  /** Of the loops that are under way, the latest last: each stays what it was at the beginning. */
  const going: Extent[] = [];
  const begins = (traversal: Traversal) => () => {
    const mine = traversed(extentOf(source, "next"), traversal, gone());
    going.push(mine);
    return () => void going.splice(going.lastIndexOf(mine), 1);
  };
  const looping =
    <L>(loop: (traversal: Traversal, begin: Begin) => L) =>
    () => {
      const traversal = walking();
      return loop(traversal, begins(traversal));
    };
  return sequence({
    from: source,
    extent: (which) =>
      (which === "latest" ? going.at(-1) : undefined) ?? traversed(extentOf(source, which), walking(), gone()),
    position: () => positionOf(source),
    left,
    now: isSynchronous(source) ? looping((...how) => walk(source as Iterable<T>, ...how)) : undefined,
    later: looping((...how) => walkLater(source, ...how)),
    beside: () => walked(op, beside(source), walking, left),
  });
}

const LEFT: unique symbol = Symbol.for("weft.data.left");

/** How many items are in no batch of a pass, because they do not fill one, as far as the batches say so. */
export const leftOf = (source: unknown): number => {
  if (typeof source !== "object" || source === null) return 0;
  if (VISIT in source) return (source as Batches<unknown>)[VISIT].left;
  return LEFT in source ? (source[LEFT] as number) : 0;
};

const FROM: unique symbol = Symbol.for("weft.data.from");
/** Under this key a loop has what resolves when its items so far are checked (`checked` of @weft/optim). */
const CHECKED: unique symbol = Symbol.for("weft.checked");

/** On which backend the batches of data are made, as far as the data say so. */
export const placeOf = (source: unknown): Backend | undefined => {
  if (typeof source !== "object" || source === null) return undefined;
  if (VISIT in source) return (source as Batches<unknown>)[VISIT].backend;
  return FROM in source ? placeOf(source[FROM]) : undefined;
};

interface Sequential<T> {
  /** What its items come from. */
  readonly from: AnyIterable<T>;
  readonly extent: (which: Which) => Extent;
  readonly position: () => Position | undefined;
  readonly left: number;
  readonly now: (() => Iterator<T>) | undefined;
  readonly later: () => AsyncIterator<T>;
  readonly beside: () => AnyIterable<T>;
}

/** Lengths and positions cannot be assigned here, so they are not saved as values of this object. */
export const sequence = <T>({ from, extent, position, left, now, later, beside }: Sequential<T>): Sequence<T> =>
  ({
    [FROM]: from,
    [LEFT]: left,
    [EXTENT]: extent,
    [CHECKED]: async () => (from as { readonly [CHECKED]?: () => Promise<void> })[CHECKED]?.(),
    get length() {
      return extent("latest").left;
    },
    get position() {
      return position();
    },
    ...(now && { [Symbol.iterator]: now }),
    [Symbol.asyncIterator]: later,
    [BESIDE]: beside,
  }) as Sequence<T>;

/** Counts the items of a pass. */
function* counted<T>(items: Iterable<T>, passes: Passes, cursor: Cursor): Generator<T> {
  try {
    for (const item of items) {
      passes.take(cursor);
      yield item;
    }
    passes.end(cursor);
  } finally {
    cursor.first = 0;
  }
}

async function* countedLater<T>(items: AsyncIterable<T>, passes: Passes, cursor: Cursor): AsyncGenerator<T> {
  try {
    for await (const item of items) {
      passes.take(cursor);
      yield item;
    }
    passes.end(cursor);
  } finally {
    cursor.first = 0;
  }
}

const isWhole = (n: number): boolean => n === Infinity || Number.isInteger(n);

function whole(op: string, n: number, least: number): number {
  if (isWhole(n) && n >= least) return n;
  throw new ArgumentError(`${op}: n is ${shown(n)}, wanted a whole number from ${least}.`);
}

/** What a function says n is; what is left of a run that is over may be below 0. */
function told(op: string, n: number): number {
  if (isWhole(n)) return Math.max(n, 0);
  throw new ArgumentError(`${op}: n is a function that returned ${shown(n)}, wanted a whole number.`);
}

/** A number that is checked now, or when it is asked for. */
function counting(op: string, n: Count): () => number {
  if (typeof n === "function") return () => told(op, n());
  const known = whole(op, n, 0);
  return () => known;
}

/**
 * The first n items, or all if there are fewer; never asks for the next one. Where minibatches go on from a position, these
 * are the first n of that pass, so what is left of them comes: with `takeFirst(batches, 100)` an epoch has 100 steps, also if
 * it is interrupted and resumed. n may be a function: what is left of a run that may have been resumed. It is called whenever
 * iteration begins, and whenever `length` is asked for, so what it reads must be there before a loop around it is made. That
 * is needed over several passes, since a position does not say with which one a loop began:
 * of `takeFirst(cycle(batches), 20)` all 20 come again. So do all where more than n of the pass are over, as after another
 * loop.
 *
 * @example
 * [...takeFirst([1, 2, 3], 2)]; // [1, 2]
 *
 * @example
 * const optimizer = adam();
 * const left = takeFirst(cycle(batches), () => 20 - optimizer.steps);
 * left.length; // 20
 */
export function takeFirst<T>(source: Iterable<T>, n: Count): Sequence<T>;
export function takeFirst<T>(source: AsyncIterable<T>, n: Count): AsyncSequence<T>;
export function takeFirst<T>(source: AnyIterable<T>, n: Count): AsyncSequence<T> {
  const first = counting("takeFirst", n);
  const ofPass = typeof n === "number";
  return walked("takeFirst", source, () => ({ rounds: 1, every: 1, first: first(), ofPass }));
}

/**
 * Every n-th item: the n-th, the 2n-th, … (as in Julia's IterTools). Where minibatches go on from a position, those before
 * it count; of `cycle(batches)`, from the beginning of pass 0.
 *
 * @example
 * [...takeNth([1, 2, 3, 4, 5], 2)]; // [2, 4]
 */
export function takeNth<T>(source: Iterable<T>, n: number): Sequence<T>;
export function takeNth<T>(source: AsyncIterable<T>, n: number): AsyncSequence<T>;
export function takeNth<T>(source: AnyIterable<T>, n: number): AsyncSequence<T> {
  const every = whole("takeNth", n, 1);
  return walked("takeNth", source, () => ({ rounds: 1, every, first: Infinity }));
}

/**
 * Repeats the items without end. Each round iterates over the source anew, so shuffled minibatches come in a new order;
 * an empty source, or an exhausted generator, ends it.
 *
 * @example
 * [...takeFirst(cycle([1, 2]), 5)]; // [1, 2, 1, 2, 1]
 */
export function cycle<T>(source: Iterable<T>): Sequence<T>;
export function cycle<T>(source: AsyncIterable<T>): AsyncSequence<T>;
export function cycle<T>(source: AnyIterable<T>): AsyncSequence<T> {
  return walked("cycle", source, () => ({ rounds: Infinity, every: 1, first: Infinity }), leftOf(source));
}

/**
 * Repeats the items n times: n epochs. n may be a function that is called whenever iteration begins: with minibatches,
 * `() => n - batches.position.pass` is what is left of n epochs in a run that may have been resumed.
 *
 * @example
 * [...ncycle([1, 2], 2)]; // [1, 2, 1, 2]
 */
export function ncycle<T>(source: Iterable<T>, n: Count): Sequence<T>;
export function ncycle<T>(source: AsyncIterable<T>, n: Count): AsyncSequence<T>;
export function ncycle<T>(source: AnyIterable<T>, n: Count): AsyncSequence<T> {
  const rounds = counting("ncycle", n);
  return walked("ncycle", source, () => ({ rounds: rounds(), every: 1, first: Infinity }), leftOf(source));
}

/**
 * The items in a random order, a new one in every pass; pass n of a seed is always the same. Minibatches are made in
 * that order, one at a time; lists are not changed; anything else is collected before the first item.
 *
 * @example
 * [...shuffle([1, 2, 3], { seed: 1 })]; // the same three in another order
 */
export function shuffle<T>(source: Iterable<T>, options?: { seed?: number }): Sequence<T>;
export function shuffle<T>(source: AsyncIterable<T>, options?: { seed?: number }): AsyncSequence<T>;
export function shuffle<T>(source: AnyIterable<T>, options?: { seed?: number }): AsyncSequence<T> {
  const { seed } = readOptions("shuffle", options, { seed: seedNumber }, { seed: 0 });
  const order = (n: number, pass: number) => permutation(n, stream(seed, purpose.items, pass));
  if (typeof source === "object" && source !== null && VISIT in source) {
    const mixed = (batches: Batches<T>, passes: Passes): Sequence<T> => {
      const visit = (cursor: Cursor) => batches[VISIT](order(batches.length, cursor.pass));
      const begin = () => passes.begin(batches.length);
      return sequence({
        from: source,
        extent: (which) => extentAt(batches.length, passes.position, which),
        position: () => passes.position,
        left: leftOf(source),
        now: () => {
          const cursor = begin();
          return counted(visit(cursor), passes, cursor);
        },
        later: () => {
          const cursor = begin();
          return countedLater(visit(cursor), passes, cursor);
        },
        beside: () => {
          const other = beside(batches);
          return mixed(other, passesBeside("shuffle", passes, other.position));
        },
      });
    };
    const batches = source as Batches<T>;
    return mixed(batches, passesOf("shuffle", batches.position));
  }
  if (typeof source !== "string") wantIterable("shuffle", "something to iterate over", source);
  const collected = (source: AnyIterable<T>, passes: Passes): Sequence<T> => {
    const mix = (items: readonly T[], cursor: Cursor): Iterable<T> => {
      const left = order(items.length, cursor.pass).subarray(cursor.batch);
      return counted(
        Array.from(left, (i) => items[i]!),
        passes,
        cursor,
      );
    };
    async function* mixLater(cursor: Cursor): AsyncGenerator<T> {
      const items: T[] = [];
      for await (const item of source) items.push(item);
      yield* mix(items, cursor);
    }
    return sequence({
      from: source,
      extent: (which) => extentAt(lengthOf(source), passes.position, which),
      position: () => passes.position,
      left: leftOf(source),
      now: isSynchronous(source)
        ? () => {
            const items = [...(source as Iterable<T>)];
            return mix(items, passes.begin(items.length))[Symbol.iterator]();
          }
        : undefined,
      later: () => mixLater(passes.begin(Infinity)),
      beside: () => collected(beside(source), passesBeside("shuffle", passes)),
    });
  };
  return collected(source, passesOf("shuffle"));
}
