// The types of batches: which sources there are, and what a batch of them looks like.
import type { Backend, Tensor } from "@weft/tensor";
import type { HostArray, Numbers } from "../host-array.ts";
import type { BESIDE, Position } from "../position.ts";

/** Where batches come from: host data, uploaded batch by batch; a tensor, sliced there; or what says it itself. */
export type Source = Tensor | Numbers | CustomSource<unknown, 1 | 2>;

/** A source that makes its part of a batch itself, out of S; it may be two parts. */
export interface CustomSource<S, N extends 1 | 2> {
  /** Reads and checks it; names are for messages. */
  [COLUMN](op: string, name: string): Column;
  /** For the compiler only: there is no such field. */
  readonly [MADE]?: readonly [S, N];
}
export const COLUMN: unique symbol = Symbol.for("weft.data.column");
declare const MADE: unique symbol;

/** The items of one batch: those from `start` to `end`, or those with these indices. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly indices: Int32Array | undefined;
  /** The number of the pass, from 0. */
  readonly pass: number;
  /** The indices on a backend. */
  readonly positions: (backend: Backend) => Tensor;
}

/** One source, read and checked. */
export interface Column {
  readonly name: string;
  readonly items: number;
  /** For messages: `f32[10,2]`. */
  readonly shown: string;
  /** Where it is, if it is a tensor. */
  readonly backend: Backend | undefined;
  readonly parts: (cut: Cut, backend: Backend | undefined) => (HostArray | Tensor)[];
}

type Leaf<S> =
  S extends CustomSource<infer T, 1 | 2>
    ? Leaf<T>
    : S extends Source
      ? S
      : S extends readonly (infer E)[]
        ? Leaf<E>
        : S extends object
          ? Leaf<S[keyof S]>
          : S;

/** Everything is a tensor if there is a backend or a tensor among the sources. */
type Kind<S, B> = [Extract<Leaf<S>, Tensor>] extends [never] ? (B extends Backend ? Tensor : HostArray) : Tensor;

/** What one source becomes in the tuple around it: ragged data become two, the padded items and their lengths. */
type Parts<S, P> = S extends CustomSource<unknown, 2> ? [P, P] : [Part<S, P>];
type Part<S, P> =
  S extends CustomSource<unknown, 2>
    ? [P, P]
    : S extends Source
      ? P
      : S extends readonly unknown[]
        ? PartsOfList<S, P>
        : string extends keyof S
          ? P[]
          : PartsOfRecord<S, keyof S, P, Parts<S[keyof S], P>[number]>;

type PartsOfList<S extends readonly unknown[], P> = S extends readonly [infer H, ...infer R]
  ? [...Parts<H, P>, ...PartsOfList<R, P>]
  : S extends readonly []
    ? []
    : S extends readonly (infer E)[]
      ? Parts<E, P>[number][]
      : never;

/**
 * A tuple over the names K. The compiler takes them one by one in an order of its own, so a part has the type of any
 * part: with lists or records among the fields, a list of sources has more precise types.
 */
type PartsOfRecord<S, K, P, Any> = [K] extends [never]
  ? []
  : (K extends unknown ? (f: () => K) => void : never) extends (f: infer F extends () => unknown) => void
    ? [
        ...(S[ReturnType<F> & keyof S] extends CustomSource<unknown, 2> ? [P, P] : [Any]),
        ...PartsOfRecord<S, Exclude<K, ReturnType<F>>, P, Any>,
      ]
    : never;

/** One batch: a tuple as long as a list or an object of sources, one tensor for a single source. */
export type Batch<S, B> = 0 extends 1 & S ? any : Part<S, Kind<S, B>>; // of what is `any`, any

/** Batches, which can be iterated over any number of times. */
export interface Batches<T> extends Iterable<T>, AsyncIterable<T> {
  /** The number of batches in one pass. */
  readonly length: number;
  /**
   * Where the loop is that moved last: `batch` is the number of the one that it yields next. Saved in a tree with the
   * batches and loaded, or assigned, the next loop goes on there, in the order of that pass. `evaluate` and `predict` of
   * `@weft/train` do not move it.
   */
  get position(): Position;
  set position(now: Pick<Position, "pass" | "batch">);
  /** A pass that yields the batches in another order: for `shuffle`. */
  readonly [VISIT]: {
    (order: ArrayLike<number>): Iterable<T> & AsyncIterable<T>;
    /** How many items of a pass are in none of its batches, because they do not fill one. */
    readonly left: number;
    /** Where the batches are made, if that is known. */
    readonly backend: Backend | undefined;
  };
  readonly [BESIDE]: () => Batches<T>;
}
export const VISIT: unique symbol = Symbol.for("weft.data.visit");
