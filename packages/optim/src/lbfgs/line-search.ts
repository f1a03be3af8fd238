// A step length along a line that satisfies the strong Wolfe conditions: the loss falls enough, and its slope is small
// (Nocedal and Wright 2006, algorithms 3.5 and 3.6, with cubic interpolation).

/** A point of the line: its loss, and its slope along the line. */
export interface Trial {
  readonly t: number;
  readonly loss: number;
  readonly slope: number;
}

/** The share of the expected fall that a step must reach, and of the slope that may be left. */
const [enough, flat] = [1e-4, 0.9];
/** How far a step may be extended, as a multiple of the last extension. */
const farthest = 10;

/** The minimum of the cubic through two points with their slopes; not a number if it has none. */
function cubicMinimum(a: Trial, b: Trial): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.t - b.t);
  const d2 = Math.sign(b.t - a.t) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  return b.t - ((b.t - a.t) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
}

/** x, kept in an interval; its middle if x is not a number. */
function within(x: number, low: number, high: number): number {
  return Number.isFinite(x) ? Math.min(Math.max(x, low), high) : (low + high) / 2;
}

/**
 * Finds a step from `start` (t = 0), beginning with `first`. Returns the best trial that it found after at most so many
 * evaluations, or once the interval is shorter than `shortest`: `start` if none was better.
 */
export async function strongWolfe(
  evaluate: (t: number) => Promise<Trial>,
  start: Trial,
  first: Trial,
  evaluations: number,
  shortest: number,
): Promise<Trial> {
  const fallsEnough = ({ t, loss }: Trial): boolean => loss <= start.loss + enough * t * start.slope;
  const isFlat = ({ slope }: Trial): boolean => Math.abs(slope) <= -flat * start.slope;
  let left = evaluations - 1;
  let [low, now] = [start, first];
  let high: Trial | undefined;
  // A minimum lies between two trials as soon as the loss or its slope rises.
  while (high === undefined) {
    if (!fallsEnough(now) || !Number.isFinite(now.slope) || (low !== start && now.loss >= low.loss)) high = now;
    else if (isFlat(now)) return now;
    else if (now.slope >= 0) [low, high] = [now, low];
    else if (left-- <= 0) return now;
    else {
      const next = cubicMinimum(low, now);
      const reach = now.t - low.t;
      low = now;
      now = await evaluate(within(next > now.t ? next : NaN, now.t + 0.01 * reach, now.t + farthest * reach));
    }
  }
  // `low` always falls enough, and is the best so far.
  while (left-- > 0 && Math.abs(high.t - low.t) > shortest) {
    const [from, to] = [Math.min(low.t, high.t), Math.max(low.t, high.t)];
    const margin = 0.1 * (to - from);
    now = await evaluate(within(cubicMinimum(low, high), from + margin, to - margin));
    if (!fallsEnough(now) || !Number.isFinite(now.slope) || now.loss >= low.loss) high = now;
    else {
      if (isFlat(now)) return now;
      if (now.slope * (high.t - low.t) >= 0) high = low;
      low = now;
    }
  }
  return low;
}
