// The program for a machine with a GPU: reads the command line, measures Weft and PyTorch in its modes, in turns, row by
// row, prints a line of JSON for each figure, and the tables at the end.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, release, type } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { open, type OpenOptions, type WebGpuBackend } from "@weft/tensor-webgpu";
import { isMissing, OURS } from "../measure.ts";
import { writeReport } from "../report-file.ts";
import type { Named } from "../report.ts";
import type { Rival } from "../rival.ts";
import type { GpuReport, GpuRowReport, WeftFigures } from "./report.ts";
import { rows as allRows, type GpuRow } from "./rows.ts";
import { text } from "./table.ts";
import { inTurns, type Settings } from "./rounds.ts";
import { modes, startTorch, torchSide, type Mode } from "./torch.ts";
import { weftSide } from "./weft.ts";

const help = `measures Weft on a GPU against PyTorch with CUDA, in one run

  --rows REGEX         only rows whose name matches
  --contenders A,B     only these of weft, torch
  --torch-modes A,B    only these of PyTorch's modes: eager, graph (a step is one CUDA graph), compile (and a graph)
  --seconds N          ends after so many seconds, with the tables of what has been measured
  --trusted            switches WebGPU's checks off
  --quick              few steps; only linreg and softmax without --rows: to try the program itself
  --detail             also the dispatches that took longest, row by row
  --python PROGRAM     the Python that has PyTorch (python3, then /usr/bin/python3)
  --out FILE           the report as JSON into a file, rewritten after each figure
  --from FILE          prints the tables of such a file without measuring
  --list               the names of the rows
`;

const { values: options } = parseArgs({
  options: {
    rows: { type: "string" },
    contenders: { type: "string", default: "weft,torch" },
    "torch-modes": { type: "string", default: modes.join(",") },
    seconds: { type: "string" },
    trusted: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    detail: { type: "boolean", default: false },
    python: { type: "string" },
    out: { type: "string" },
    from: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** The names given to an option, if all of them are known. */
function chosen<Name extends string>(option: "contenders" | "torch-modes", known: readonly Name[]): readonly Name[] {
  const names = options[option].split(",");
  const wrong = names.find((name) => !known.includes(name as Name));
  if (wrong !== undefined) throw new Error(`--${option}: wanted some of ${known.join(", ")}, got ${wrong}`);
  return names as Name[];
}

const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function webgpuVersion(): string {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("webgpu"));
    return (
      (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version?: string }).version ?? "unknown"
    );
  } catch {
    return "unknown";
  }
}

const facts = ({ name, what, unit, per, steps, flop }: GpuRow): Omit<GpuRowReport, "figures"> => ({
  name,
  what,
  unit,
  per,
  steps,
  ...(flop === undefined ? {} : { flop }),
});

/** Prints a line of JSON while measuring; the longest dispatches only on request. */
function printFigure(name: string, contender: string, found: GpuRowReport["figures"][string]): void {
  const { breakdown } = found as Partial<WeftFigures>;
  const brief = breakdown === undefined || isMissing(breakdown) || options.detail;
  print({ row: name, contender, ...found, ...(brief ? {} : { breakdown: { ...breakdown, longest: undefined } }) });
}

/** Weft and its adapter, or why there is none. */
async function greeted(opening: OpenOptions): Promise<{ named: Named; adapter: ReturnType<WebGpuBackend["info"]> }> {
  const backend = await open(opening);
  const adapter = backend.info();
  const { name, version } = backend;
  backend.destroy();
  const { vendor, architecture, description } = adapter;
  const detail = [
    `${name} on ${[vendor, architecture, description].filter(Boolean).join(", ")}`,
    `Node ${process.versions.node}`,
    `webgpu ${webgpuVersion()}`,
    ...(options.trusted ? ["trusted"] : []),
  ];
  return { named: { name: OURS, title: "Weft", version, detail: detail.join("; ") }, adapter };
}

/** What has been measured, in the file that was asked for. */
const keep = (report: GpuReport): void => (options.out === undefined ? undefined : writeReport(options.out, report));

async function run(rows: readonly GpuRow[], settings: Settings): Promise<GpuReport> {
  const start = performance.now();
  const limit = options.seconds === undefined ? Infinity : Number(options.seconds);
  if (!(limit > 0)) throw new Error(`--seconds: wanted a positive number, got ${options.seconds}`);
  const left = (): number => limit - (performance.now() - start) / 1000;

  const who = chosen("contenders", [OURS, "torch"]);
  const opening: OpenOptions = { trusted: options.trusted };
  const contenders: Named[] = [];
  const absent: Record<string, string> = {};
  let adapter: GpuReport["adapter"];
  if (who.includes(OURS)) {
    try {
      const weft = await greeted(opening);
      ({ adapter } = weft);
      contenders.push(weft.named);
    } catch (error) {
      absent[OURS] = String(error).split("\n")[0]!;
    }
  }
  const rivals: Rival[] = [];
  for (const rival of await startTorch(
    options.python,
    who.includes("torch") ? chosen<Mode>("torch-modes", modes) : [],
  )) {
    const { name, greeting } = rival;
    if (isMissing(greeting)) absent[`torch ${name}`] = greeting.missing;
    else {
      rivals.push(rival);
      contenders.push({ name, ...greeting });
    }
  }
  const report: GpuReport = {
    date: new Date().toISOString(),
    machine: {
      processor: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      system: `${type()} ${release()}`,
      node: process.versions.node,
      webgpu: webgpuVersion(),
    },
    ...(adapter === undefined ? {} : { adapter }),
    trusted: options.trusted,
    samples: settings.samples,
    inTurns: true,
    contenders,
    absent,
    rows: [],
  };
  print({ ...report, rows: rows.map(({ name }) => name) });

  const results: GpuRowReport[] = [];
  const sides = [...(adapter === undefined ? [] : [weftSide(opening)]), ...rivals.map(torchSide)];
  for (const row of rows) {
    if (left() <= 0) break;
    const figures: Record<string, GpuRowReport["figures"][string]> = {};
    results.push({ ...facts(row), figures });
    await inTurns(row, sides, settings, left, (name, figure) => {
      figures[name] = figure;
      printFigure(row.name, name, figure);
      keep({ ...report, rows: results });
    });
  }
  for (const rival of rivals) rival.stop();
  return { ...report, rows: results };
}

async function main(): Promise<void> {
  if (options.help) return void process.stdout.write(help);
  const asked = new RegExp(options.rows ?? (options.quick ? "^(linreg|softmax)" : ""));
  const rows = allRows
    .filter(({ name }) => asked.test(name))
    .map((row) => ({ ...row, steps: options.quick ? Math.min(row.steps, 3) : row.steps }));
  if (options.list) return void process.stdout.write(`${rows.map(({ name }) => name).join("\n")}\n`);
  const settings: Settings = options.quick ? { samples: 2, warmUp: 0 } : { samples: 5, warmUp: 500 };
  const { from } = options;
  const report = from === undefined ? await run(rows, settings) : (JSON.parse(readFileSync(from, "utf8")) as GpuReport);
  keep(report);
  process.stdout.write(`\n${text(report, options.detail)}\n`);
}

await main();
// An abandoned measurement may still be waiting for its device.
process.exit();
