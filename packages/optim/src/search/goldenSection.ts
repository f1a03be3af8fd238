// The minimum of a function of a few numbers that takes long to compute: a search along its axes.
import { ArgumentError } from "@weft/tensor";
import {
  boolean,
  callable,
  describe,
  positive,
  positiveCount,
  readOptions,
  readValue,
  type OptionKind,
} from "@weft/tensor/internals";
import { evaluated, type Search } from "./evaluated.ts";

/** Points and their values. */
export type History = [x: number[], value: number][];

export interface GoldenSectionOptions {
  /** The search ends when no step is longer. */
  readonly dxmin?: number;
  /** What a step grows by when it succeeds, and shrinks by when it fails. */
  readonly accel?: number;
  /** Known values, which are not computed again. New ones are added. */
  readonly history?: History;
  /** Whether each new value is printed. */
  readonly verbose?: boolean;
}

/** The least value, and where it is. */
export type Minimum = readonly [fmin: number, xmin: number[]];

const isNumbers = (x: unknown): boolean => Array.isArray(x) && x.every((a) => typeof a === "number");

const record: OptionKind<History> = {
  wanted: "a list of points and values, [[x, f(x)], …], all of them numbers",
  is: (x): x is History =>
    Array.isArray(x) &&
    x.every((pair: unknown) => Array.isArray(pair) && isNumbers(pair[0]) && typeof pair[1] === "number"),
};

const golden = (1 + Math.sqrt(5)) / 2;

/**
 * Minimizes f(x), where x is a list of n numbers, by golden section search in all dimensions at once: it begins at 0
 * with a step of 1 in each dimension, and always tries the dimension with the largest expected gain. A step that finds a
 * smaller value is made, and grows by `accel`; one that does not turns around and shrinks. The search ends when no step
 * is longer than `dxmin`. NaN is no gain: f may return it where it is not defined. f should map x to useful values, as
 * in `0.001 * Math.exp(x)` for a rate. Returns [fmin, xmin], as a promise if f returns one. Like Knet's `goldensection`.
 *
 * @example
 * const [fmin, [x, y]] = goldenSection(([x, y]) => (x - 1) ** 2 + (y + 2) ** 2, 2, { dxmin: 0.001 });
 * [fmin < 1e-5, Math.abs(x - 1) < 0.01, Math.abs(y + 2) < 0.01]; // [true, true, true]
 *
 * @example
 * const trained = async ([x]) => (await minimize(f, data, sgd({ lr: 0.1 * Math.exp(x) }))).item();
 * const [loss, [best]] = await goldenSection(trained, 1, { dxmin: 0.5 });
 */
export function goldenSection(
  f: (x: number[]) => Promise<number>,
  n: number,
  options?: GoldenSectionOptions,
): Promise<Minimum>;
export function goldenSection(f: (x: number[]) => number, n: number, options?: GoldenSectionOptions): Minimum;
export function goldenSection(
  f: (x: number[]) => number | Promise<number>,
  n: number,
  options?: GoldenSectionOptions,
): Minimum | Promise<Minimum> {
  const op = "goldenSection";
  readValue(op, "f", f, callable);
  readValue(op, "n", n, positiveCount);
  const read = readOptions(
    op,
    options,
    { dxmin: positive, accel: positive, history: record, verbose: boolean },
    { dxmin: 0.1, accel: golden, verbose: false },
  );
  if (!(read.accel > 1)) throw new ArgumentError(`${op}: wanted a number above 1 as accel, got ${read.accel}`);
  return evaluated(sections(f, n, read.dxmin, read.accel, read.history ?? [], read.verbose));
}

function* sections(
  f: (x: number[]) => number | Promise<number>,
  n: number,
  dxmin: number,
  accel: number,
  history: History,
  verbose: boolean,
): Search<Minimum> {
  function* valueAt(x: readonly number[]): Generator<() => unknown, number, never> {
    const known = history.find(([at]) => at.length === n && at.every((a, i) => a === x[i]));
    if (known !== undefined) return known[1];
    const value: unknown = yield () => f([...x]);
    if (typeof value !== "number")
      throw new ArgumentError(`goldenSection: wanted a number as f(x), got ${describe(value)}`);
    history.push([[...x], value]);
    if (verbose) console.log(`f(${x.join(", ")}) = ${value}`);
    return value;
  }
  let x = Array.from({ length: n }, () => 0);
  let least = yield* valueAt(x);
  const steps = x.map(() => 1);
  const gains = x.map(() => Infinity);
  while (steps.some((step) => Math.abs(step) > dxmin)) {
    const i = gains.indexOf(Math.max(...gains));
    const next = x.with(i, x[i]! + steps[i]!);
    const value = yield* valueAt(next);
    // A first value of NaN is worse than any other.
    const gain = Number.isNaN(least) && !Number.isNaN(value) ? Infinity : least - value;
    if (gain > 0) {
      [x, least] = [next, value];
      steps[i]! *= accel;
      gains[i] = accel * gain;
      // Elsewhere the function has changed: dimensions that were done are tried again, after the others.
      steps.forEach((step, k) => {
        if (Math.abs(step) >= dxmin * accel) return;
        steps[k] = Math.sign(step) * dxmin * accel;
        gains[k] = Math.max(gains[k]!, 0);
      });
    } else {
      steps[i]! /= -accel;
      gains[i] = Math.abs(steps[i]!) < dxmin ? -1 : Number.isNaN(gain) ? 0 : -gain / accel;
    }
  }
  return [least, x];
}
