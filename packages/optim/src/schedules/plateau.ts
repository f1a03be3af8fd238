// A rate that depends on the losses so far: a schedule with a memory.
import { ArgumentError } from "@weft/tensor";
import { anyNumber, count, decay, nonNegativeFinite, oneOf, readOptions, readValue } from "@weft/tensor/internals";
import { rateKind, rateOf, type Rate } from "../groups.ts";
import type { Schedule } from "./decays.ts";

export interface PlateauOptions {
  /** What the rate is multiplied by: below 1. */
  readonly factor?: number;
  /** How many losses in a row may be no better before the rate falls. */
  readonly patience?: number;
  /** A loss is better if it is below best · (1 − threshold), or below best − threshold if that is "absolute". */
  readonly threshold?: number;
  readonly thresholdMode?: "relative" | "absolute";
  /** How many losses after a fall do not count. */
  readonly cooldown?: number;
  /** The smallest rate: at most `lr`. */
  readonly min?: number;
  /** Whether better is less ("min"), or more ("max"), as of an accuracy. */
  readonly mode?: "min" | "max";
}

/** What a plateau schedule remembers: plain numbers, which may be saved and assigned. */
export interface PlateauState {
  /** What the rate is multiplied by now. */
  scale: number;
  best: number;
  /** How many losses in a row were no better. */
  waited: number;
  /** How many more losses do not count. */
  cooling: number;
}

export interface PlateauSchedule extends Schedule {
  readonly state: PlateauState;
  /** Takes note of a loss, usually that of validation after an epoch. */
  observe(loss: number): void;
}

/**
 * A rate, or a schedule, that is multiplied by `factor` whenever more than `patience` losses in a row, given to
 * `observe`, were no better than the best one: max(min, lr(step) · factorⁿ). NaN is no better. Its `state` is saved with
 * the optimizer whose `lr` it is; inside another schedule it is saved if the tree names it: `save(file, { model,
 * optimizer, rate })`. Like PyTorch's `ReduceLROnPlateau`.
 *
 * @example
 * const rate = reduceOnPlateau(0.5, { patience: 1, factor: 0.5 });
 * const optimizer = adam({ lr: rate });
 * for (const loss of [3, 2, 2, 2]) rate.observe(loss);
 * optimizer.lr; // 0.25
 */
export function reduceOnPlateau(lr: Rate, options?: PlateauOptions): PlateauSchedule {
  const op = "reduceOnPlateau";
  readValue(op, "lr", lr, rateKind);
  const { factor, patience, threshold, thresholdMode, cooldown, min, mode } = readOptions(
    op,
    options,
    {
      factor: decay,
      patience: count,
      threshold: nonNegativeFinite,
      thresholdMode: oneOf("relative", "absolute"),
      cooldown: count,
      min: nonNegativeFinite,
      mode: oneOf("min", "max"),
    },
    {
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: "relative" as const,
      cooldown: 0,
      min: 0,
      mode: "min" as const,
    },
  );
  if (typeof lr === "number" && min > lr)
    throw new ArgumentError(`${op}: min is the smallest rate, got min ${min} above lr ${lr}; wanted at most lr`);
  const sign = mode === "min" ? 1 : -1;
  const state: PlateauState = { scale: 1, best: sign * Infinity, waited: 0, cooling: 0 };
  const isBetter = (x: number): boolean => {
    const { best } = state;
    const least =
      thresholdMode === "relative" && Number.isFinite(best) ? best * (1 - sign * threshold) : best - sign * threshold;
    return sign * (least - x) > 0;
  };
  const observe = (x: number): void => {
    readValue(op, "a loss", x, anyNumber);
    const better = isBetter(x);
    if (better) state.best = x;
    state.waited = better ? 0 : state.waited + 1;
    if (state.cooling > 0) {
      state.cooling--;
      state.waited = 0;
    }
    if (state.waited <= patience) return;
    state.scale *= factor;
    state.cooling = cooldown;
    state.waited = 0;
  };
  const schedule = (step: number): number => Math.max(rateOf(lr, step) * state.scale, min);
  return Object.assign(schedule, { state, observe });
}
