// What is pending, on a flusher that does nothing.
import { context } from "@weft/tensor/internals";
import { expect, test } from "vitest";
import { Fault } from "../src/graph/fault.ts";
import type { Flusher } from "../src/run/flush.ts";
import { Pending } from "../src/run/pending.ts";
import type { Unowned } from "../src/run/unowned.ts";

const nothing = (): undefined => undefined;
const runner = { refuseLent: nothing, freeNode: nothing, lent: false };
const flusher = { runner, flush: nothing, trial: { told: nothing } } as unknown as Flusher<never, never>;
const unowned = { computed: nothing, afterFlush: nothing } as unknown as Unowned<never>;

test("a read that runs what is pending leaves a late report to the next flush", () => {
  const owner = { flush: nothing } as never;
  const pending = new Pending<never, never>(owner, flusher, unowned);
  const call = { op: "take", dtype: "f32", shape: [2], site: undefined } as const;
  pending.tellLater(new Fault(call as never, true));
  pending.run();
  expect(context.pending.has(owner)).toBe(true);
  expect(() => pending.flush([])).toThrow("take: an index was outside its axis");
  expect(context.pending.has(owner)).toBe(false);
  expect(() => pending.flush()).not.toThrow();
});
