// A search along a line: parameters are moved, and the loss and its slope are read, until a better point is found.
import type { Param } from "@weft/autograd";
import { abs, add, cast, concat, max, maximum, mul, reshape, scope, sum, type Tensor } from "@weft/tensor";
import { DivergenceError } from "../converge.ts";
import type { Attempt } from "./attempt.ts";
import { strongWolfe, type Trial } from "./line-search.ts";
import { shelved, type Point, type Shelf } from "./point.ts";

export const total = (xs: readonly Tensor[]): Tensor => xs.reduce((a, b) => add(a, b));
export const largest = (xs: readonly Tensor[]): Tensor => xs.map((x) => max(abs(x))).reduce((a, b) => maximum(a, b));
const dot = (xs: readonly Tensor[], ys: readonly Tensor[]): Tensor => total(xs.map((x, k) => sum(mul(x, ys[k]!))));

/** Reads scalars and vectors, all at once. */
export async function numbersOf(f: () => readonly Tensor[]): Promise<ArrayLike<number>> {
  const { all, clear } = shelved(() => ({ all: concat(f().map((x) => reshape(x, [x.size]))) }));
  try {
    return (await all.data()) as ArrayLike<number>;
  } finally {
    clear();
  }
}

/** The values of parameters, and a direction from there. */
export interface Line extends Shelf {
  readonly origin: readonly Tensor[];
  readonly d: readonly Tensor[];
}

/** Moves parameters to t d from the origin. */
const move = (params: readonly Param[], { origin, d }: Line, t: number): void =>
  scope(() => {
    for (const [k, param] of params.entries())
      param.value = t === 0 ? origin[k]! : cast(add(origin[k]!, mul(d[k]!, t)), param.dtype);
  });

export interface SearchOptions {
  /** The update that the search is a part of. */
  readonly attempt: Attempt;
  /** The first step. */
  readonly t: number;
  /** How often the loss is evaluated at most. */
  readonly evaluations: number;
  /** A slope that is closer to 0 does not count as a descent, and a shorter move as none. */
  readonly least: number;
}

/** A better point. */
export interface Found {
  readonly point: Point;
  readonly t: number;
  readonly loss: number;
  /** The largest change of an element. */
  readonly moved: number;
  /** The product of the change of the parameters with that of the gradient. */
  readonly curvature: number;
}

/**
 * Searches along a line from a point with a known loss. Parameters are at the point that it returns; if it returns
 * undefined, or throws, they are where they were.
 */
export async function searched(
  before: Point,
  loss: number,
  line: Line,
  evaluated: () => Point,
  { attempt, t: first, evaluations, least }: SearchOptions,
): Promise<Found | undefined> {
  const { params } = before;
  let now: { readonly t: number; readonly point: Point } | undefined;
  const measured = async (t: number, more: () => readonly Tensor[]): Promise<ArrayLike<number>> => {
    attempt.part(() => move(params, line, t));
    now?.point.clear();
    now = undefined;
    const point = evaluated();
    now = { t, point };
    const numbers = await numbersOf(() => [point.loss, dot(point.gradients, line.d), ...more()]);
    if (numbers[0] === -Infinity)
      throw new DivergenceError(
        `lbfgs: the loss falls to -Infinity in the direction of a step, so it has no minimum there; nothing was changed. Bound the loss from below, or begin elsewhere.`,
      );
    return numbers;
  };
  const evaluate = async (t: number): Promise<Trial> => {
    const numbers = await measured(t, () => []);
    return { t, loss: numbers[0]!, slope: numbers[1]! };
  };
  let found: Found | undefined;
  try {
    const numbers = await measured(first, () => [dot(before.gradients, line.d), largest(line.d)]);
    const trial: Trial = { t: first, loss: numbers[0]!, slope: numbers[1]! };
    const [start, reach] = [{ t: 0, loss, slope: numbers[2]! }, numbers[3]!];
    if (!Number.isFinite(start.slope))
      throw new DivergenceError(
        `lbfgs: the gradient is too large to be multiplied by itself (a step of 1 moves an element by ${reach}); nothing was changed. Multiply the loss by a small number.`,
      );
    if (start.slope < -least) {
      const best = await strongWolfe(evaluate, start, trial, evaluations, least / reach);
      if (best !== start) {
        if (now!.t !== best.t) await evaluate(best.t);
        const curvature = best.t * (best.slope - start.slope);
        found = { ...best, point: now!.point, moved: best.t * reach, curvature };
      }
    }
    return found;
  } finally {
    if (found === undefined) {
      attempt.part(() => move(params, line, 0));
      now?.point.clear();
    }
  }
}
