// What can be iterated over: steps, batches, anything that data go through.
import { ArgumentError, describe } from "./errors.ts";

/** Whether x can be iterated over, at once or asynchronously. A string is text, and not a list of characters. */
export const isIterable = (x: unknown): x is Iterable<unknown> | AsyncIterable<unknown> =>
  typeof x === "object" && x !== null && (Symbol.iterator in x || Symbol.asyncIterator in x);

/** Refuses what cannot be iterated over; `what` says in the message what it should be. */
export function wantIterable(op: string, what: string, x: unknown): void {
  if (!isIterable(x)) throw new ArgumentError(`${op}: wanted ${what}, got ${describe(x)}`);
}
