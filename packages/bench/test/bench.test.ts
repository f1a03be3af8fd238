// The program as it is called: two small rows, and what it says about who is not here.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ratios, type Timing } from "../src/measure.ts";
import { recordingCosts, type Report } from "../src/report.ts";
import { rows as allRows } from "../src/rows/index.ts";
import { text } from "../src/table.ts";

const program = fileURLToPath(new URL("../src/bench.ts", import.meta.url));
const bench = (...args: string[]): string =>
  execFileSync(process.execPath, [program, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

describe("two rows, quickly", () => {
  const nowhere = ["--contenders", "weft,torch", "--python", "/nowhere/python3"];
  const report = JSON.parse(
    bench("--quick", "--json", "--rounds", "2", "--rows", "^(add10|linreg-sgd)$", ...nowhere),
  ) as Report;

  test("the report names machine, settings and contenders", () => {
    expect(report.date).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(report.machine.cores).toBeGreaterThan(0);
    expect(report.machine.load).toHaveLength(2);
    expect(report).toMatchObject({ rounds: 2, block: 5, contenders: [{ name: "weft", title: "Weft" }] });
    expect(report.absent["torch"]).toContain("/nowhere/python3");
    expect(report.recording).toBeUndefined();
  });

  test("each row has the median, the processor's time, the least and the first", () => {
    expect(report.rows.map(({ name, unit, target }) => [name, unit, target])).toEqual([
      ["add10", "µs", { below: 1 }],
      ["linreg-sgd", "ms", { timesPyTorch: 5 }],
    ]);
    for (const { timings } of report.rows) {
      expect(Object.keys(timings)).toEqual(["weft"]);
      const { wall, cpu, least, first, rounds } = timings["weft"] as Timing;
      for (const time of [wall, cpu, least, first]) expect(time).toBeGreaterThan(0);
      expect(least).toBeLessThanOrEqual(wall);
      expect(rounds).toBe(2);
    }
  });

  test("the same as a table", () => {
    const table = text(report);
    expect(table).toContain("without torch: ");
    expect(text(report, "cpu")).toContain("processor time");
    expect(table).toMatch(/^\| add10 +\| +µs \| +[\d.,]+ \|.*< 1 µs \|$/m);
    expect(table).toMatch(/^\| linreg-sgd +\| +ms \| +[\d.,]+ \|.*≥ 5× \|$/m);
  });
});

test("ratios and the costs of recording come from paired rounds", () => {
  const sample = (wall: number) => ({ wall, cpu: wall / 2 });
  expect(ratios([sample(1), sample(10)], [sample(2), sample(20)], "wall")).toBe(2);
  const rows = allRows.filter(({ group }) => group === "recording");
  const results = rows.map((row, k) => ({
    row,
    timings: { weft: { wall: 1, cpu: 1, least: 1, first: 1, rounds: 2 } },
    samples: { weft: [sample(k + 1), sample(k + 1)] },
  }));
  const { weft } = recordingCosts(results, ["weft", "torch"])!;
  expect(weft!.prefixes.map(({ wall }) => wall)).toEqual(rows.map((_, k) => (k + 1) * 6));
  expect(weft!.prefixes.map(({ cpu }) => cpu)).toEqual(rows.map((_, k) => (k + 1) * 3));
  expect(weft!.recording.wall).toBeCloseTo(8 / 7);
  expect(weft!.backprop.cpu).toBeCloseTo(9 / 7);
});

test("the rows that the project promises something about are there", () => {
  expect(bench("--list").trim().split("\n")).toEqual(
    expect.arrayContaining(["matmul-512", "charlm-adam", "add10-grad"]),
  );
});
