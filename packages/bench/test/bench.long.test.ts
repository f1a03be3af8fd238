// The program, run on two small rows, and its notes about missing contenders.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import { isMissing, measure, ratios, type RowResult, type Timing } from "../src/measure.ts";
import { facts, recordingCosts, type Report } from "../src/report.ts";
import { rows as allRows } from "../src/rows/index.ts";
import type { Rival } from "../src/rival.ts";
import type { RowFacts } from "../src/rows/row.ts";
import { text } from "../src/table.ts";

const program = fileURLToPath(new URL("../src/bench.ts", import.meta.url));
const bench = (env: NodeJS.ProcessEnv, ...args: string[]): string =>
  execFileSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });

describe("two rows, quickly", () => {
  const nowhere = ["--contenders", "weft,torch", "--python", "/nowhere/python3"];
  const report = JSON.parse(
    bench({}, "--quick", "--json", "--rounds", "2", "--rows", "^(add10|linreg-sgd)$", ...nowhere),
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

test("a run that is cut off keeps the rows that it has measured, and has printed them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-cut-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const out = join(folder, "report.json");
  const some = /^(add10|linreg|softmax|mlp|lenet|charlm)/; // the last of them take long
  const rows = ["--rows", some.source, "--contenders", "weft", "--quick", "--rounds", "1"];
  const running = spawn(process.execPath, [program, ...rows, "--out", out], { stdio: ["ignore", "pipe", "pipe"] });
  const names = allRows.map(({ name }) => name).filter((name) => some.test(name));
  let said = "";
  await new Promise<void>((ended) => {
    running.on("close", () => ended());
    running.stderr.on("data", (text: Buffer) => {
      said += text.toString();
      if (existsSync(out)) running.kill("SIGKILL"); // in the middle of the second row, or later
    });
  });
  expect(said).toMatch(new RegExp(`^  ${names[0]}: weft [\\d.e-]+ (µs|ms)$`, "m"));
  const report = JSON.parse(readFileSync(out, "utf8")) as Report;
  const kept = report.rows.map(({ name }) => name);
  expect(names.slice(0, kept.length)).toEqual(kept);
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThan(names.length);
  expect(text(report)).toContain(`| ${names[0]} `);
});

describe("PyTorch is measured only with a tuned BLAS", () => {
  /** A fake PyTorch whose matrix product takes the given seconds of processor time. */
  const stub = (seconds: number): string => `
import time
from types import SimpleNamespace as Space
__version__ = "0.0"
def set_num_threads(n): pass
def manual_seed(n): pass
def ones(*shape): pass
def mm(a, b):
    since = time.process_time()
    while time.process_time() - since < ${seconds}: pass
__config__ = Space(show=lambda: "BLAS_INFO=generic")
`;
  const folder = mkdtempSync(join(tmpdir(), "weft-torch-"));
  mkdirSync(join(folder, "torch/nn"), { recursive: true });
  writeFileSync(join(folder, "torch/nn/__init__.py"), "class Module: pass\n");
  writeFileSync(join(folder, "torch/nn/functional.py"), "mse_loss = cross_entropy = None\n");
  afterAll(() => rmSync(folder, { recursive: true }));
  const missing = spawnSync("python3", ["--version"]).status === 0 ? undefined : "there is no python3 here";

  const withStub = (seconds: number): Report => {
    writeFileSync(join(folder, "torch/__init__.py"), stub(seconds));
    const args = [
      "--quick",
      "--json",
      "--rounds",
      "1",
      "--rows",
      "^add10$",
      "--contenders",
      "torch",
      "--python",
      "python3",
    ];
    return JSON.parse(bench({ PYTHONPATH: folder }, ...args)) as Report;
  };

  test("a reference BLAS is rejected, and the reason says what to do", ({ skip }) => {
    skip(missing !== undefined || !everything, missing ?? "in the whole suite only");
    const { contenders, absent } = withStub(0.15); // 1.8 GFLOP/s
    expect(contenders).toEqual([]);
    expect(absent["torch"]).toMatch(
      /^left out: its products reach only 1\.\d GFLOP\/s .*generic.*libopenblas0.*--python$/,
    );
  });

  test("a tuned one is accepted, and its speed is in the report", ({ skip }) => {
    skip(missing !== undefined || !everything, missing ?? "in the whole suite only");
    const { contenders, absent } = withStub(0.01); // 27 GFLOP/s
    expect(absent).toEqual({});
    expect(contenders[0]!.detail).toMatch(/generic; 2\d GFLOP\/s in a product of 512; 1 thread/);
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

test("every row with a promised target exists", () => {
  expect(bench({}, "--list").trim().split("\n")).toEqual(
    expect.arrayContaining(["matmul-512", "charlm-adam", "add10-grad"]),
  );
});

test("the published tables have a column for each contender, and ratios", () => {
  const timing = (wall: number) => ({ wall, cpu: wall, least: wall, first: wall, rounds: 2 });
  const report: Report = {
    date: "2026-11-30",
    machine: { processor: "p", cores: 1, core: 0, system: "s", load: [0, 0] },
    rounds: 3,
    block: 5,
    backend: "cpu",
    contenders: [
      { name: "weft", title: "Weft", version: "1", detail: "" },
      { name: "torch", title: "PyTorch", version: "2", detail: "" },
    ],
    absent: {},
    rows: [
      {
        name: "program-lenet",
        what: "",
        unit: "ms",
        line: "lenet",
        whole: 600,
        timings: { weft: timing(10), torch: { ...timing(20), rounds: 3, ratio: { wall: 2, cpu: 2 } } },
      },
      {
        name: "program-treenn",
        what: "",
        unit: "µs",
        line: "treenn",
        timings: {
          weft: { ...timing(1e4), rounds: 3 },
          torch: { missing: "broken" },
          other: { missing: "not implemented" },
        },
      },
    ],
  };
  const table = text(report);
  expect(table).toMatch(/^\| LeNet .* 8\.77 \| +6 \| +12 \| 2\.00× \|$/m);
  expect(table).toMatch(/^\| treenn .* 10 \| +100 \| +– \| +\|$/m);
  expect(table).toContain("\n- program-lenet, Weft: 2 rounds, since a step is slow\n");
  expect(table).toContain("\n- program-treenn, PyTorch: not measured: broken");
  expect(table).not.toMatch(/program-.*PyTorch: 2 rounds/);
  expect(table).not.toContain("CIFAR-10");
});

test("several numbers of threads are measured in every round, each beside Weft on as many", async () => {
  const asked: string[] = [];
  const rival = (framework: string, threads: number, wall: number): Rival => ({
    name: `${framework}-${threads}`,
    threads,
    greeting: { missing: "" },
    prepare: async () => ({ first: wall, each: { wall, cpu: wall } }),
    run: async () => {
      asked.push(`${framework} ${threads}`);
      return { wall, cpu: wall };
    },
    end: async (row) => ({ ended: row }),
    close() {},
    stop() {},
  });
  const rivals = [rival("weft", 1, 8), rival("weft", 2, 4), rival("torch", 1, 4), rival("torch", 2, 1)];
  const row: RowFacts = { name: "row", what: "", unit: "ms" };
  const [result] = await measure([row], rivals, { rounds: 2, block: 1, warmUp: 0 });
  const turns = ["weft 1", "weft 2", "torch 1", "torch 2"];
  expect(asked).toEqual([...turns, ...turns.toReversed()]);
  const report: Report = {
    date: "2026-11-30",
    machine: { processor: "p", cores: 2, core: "0,1", threads: [1, 2], system: "s", load: [0, 0] },
    rounds: 2,
    block: 1,
    contenders: rivals.map(({ name, threads }) => ({ name, title: name, version: "1", detail: "", threads: threads! })),
    absent: {},
    rows: [facts(result!)],
  };
  expect(text(report)).toContain("(all on 2 threads on cores 0,1)");
  expect(text(report).replaceAll(/ +/g, " ")).toContain("| row | ms | 8 | 4 | 4 | 0.50× | 1 | 0.25× | |");
});

test("rows whose cases differ have the same number of steps and rounds in each contender", async () => {
  const asked: string[] = [];
  const rival = (name: string, wall: number): Rival => ({
    name,
    greeting: { missing: "" },
    prepare: async () => ({ first: wall, each: { wall, cpu: wall } }),
    run: async (row, steps) => {
      asked.push(`${name} ${row} ${steps}`);
      return { wall, cpu: wall };
    },
    end: async (row) => ({ ended: row }),
    close() {},
    stop() {},
  });
  const row = (name: string, more: Partial<RowFacts>): RowFacts => ({ name, what: "", unit: "ms", ...more });
  const [slow, fast, endless] = [rival("weft", 3000), rival("torch", 500), rival("other", 20_000)];
  const settings = { rounds: 3, block: 2000, warmUp: 0 };
  const [even] = await measure([row("even", {})], [slow, fast], settings);
  expect(asked.toSorted()).toEqual(["torch even 4", "torch even 4", "torch even 4", "weft even 1", "weft even 1"]);
  asked.length = 0;
  const [uneven] = await measure([row("uneven", { inStep: true })], [slow, fast, endless], settings);
  expect(asked.toSorted()).toEqual(["torch uneven 4", "torch uneven 4", "weft uneven 4", "weft uneven 4"]);
  const rounds = (result: RowResult | undefined) =>
    Object.values(result!.timings).map((timing) => (isMissing<object>(timing) ? NaN : timing.rounds));
  expect([rounds(even), rounds(uneven)]).toEqual([
    [2, 3],
    [2, 2, 0],
  ]);
});

test.runIf(everything)("--tables lists the programs, and those of a graphics processor", () => {
  const listed = (...args: string[]) => bench({}, "--tables", "--list", ...args).trim().split("\n"); // prettier-ignore
  expect(listed()).toEqual(expect.arrayContaining(["program-treenn", "program-resnet50", "recording-tape"]));
  expect(listed("--backend", "webgpu")).not.toContain("recording-tape");
});
