// Initial values from a normal distribution without its tails.
import { ArgumentError } from "@weft/tensor";
import { anyNumber, finiteNumber, positive, readOptions, sizeOf, type OptionKinds } from "@weft/tensor/internals";
import type { Draws } from "./host-random.ts";
import { fans, type Initializer } from "./initializers.ts";
import { log } from "./normal-pair.ts";

export interface TruncatedNormalOptions {
  readonly mean?: number;
  readonly std?: number;
  /** The smallest and the largest value, by default -2 and 2. */
  readonly low?: number;
  readonly high?: number;
}
const kinds: OptionKinds<TruncatedNormalOptions> = {
  mean: finiteNumber,
  std: positive,
  low: anyNumber,
  high: anyNumber,
};

/**
 * `size` standard normal numbers from `low` to `high`: even numbers x, each accepted with the probability that the
 * density at x has of the largest one there.
 */
function between(low: number, high: number, size: number, draws: Draws): Float64Array {
  const peak = Math.min(Math.max(0, low), high);
  // From here on the density is below e⁻⁴⁰ of the largest.
  const reach = Math.min(9, 40 / Math.abs(peak));
  const [from, to] = [Math.max(low, peak - reach), Math.min(high, peak + reach)];
  const values = new Float64Array(size);
  for (let filled = 0; filled < size;) {
    const places = draws.uniform(size - filled);
    const chances = draws.uniform(size - filled);
    for (let i = 0; i < places.length; i++) {
      const x = from + places[i]! * (to - from);
      if (log(1 - chances[i]!) <= ((peak - x) * (peak + x)) / 2) values[filled++] = x;
    }
  }
  return values;
}

/**
 * N(mean, std²) without what lies below `low` or above `high`, as PyTorch's `trunc_normal_`. The bounds are values, not
 * standard deviations.
 *
 * @example
 * Linear(784, 10, { init: truncatedNormal({ std: 0.02, low: -0.04, high: 0.04 }) });
 */
export function truncatedNormal(options?: TruncatedNormalOptions): Initializer {
  const { mean, std, low, high } = readOptions("truncatedNormal", options, kinds, {
    mean: 0,
    std: 1,
    low: -2,
    high: 2,
  });
  if (!(low < high)) throw new ArgumentError(`truncatedNormal: wanted low < high, got low ${low} and high ${high}`);
  return (shape, draws) =>
    between((low - mean) / std, (high - mean) / std, sizeOf(shape), draws).map((z) => mean + z * std);
}

/** The standard deviation of a standard normal number that lies between −2 and 2. */
const STD_WITHIN_2 = 0.8796256610342398;

/**
 * N(0, s²) without what is farther from 0 than two of its standard deviations, s² = 1 / fanIn being the variance of
 * what is left (LeCun et al. 1998), as Flax has it; for networks with `selu`.
 *
 * @example
 * Linear(784, 10, { init: lecunNormal() });
 */
export function lecunNormal(): Initializer {
  return (shape, draws) => {
    const std = Math.sqrt(1 / fans(shape).fanIn) / STD_WITHIN_2;
    return between(-2, 2, sizeOf(shape), draws).map((z) => z * std);
  };
}
