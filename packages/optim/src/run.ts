// A run that can be iterated step by step, or awaited: then it runs to the end and returns its last item.
import { ArgumentError, isTensor } from "@weft/tensor";
import { handle } from "@weft/tensor/internals";

/**
 * Each iteration runs it again. Awaiting it, any number of times, runs it once, like a promise, and returns the last
 * item; if that is a tensor, the caller owns it. Without items awaiting throws an ArgumentError.
 */
export interface Run<T> extends AsyncIterable<T>, PromiseLike<T> {}

/** The key of a function that waits for the checks of a loop: see `awaitable`. */
const CHECKED: unique symbol = Symbol.for("weft.checked");

/** Resolves when what loops know of the items so far has been checked; throws what is wrong with them. */
export const checked = async (steps: unknown): Promise<void> =>
  (steps as { readonly [CHECKED]?: () => Promise<void> } | null)?.[CHECKED]?.();

/**
 * A run that iterates as `iterate` does. `within` is the run that it wraps; `check` resolves when the items so far have been
 * checked, where a loop checks them later than it yields them.
 */
export function awaitable<T>(
  op: string,
  iterate: () => AsyncIterator<T>,
  within?: unknown,
  check?: () => Promise<void>,
): Run<T> {
  let end: Promise<T> | undefined;
  const both = async (): Promise<void> => {
    await checked(within);
    await check?.();
  };
  const run: Run<T> & { readonly [CHECKED]: () => Promise<void> } = {
    [CHECKED]: both,
    [Symbol.asyncIterator]: iterate,
    // oxlint-disable-next-line unicorn/no-thenable -- being awaited is the purpose
    then: (resolve, reject) => (end ??= lastOf(op, iterate)).then(resolve, reject),
  };
  return run;
}

async function lastOf<T>(op: string, iterate: () => AsyncIterator<T>): Promise<T> {
  let last: { readonly item: T } | undefined;
  for await (const item of { [Symbol.asyncIterator]: iterate }) {
    const held = { item: isTensor(item) ? handle(op, item) : item };
    if (last !== undefined && isTensor(last.item)) last.item.release();
    last = held as { readonly item: T };
  }
  if (last === undefined) throw new ArgumentError(`${op}: there were no items, so there is no last loss`);
  return last.item;
}
