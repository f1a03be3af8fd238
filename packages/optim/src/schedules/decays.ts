// Rates that change with the step, which counts from 0: pure functions of it.
import { ArgumentError } from "@weft/tensor";
import {
  describe,
  fraction,
  nonNegativeFinite,
  oneOf,
  positive,
  positiveCount,
  readOptions,
  readValue,
  type OptionKind,
} from "@weft/tensor/internals";

/** The rate of each step, counted from 0. */
export type Schedule = (step: number) => number;

export interface StepDecayOptions {
  /** After how many steps the rate falls, each time. */
  readonly every?: number;
  /** The steps at which it falls, instead of `every`. */
  readonly at?: readonly number[];
  /** What the rate is multiplied by. */
  readonly factor?: number;
}

const places: OptionKind<readonly number[]> = {
  wanted: "a list of steps",
  is: (x): x is readonly number[] => Array.isArray(x) && x.every((step) => Number.isSafeInteger(step)),
};

/**
 * A rate that falls now and then: lr · factorⁿ, where n = ⌊step / every⌋, or how many steps in `at` have come. Like
 * PyTorch's `StepLR` and `MultiStepLR`.
 *
 * @example
 * const rate = stepDecay(0.5, { every: 30 });
 * rate(29); // 0.5
 * rate(30); // 0.05
 *
 * @example
 * const rate = stepDecay(1, { at: [10, 15], factor: 0.5 });
 * rate(15); // 0.25
 */
export function stepDecay(lr: number, options: StepDecayOptions): Schedule {
  const op = "stepDecay";
  readValue(op, "lr", lr, nonNegativeFinite);
  const kinds = { every: positiveCount, at: places, factor: positive };
  const { every, at, factor } = readOptions(op, options, kinds, { factor: 0.1 });
  if ((every === undefined) === (at === undefined))
    throw new ArgumentError(
      "stepDecay: wanted either every, a number of steps, or at, a list of steps, " +
        `got ${every === undefined ? "none of them" : `every ${every} and at ${describe(at)}`}`,
    );
  const steps = at?.slice();
  const falls = (step: number): number => steps?.filter((place) => place <= step).length ?? Math.floor(step / every!);
  return (step) => lr * factor ** falls(step);
}

export interface DecayOptions {
  /** The number of steps until the rate is `end`. Then it stays there. */
  readonly steps: number;
  readonly end?: number;
}

/** The share of the way that is done at a step. */
const share = (step: number, steps: number): number => Math.min(step / steps, 1);

/** From `from` to `to` along half a wave. */
const cosine = (from: number, to: number, part: number): number =>
  to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
const line = (from: number, to: number, part: number): number => from + (to - from) * part;

/** A schedule from `lr` to `end` along a curve. */
function decay(op: string, lr: number, options: DecayOptions, curve: typeof line): Schedule {
  readValue(op, "lr", lr, nonNegativeFinite);
  const { steps, end } = readOptions(op, options, { steps: positiveCount, end: nonNegativeFinite }, { end: 0 });
  readValue(op, "steps", steps, positiveCount);
  return (step) => curve(lr, end, share(step, steps));
}

/**
 * A rate that falls along half a cosine wave: end + (lr − end) · (1 + cos(π · s)) / 2, where s = min(step / steps, 1)
 * (Loshchilov and Hutter 2017). Like PyTorch's `CosineAnnealingLR` up to `steps`, and optax's `cosine_decay_schedule`.
 *
 * @example
 * const rate = cosineDecay(0.5, { steps: 100, end: 0.25 });
 * rate(50); // 0.375
 * rate(200); // 0.25
 */
export const cosineDecay = (lr: number, options: DecayOptions): Schedule => decay("cosineDecay", lr, options, cosine);

/**
 * A rate that falls, or rises, along a line: lr + (end − lr) · min(step / steps, 1). Like optax's `linear_schedule`, and
 * PyTorch's `PolynomialLR`.
 *
 * @example
 * const rate = linearDecay(0.5, { steps: 100 });
 * rate(25); // 0.375
 */
export const linearDecay = (lr: number, options: DecayOptions): Schedule => decay("linearDecay", lr, options, line);

export interface OneCycleOptions {
  /** The number of steps of the cycle. Later the rate stays what it is in the last one. */
  readonly steps: number;
  /** The share of the steps in which the rate rises. */
  readonly warmup?: number;
  /** The first rate is lr / divisor. */
  readonly divisor?: number;
  /** The last rate is the first one / finalDivisor. */
  readonly finalDivisor?: number;
  readonly curve?: "cosine" | "linear";
}

/**
 * One cycle (Smith and Topin 2019): from lr / divisor up to `lr` at the step r = warmup · steps − 1, then down to lr /
 * divisor / finalDivisor at the last step, steps − 1; each time along half a cosine wave, or a line. Like PyTorch's
 * `OneCycleLR` (without cycles of the momentum).
 *
 * @example
 * const rate = oneCycle(0.5, { steps: 20, warmup: 0.25 });
 * rate(0); // 0.02
 * rate(4); // 0.5
 */
export function oneCycle(lr: number, options: OneCycleOptions): Schedule {
  const op = "oneCycle";
  readValue(op, "lr", lr, nonNegativeFinite);
  const { steps, warmup, divisor, finalDivisor, curve } = readOptions(
    op,
    options,
    {
      steps: positiveCount,
      warmup: fraction,
      divisor: positive,
      finalDivisor: positive,
      curve: oneOf("cosine", "linear"),
    },
    { warmup: 0.3, divisor: 25, finalDivisor: 1e4, curve: "cosine" as const },
  );
  readValue(op, "steps", steps, positiveCount);
  const between = curve === "cosine" ? cosine : line;
  const [first, last, top] = [lr / divisor, lr / divisor / finalDivisor, Math.max(warmup * steps - 1, 0)];
  return (step) =>
    step < top ? between(first, lr, step / top) : between(lr, last, share(step - top, Math.max(steps - 1 - top, 1e-9)));
}
