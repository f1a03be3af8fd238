// A run that can be iterated step by step, or awaited: then it runs to the end and returns its last item.
import { ArgumentError, isTensor } from "@weft/tensor";
import { handle } from "@weft/tensor/internals";

/**
 * Each iteration runs it again. Awaiting it, any number of times, runs it once, like a promise, and returns the last
 * item; if that is a tensor, the caller owns it. Without items awaiting throws an ArgumentError.
 */
export interface Run<T> extends AsyncIterable<T>, PromiseLike<T> {}

export function awaitable<T>(op: string, iterate: () => AsyncIterator<T>): Run<T> {
  let end: Promise<T> | undefined;
  return {
    [Symbol.asyncIterator]: iterate,
    // oxlint-disable-next-line unicorn/no-thenable -- being awaited is the purpose
    then: (resolve, reject) => (end ??= lastOf(op, iterate)).then(resolve, reject),
  };
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
