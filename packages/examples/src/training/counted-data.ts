// Counts what a training has learned from, where its steps differ in size.

/** Data whose items are counted as they are taken. */
interface Counting<T> extends Iterable<T> {
  readonly length: number | undefined;
  /** The sum of the sizes of what was taken so far. */
  readonly soFar: number;
}

/** The same items, each with its size: the words of a sentence. */
export function counting<T>(data: Iterable<T> & { readonly length?: number | undefined }, size: (item: T) => number) {
  let soFar = 0;
  return {
    get length() {
      return data.length;
    },
    get soFar() {
      return soFar;
    },
    *[Symbol.iterator]() {
      for (const item of data) {
        soFar += size(item);
        yield item;
      }
    },
  } satisfies Counting<T>;
}
