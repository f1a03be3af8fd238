// Training until the loss stops falling.
import { ArgumentError, WeftError } from "@weft/tensor";
import { describe, readOptions, wantIterable, type OptionKind } from "@weft/tensor/internals";
import type { Run } from "./run.ts";
import { wrapping } from "./wrapping.ts";

/** Anything with a value that is read asynchronously: a tensor of one element. */
interface Measured {
  item(): Promise<number | bigint | boolean>;
}

/** A loss that is NaN or infinite. @example await converge([3, 2, NaN]); // throws DivergenceError */
export class DivergenceError extends WeftError {
  static override readonly name: string = "DivergenceError";
}

const smoothing: OptionKind<number> = {
  wanted: "a positive number, at most 1",
  is: (x): x is number => typeof x === "number" && x > 0 && x <= 1,
};

/** What `converge` knows of the items so far: plain numbers, which may be saved, and assigned to go on from there. */
interface Standing {
  /** The number of items. */
  step: number;
  /** Averages of the items, NaN before the first one, and of how they change. */
  average: number;
  trend: number;
  /** The last item, and how many before it were equal to it. */
  last: number;
  equal: number;
}

/** The loop, and how it stands. In a tree that is saved it goes on from there when that is loaded. */
export interface Convergence<T> extends Run<T>, Standing {
  /** Whether they have stopped falling. */
  readonly stopped: boolean;
}

/**
 * Passes items through until they stop falling, on average. With p = x − avgx, avgx ← α x + (1 − α) avgx and avgp ← α p
 * + (1 − α) avgp, it stops when avgp > 0, like Knet's `converge`. A loss without noise never rises, so it also stops,
 * after 2 / α items, when they fall by less than 10⁻⁷ of their average, and after 10 / α equal items. Items are numbers
 * or tensors of one element; one that is not finite throws a DivergenceError. The item at which it stops is passed
 * through, too. Awaited, it runs to the end and returns the last item. Iterating again goes on from where it stands: one
 * that has stopped yields nothing more, also in a program that is resumed.
 *
 * @example
 * for await (const loss of converge(minimize(f, cycle(data), adam()), { alpha: 0.01 })) ;
 */
export function converge<T extends number | Measured>(
  items: Iterable<T> | AsyncIterable<T>,
  options?: { readonly alpha?: number },
): Convergence<T> {
  const { alpha } = readOptions("converge", options, { alpha: smoothing }, { alpha: 0.1 });
  wantIterable("converge", "losses to iterate over, such as minimize(…)", items);
  async function* iterate(): AsyncGenerator<T, void, void> {
    if (self.stopped) return;
    for await (const item of items) {
      see(self, await lossOf(item, self.step + 1), alpha);
      yield item;
      if (self.stopped) return;
    }
  }
  const standing: Standing = { step: 0, average: NaN, trend: 0, last: NaN, equal: 0 };
  const run = Object.assign(wrapping("converge", items, iterate), standing);
  // Not enumerable: it follows from the numbers that are saved.
  const self = Object.defineProperty(run as Convergence<T>, "stopped", { get: () => isOver(run, alpha) });
  return self;
}

/** The number that an item is. */
async function lossOf(item: number | Measured, step: number): Promise<number> {
  if (typeof item !== "number" && typeof (item as Measured | undefined)?.item !== "function")
    throw new ArgumentError(
      `converge: wanted losses, numbers or tensors of one element, got ${describe(item)} as item ${step}`,
    );
  const x = typeof item === "number" ? item : Number(await item.item());
  if (Number.isFinite(x)) return x;
  throw new DivergenceError(`converge: item ${step} is ${x}. Try a smaller learning rate, or clip the gradients.`);
}

/** Whether the trend is upwards, or there is hardly one. */
const isOver = ({ step, average, trend, equal }: Standing, alpha: number): boolean =>
  trend > 0 || (step > 2 / alpha && trend >= -1e-7 * Math.abs(average)) || equal >= 10 / alpha;

/** Takes note of a loss. */
function see(standing: Standing, x: number, alpha: number): void {
  const { step, trend, last, equal } = standing;
  const average = step === 0 ? x : standing.average;
  standing.step = step + 1;
  standing.trend = alpha * (x - average) + (1 - alpha) * trend;
  standing.average = alpha * x + (1 - alpha) * average;
  standing.equal = x === last ? equal + 1 : 0;
  standing.last = x;
}
