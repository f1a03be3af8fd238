// A search asks for values one after another. Written once, as a generator, it runs with functions that return a value
// and with those that return a promise of one.

/** A search: it yields functions to call, is resumed with what they return, and returns its result. */
export type Search<Result> = Generator<() => unknown, Result, never>;

/** Runs a search to its end: at once, or, as soon as a call returns a promise, asynchronously. */
export function evaluated<Result>(search: Search<Result>): Result | Promise<Result> {
  let step = search.next();
  while (step.done !== true) {
    const value = step.value();
    if (value instanceof Promise) return afterwards(search, value);
    step = search.next(value as never);
  }
  return step.value;
}

async function afterwards<Result>(search: Search<Result>, first: Promise<unknown>): Promise<Result> {
  let step = search.next((await first) as never);
  while (step.done !== true) step = search.next((await step.value()) as never);
  return step.value;
}
