// A plan that cannot be prepared (its memory or a kernel is refused) is cut into parts: what these compute is right.
import { conformance } from "@weft/conformance";
import type { Plan } from "@weft/kernel";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { everything } from "../../../test/extent.ts";
import { Executor } from "../src/executor.ts";
import { open } from "../src/index.ts";

const { prepare } = Executor.prototype;
/** Plans of so many launches are refused. */
let most = Infinity;
let refused = 0;

beforeEach(() => {
  vi.spyOn(Executor.prototype, "prepare").mockImplementation(function (this: Executor, plan: Plan) {
    if (plan.levels.flat().length < most) return prepare.call(this, plan);
    refused++;
    throw new Error("refused by the test");
  });
});
afterEach(() => void vi.restoreAllMocks());

const settings = { merged: {} };
const cases = conformance("tensor-cpu, in parts", () => open({ threads: 1 }), { settings, views: "none" }).filter(
  ({ name }) => !name.includes("out of range"), // these want another error
);

test.each(everything ? [2, 3, 4, 6, 9] : [4])("of fewer than %i launches", async (launches) => {
  most = launches;
  refused = 0;
  let right = 0;
  for (const { name, run } of cases)
    try {
      await run();
      right++;
    } catch (error) {
      expect((error as Error).message, name).toContain("refused by the test");
    }
  expect(refused).toBeGreaterThan(500);
  expect(right).toBeGreaterThan(500);
});
