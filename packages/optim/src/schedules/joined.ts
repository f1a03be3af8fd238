// Schedules made of others. A number is the schedule that never changes.
import { ArgumentError } from "@weft/tensor";
import { describe, nonNegativeFinite, positiveCount, readOptions, readValue } from "@weft/tensor/internals";
import { rateKind, rateOf, type Rate } from "../groups.ts";
import type { Schedule } from "./decays.ts";

/**
 * A schedule after a warm-up: in the first steps the rate goes along a line from `start` to the schedule's first rate,
 * start + (schedule(0) − start) · step / steps, then it is schedule(step − steps). Like optax's
 * `warmup_cosine_decay_schedule` and its kind.
 *
 * @example
 * const rate = warmup(cosineDecay(0.5, { steps: 900 }), { steps: 100 });
 * rate(50); // 0.25
 * rate(100); // 0.5
 * rate(550); // 0.25
 */
export function warmup(schedule: Rate, options: { readonly steps: number; readonly start?: number }): Schedule {
  const op = "warmup";
  readValue(op, "the schedule", schedule, rateKind);
  const { steps, start } = readOptions(op, options, { steps: positiveCount, start: nonNegativeFinite }, { start: 0 });
  readValue(op, "steps", steps, positiveCount);
  return (step) =>
    step < steps ? start + (rateOf(schedule, 0) - start) * (step / steps) : rateOf(schedule, step - steps);
}

/**
 * Several schedules one after another: the next one begins at each of the `boundaries`, and counts its steps from there.
 * Like optax's `join_schedules`, and PyTorch's `SequentialLR`.
 *
 * @example
 * const rate = joinSchedules([0.5, linearDecay(0.5, { steps: 100 }), 0.125], [1000, 1075]);
 * rate(999); // 0.5
 * rate(1050); // 0.25
 * rate(2000); // 0.125
 */
export function joinSchedules(schedules: readonly Rate[], boundaries: readonly number[]): Schedule {
  const op = "joinSchedules";
  if (!Array.isArray(schedules) || !Array.isArray(boundaries) || boundaries.length !== schedules.length - 1)
    throw new ArgumentError(
      `${op}: wanted a list of schedules, and between each two a boundary, got ${describe(schedules)} and ${describe(boundaries)}`,
    );
  const all = schedules.map((schedule: unknown) => readValue(op, "a schedule", schedule, rateKind));
  const begins = [0, ...boundaries.map((at: unknown) => readValue(op, "a boundary", at, positiveCount))];
  if (begins.some((at, k) => k > 0 && at <= begins[k - 1]!))
    throw new ArgumentError(`${op}: wanted boundaries that increase, got ${boundaries.join(", ")}`);
  return (step) => {
    const now = Math.max(
      begins.findLastIndex((at) => at <= step),
      0,
    );
    return rateOf(all[now]!, step - begins[now]!);
  };
}
