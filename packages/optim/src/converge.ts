// Training until the loss stops falling.
import { ArgumentError, WeftError } from "@weft/tensor";
import { describe, readOptions, type OptionKind } from "@weft/tensor/internals";
import { awaitable, type Run } from "./run.ts";

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

/**
 * Passes items through until they stop falling, on average. With p = x − avgx, avgx ← α x + (1 − α) avgx and avgp ← α p
 * + (1 − α) avgp, it stops when avgp > 0, like Knet's `converge`. A loss without noise never rises, so it also stops,
 * after 2 / α items, when they fall by less than 10⁻⁷ of their average, and after 10 / α equal items. Items are numbers
 * or tensors of one element; one that is not finite throws a DivergenceError. Awaited, it runs to the end and returns
 * the last item.
 *
 * @example
 * for await (const loss of converge(minimize(f, cycle(data), adam()), { alpha: 0.01 })) ;
 */
export function converge<T extends number | Measured>(
  items: Iterable<T> | AsyncIterable<T>,
  options?: { readonly alpha?: number },
): Run<T> {
  const { alpha } = readOptions("converge", options, { alpha: smoothing }, { alpha: 0.1 });
  if (typeof items !== "object" || items === null || !(Symbol.asyncIterator in items || Symbol.iterator in items))
    throw new ArgumentError("converge: wanted losses to iterate over, such as minimize(…)");
  return awaitable("converge", () => falling(items, alpha));
}

async function* falling<T extends number | Measured>(
  items: Iterable<T> | AsyncIterable<T>,
  alpha: number,
): AsyncGenerator<T, void, void> {
  let level: number | undefined;
  let trend = 0;
  let count = 0;
  let last: number | undefined;
  let equal = 0;
  for await (const item of items) {
    count++;
    if (typeof item !== "number" && typeof (item as Measured | undefined)?.item !== "function")
      throw new ArgumentError(
        `converge: wanted losses, numbers or tensors of one element, got ${describe(item)} as item ${count}`,
      );
    const x = typeof item === "number" ? item : Number(await item.item());
    if (!Number.isFinite(x))
      throw new DivergenceError(`converge: item ${count} is ${x}. Try a smaller learning rate, or clip the gradients.`);
    level ??= x;
    trend = alpha * (x - level) + (1 - alpha) * trend;
    level = alpha * x + (1 - alpha) * level;
    equal = x === last ? equal + 1 : 0;
    last = x;
    if (trend > 0 || (count > 2 / alpha && trend >= -1e-7 * Math.abs(level)) || equal >= 10 / alpha) return;
    yield item;
  }
}
