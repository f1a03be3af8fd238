// What can be iterated over: steps, batches, anything that data go through.
import { ArgumentError, describe } from "./errors.ts";

/**
 * Refuses what cannot be iterated over, at once or asynchronously. A string is text, and not a list of characters. `what`
 * says in the message what is wanted.
 */
export function wantIterable(op: string, what: string, x: unknown): void {
  if (typeof x === "object" && x !== null && (Symbol.iterator in x || Symbol.asyncIterator in x)) return;
  throw new ArgumentError(`${op}: wanted ${what}, got ${describe(x)}`);
}
