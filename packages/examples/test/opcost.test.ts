// The table of the cost of operations, with few calls.
import { digits } from "@weft/data";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { learner as measuring } from "../src/programs/opcost.ts";
import { elements } from "./html.ts";
import { reportOn, trained } from "./runs.ts";

test("has nine rows, and its ratios to the forward pass", async () => {
  const few = digits({ train: 300, test: 0 });
  const { record, result, learner } = await trained((backend) => measuring(few, backend, 10), { steps: 18 });
  const timed = record.entries.filter(({ values }) => values["epoch"] === undefined);
  expect(timed).toHaveLength(18);
  expect(new Set(timed.map(({ values }) => Object.keys(values)[0])).size).toBe(9);
  expect(Object.keys(result!)).toEqual(["recordingOverForward", "gradientsOverForward"]);
  const html = await reportOn({ learner });
  expect(elements(html).filter((name) => name === "tr")).toHaveLength(10);
  expect(html).toContain("<td>2.79</td>");
});

test.each([1, 2, 7, 8, 10])(
  "also ends with all rows and right ratios in the middle of a pass: --steps %i",
  async (steps) => {
    const few = digits({ train: 300, test: 0 });
    const { record, result, learner } = await trained((backend) => measuring(few, backend, 3), { steps });
    expect(record.entries.filter(({ values }) => values["epoch"] === undefined)).toHaveLength(steps);
    const html = await reportOn({ learner });
    const ratioOf = (row: string): string => {
      const cells = html.split("<tr>").find((cells) => cells.startsWith(`<td>${row}</td>`))!;
      return /([\d.]+)<\/td><\/tr>/.exec(cells)![1]!;
    };
    expect(elements(html).filter((name) => name === "tr")).toHaveLength(10);
    expect(ratioOf("Σ(·)²")).toBe("1.00");
    expect(result!["recordingOverForward"]!.toFixed(2)).toBe(ratioOf("+ recording"));
    expect(result!["gradientsOverForward"]!.toFixed(2)).toBe(ratioOf("+ gradients"));
  },
);

test("what happens once is over before the first pass: no call is slower for being the first", async () => {
  const backend = await open({});
  const { epoch } = await measuring(digits({ train: 300, test: 0 }), backend, 5);
  const kernels: number[] = [];
  for await (const _ of epoch()) kernels.push(backend.stats().kernels);
  expect(kernels[0]).toBeGreaterThan(0);
  expect(new Set(kernels).size).toBe(1);
});

test("a row with gradients computes them: the same calls are clearly more work", async () => {
  const backend = await open({});
  const calls = 5;
  const { epoch } = await measuring(digits({ train: 300, test: 0 }), backend, calls);
  for await (const _ of epoch()); // what is the same for all calls is computed now
  const launches = new Map<string, number>();
  let before = backend.stats().launches;
  for await (const timed of epoch()) {
    const now = backend.stats().launches;
    launches.set(Object.keys(timed)[0]!, (now - before) / calls);
    before = now;
  }
  const forward = launches.get("Σ(·)²")!;
  expect(launches.get("x · w1")).toBeGreaterThan(0);
  expect(forward).toBeGreaterThan(launches.get("x · w1")!);
  expect(launches.get("+ recording")).toBe(forward);
  // Of each product at least that with the weights' gradients, and the sums of the biases' gradients.
  expect(launches.get("+ gradients")).toBeGreaterThanOrEqual(forward + 4);
});
