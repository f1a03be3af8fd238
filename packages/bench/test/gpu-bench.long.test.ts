// The GPU program, run on the software driver with one small row; and its tables.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GpuReport, GpuRowReport, WeftFigures } from "../src/gpu/report.ts";
import { inTurns, type Side } from "../src/gpu/rounds.ts";
import { rows as allRows } from "../src/gpu/rows.ts";
import { text } from "../src/gpu/table.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const program = path("../src/gpu/bench.ts");
const node = (args: readonly string[], env: NodeJS.ProcessEnv = process.env): string =>
  execFileSync(process.execPath, args, { encoding: "utf8", env, stdio: ["ignore", "pipe", "ignore"] });

const folder = mkdtempSync(join(tmpdir(), "weft-gpu-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const nowhere = ["--python", "/nowhere/python3"];

describe.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)("one row, quickly", () => {
  const file = join(folder, "report.json");
  let said: string[] = [];
  let report: GpuReport;
  beforeAll(() => {
    said = node([program, "--quick", "--detail", "--rows", "^linreg", "--out", file, ...nowhere]).split("\n");
    report = JSON.parse(readFileSync(file, "utf8")) as GpuReport;
  }, 120_000);

  test("the report names machine, adapter and missing contenders", () => {
    expect(report.machine.node).toBe(process.versions.node);
    expect(report.adapter?.software).toBe(true);
    expect(report.contenders.map(({ name }) => name)).toEqual(["weft"]);
    expect(Object.keys(report.absent)).toEqual(["torch eager", "torch graph", "torch compile"]);
    expect(report.absent["torch graph"]).toContain("/nowhere/python3");
  });

  test("a row has its time, the host's part and its dispatches, and creates nothing after ten steps", () => {
    expect(report.rows.map(({ name, steps }) => [name, steps])).toEqual([["linreg-sgd", 3]]);
    const figures = report.rows[0]!.figures["weft"] as WeftFigures;
    const { step, samples, first, host, dispatches, submits, value } = figures;
    for (const number of [step, first, host, dispatches, submits, value]) expect(number).toBeGreaterThan(0);
    expect(samples).toHaveLength(2);
    expect(host).toBeLessThanOrEqual(step);
    expect(figures.late).toEqual({ plans: 0, kernels: 0, pipelines: 0, bindGroups: 0, slabs: 0 });
    expect(figures.breakdown).toMatchObject({ steps: 3 });
  });

  test("a line of JSON for each figure, then the tables", () => {
    expect(JSON.parse(said[0]!)).toMatchObject({ rows: ["linreg-sgd"] });
    expect(JSON.parse(said[1]!)).toMatchObject({ row: "linreg-sgd", contender: "weft" });
    expect(said.join("\n")).toMatch(/^\| linreg-sgd +\| +ms \| +[\d.,]+ \|$/m);
    expect(said.join("\n")).toContain("| linreg-sgd ");
    expect(said.join("\n")).toContain("without torch compile: ");
  });
});

test("without an adapter it says so", () => {
  const env = { ...process.env, VK_DRIVER_FILES: "/nowhere", VK_ICD_FILENAMES: "/nowhere" };
  expect(node([program, "--quick", ...nowhere], env)).toMatch(/^- without weft: .*found no adapter/m);
});

test("the bundle is one file that runs", () => {
  const bundle = join(folder, "bench.mjs");
  node([path("../src/bundle.ts"), "--gpu", bundle]);
  const rows = node([bundle, "--list"]).trim().split("\n");
  expect(rows).toEqual(
    expect.arrayContaining(["linreg-sgd", "charlm-adam-cell", "vgg-momentum", "matmul-4096", "add10"]),
  );
  expect(readFileSync(bundle, "utf8")).toContain("torch.cuda.CUDAGraph");
});

test("the tables compare Weft with PyTorch's modes, and show operations per second", () => {
  const made = { plans: 0, kernels: 0, pipelines: 0, bindGroups: 0, slabs: 0 };
  const weft = (step: number): WeftFigures => ({
    step,
    samples: [step],
    first: 9,
    host: step / 2,
    dispatches: 5,
    passes: 0.125,
    submits: 0.125,
    late: { ...made, pipelines: 2 },
    lateTimed: made,
    warmUp: 20,
    value: 1,
    breakdown: {
      record: 0.01,
      encode: 0.02,
      device: 0.03,
      encodeTimed: 0.05,
      steps: 20,
      longest: [{ label: "a (1) | b (2)", count: 2, us: 30 }],
    },
  });
  const torch = (step: number) => ({ step, samples: [step], first: 9 });
  const row = (name: string, figures: GpuRowReport["figures"], more: Partial<GpuRowReport> = {}): GpuRowReport => ({
    name,
    what: name,
    unit: "ms",
    per: 1,
    steps: 10,
    figures,
    ...more,
  });
  const named = (name: string, title: string) => ({ name, title, version: "1", detail: "here" });
  const report: GpuReport = {
    date: "2026-01-01",
    machine: { processor: "one", cores: 1, system: "Linux", node: "24", webgpu: "0" },
    trusted: false,
    samples: 5,
    contenders: [named("weft", "Weft"), named("eager", "PyTorch"), named("graph", "graph")],
    absent: {},
    rows: [
      row("product", { weft: weft(2), eager: torch(1), graph: { missing: "not today" } }, { flop: 4e9 }),
      row("loop", { weft: weft(4), eager: torch(8), graph: torch(2) }),
      row("tiny", { weft: weft(1), eager: torch(2) }, { unit: "µs", per: 100 }),
    ],
  };
  const cells = text(report, true).replaceAll(/ +/g, " ");
  for (const line of [
    "| product | ms | 2 | 1 | 0.50× | – | |",
    "| | TFLOP/s | 2 | 4 | | – | |",
    "| loop | ms | 4 | 8 | 2.00× | 2 | 0.50× |",
    "| tiny | µs | 10 | 20 | 2.00× | – | |",
    "| loop | 4,000 | 2,000 | 10 | 20 | 30 | 5 | 0.13 | 0.13 | 2 pipelines |",
    "| a (1) ‖ b (2) | 2 | 30 |",
    "- product without graph: not today",
  ])
    expect(cells.split("\n")).toContain(line);

  const paired = row("pairs", {
    weft: { ...weft(2), samples: [1, 2, 3] },
    eager: { ...torch(5), samples: [5, 6, 3] },
  });
  const ofPairs = (more: Partial<GpuReport>) =>
    text({ ...report, rows: [paired], ...more }, false).replaceAll(/ +/g, " ");
  expect(ofPairs({})).toContain("| pairs | ms | 2 | 5 | 2.50× |");
  expect(ofPairs({ inTurns: true })).toContain("| pairs | ms | 2 | 5 | 3.00× |");
});

test("sides take turns in every round, back and forth; one that is late keeps what it has, one that breaks has no figure", async () => {
  const asked: string[] = [];
  let now = 0;
  const side = (name: string, blocks: readonly (number | { missing: string })[]): Side => ({
    name,
    patience: 10,
    prepare: async () => {
      asked.push(`prepare ${name}`);
      const rest = [...blocks];
      return {
        async block() {
          asked.push(name);
          now += 1;
          return rest.shift()!;
        },
        end: async (samples) => ({ step: samples[0] ?? NaN, samples, first: 0 }),
      };
    },
    stop: () => void asked.push(`stop ${name}`),
  });
  const found: Record<string, object> = {};
  const measured = async (seconds: number, ...sides: Side[]) => {
    asked.length = now = 0;
    for (const name of Object.keys(found)) delete found[name];
    const [settings, left] = [{ samples: 3, warmUp: 0 }, () => seconds - now];
    await inTurns(allRows[0]!, sides, settings, left, (name, figures) => (found[name] = figures));
  };
  await measured(100, side("weft", [1, 2, 3]), side("torch", [4, 5, 6]));
  expect(asked.join()).toBe("prepare weft,prepare torch,weft,torch,torch,weft,weft,torch");
  expect(found).toMatchObject({ weft: { samples: [1, 2, 3] }, torch: { samples: [4, 5, 6] } });
  await measured(3, side("weft", [1, 2, 3]), side("torch", [4, 5, 6]));
  expect(found).toMatchObject({ weft: { samples: [1] }, torch: { samples: [4, 5] } });
  await measured(100, side("weft", [1, { missing: "lost" }]), side("torch", [4, 5, 6]));
  expect(found).toMatchObject({ weft: { missing: "lost" }, torch: { samples: [4, 5, 6] } });
});
