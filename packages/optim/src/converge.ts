// Training until it no longer gets better.

/** Anything with a value that may have to be waited for: a tensor of one element. */
interface Measured {
  item(): Promise<number | bigint | boolean>;
}

/**
 * Passes items through until they stop falling, on average: with p = x − avgx, avgx ← α x + (1 − α) avgx and
 * avgp ← α p + (1 − α) avgp, it stops when avgp > 0. Items are numbers or tensors of one element. As Knet's `converge`.
 *
 * @example
 * for await (const loss of converge(minimize(f, cycle(data), adam()), { alpha: 0.01 })) ;
 */
export async function* converge<T extends number | Measured>(
  items: Iterable<T> | AsyncIterable<T>,
  { alpha = 0.1 }: { readonly alpha?: number } = {},
): AsyncGenerator<T, void, void> {
  let level: number | undefined;
  let trend = 0;
  for await (const item of items) {
    const x = typeof item === "number" ? item : Number(await item.item());
    level ??= x;
    trend = alpha * (x - level) + (1 - alpha) * trend;
    level = alpha * x + (1 - alpha) * level;
    if (trend > 0) return;
    yield item;
  }
}
