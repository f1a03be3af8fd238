// The table of the cost of operations, with few calls.
import { digits } from "@weft/data";
import { expect, test } from "vitest";
import { measuring } from "../src/models/opcost.ts";
import { elements } from "./html.ts";
import { learned, sectionsOf } from "./learned.ts";

test("has nine rows, and its ratios to the forward pass", async () => {
  const few = digits({ train: 300, test: 0 });
  const { record, result, learner } = await learned((backend) => measuring(few, backend, 10), { steps: 18 });
  const timed = record.entries.filter(({ values }) => values["epoch"] === undefined);
  expect(timed).toHaveLength(18);
  for (const { values } of timed) expect(Object.values(values)[0]).toBeGreaterThan(0);
  expect(new Set(timed.map(({ values }) => Object.keys(values)[0])).size).toBe(9);
  expect(Object.keys(result!)).toEqual(["recordingOverForward", "gradientsOverForward"]);
  const html = await sectionsOf(learner);
  expect(elements(html).filter((name) => name === "tr")).toHaveLength(10);
  expect(html).toContain("<td>2.79</td>");
});
