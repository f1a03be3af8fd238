// The program: reads the command line, starts the contenders, measures the rows and prints the tables. Started with
// `--contender` it is itself a contender.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, tmpdir, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { BackendName } from "@weft/examples/internals";
import { serve, type Contender } from "./contender.ts";
import { jaxjs } from "./contenders/jaxjs.ts";
import { tfjs } from "./contenders/tfjs.ts";
import { torch } from "./contenders/torch.ts";
import { weft } from "./contenders/weft.ts";
import { isMissing, measure, type RowResult, type Settings } from "./measure.ts";
import { installPeers } from "./peers.ts";
import { facts, recordingCosts, type Named, type Report } from "./report.ts";
import { writeReport } from "./report-file.ts";
import { chooseCores, start, type Command, type Rival } from "./rival.ts";
import { rows as allRows } from "./rows/index.ts";
import { writeInputs } from "./rows/inputs.ts";
import { recording } from "./rows/recording.ts";
import { programs } from "./rows/programs.ts";
import type { RowFacts } from "./rows/row.ts";
import { text } from "./table.ts";

const help = `pnpm bench: measures Weft against PyTorch, TensorFlow.js and jax-js, alternately

  --tables             Knet's published tables, with their programs on real data (WEFT_DATA, or downloaded)
  --backend NAME       where the programs run: cpu, or webgpu, with PyTorch on CUDA (cpu)
  --rows REGEX         only rows whose name matches
  --contenders A,B     only these of weft, torch, tfjs, jaxjs; of the programs: weft, torch, torch-graph
  --rounds N           rounds, each contender once in each (9)
  --quick              3 rounds of short blocks
  --peers              first install tfjs and jax-js, in packages/bench/peers
  --python PROGRAM     the Python that has PyTorch (python3, then /usr/bin/python3)
  --torch-env NAME=V   an environment variable for PyTorch alone; may be repeated
  --threads N,M        threads of each contender that has threads (1); of several numbers, each is measured in every round
  --core N             the first of the cores that all contenders share (the last ones), if taskset is available
  --clock wall|cpu     which time the tables show (wall); cpu is processor time, for a busy machine
  --json               the report as JSON instead of tables
  --out FILE           the report as JSON into a file as well, rewritten after each group of rows
  --from FILE          prints the tables of such a file without measuring
  --list               the names of the rows
`;

const { values: options } = parseArgs({
  options: {
    tables: { type: "boolean", default: false },
    backend: { type: "string", default: "cpu" },
    rows: { type: "string", default: "" },
    contenders: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    peers: { type: "boolean", default: false },
    python: { type: "string" },
    "torch-env": { type: "string", multiple: true, default: [] },
    threads: { type: "string", default: "1" },
    core: { type: "string" },
    clock: { type: "string", default: "wall" },
    json: { type: "boolean", default: false },
    from: { type: "string" },
    out: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    contender: { type: "string" },
  },
});

/** JavaScript peers have none of the programs. */
const contendersWanted = options.contenders ?? (options.tables ? "weft,torch,torch-graph" : "weft,torch,tfjs,jaxjs");
/** From the least to the most. */
const threadCounts = [...new Set(options.threads.split(",").map(Number))].toSorted((a, b) => a - b);
if (!threadCounts.every((n) => Number.isInteger(n) && n > 0))
  throw new Error(`--threads: wanted a count, or several as in 1,2, got ${options.threads}`);
const mostThreads = threadCounts.at(-1)!;
/** This program with what says where Weft runs. */
const program = (threads: number): string[] => [
  fileURLToPath(import.meta.url),
  ...(options.tables ? ["--tables"] : []),
  "--backend",
  options.backend,
  "--threads",
  String(threads),
];

/** Contenders written in JavaScript run in this program, started again. */
const here: Record<string, () => Promise<Contender>> = { weft: () => weft(backend(), mostThreads), tfjs, jaxjs };

function backend(): BackendName {
  const name = options.backend;
  if (name !== "cpu" && name !== "webgpu") throw new Error(`--backend: wanted cpu or webgpu, got ${name}`);
  if (name === "webgpu" && !options.tables)
    throw new Error("--backend webgpu is for --tables: see bench:gpu for the rest");
  return name;
}

/** They have one thread. */
const withoutThreads = { tfjs, jaxjs };

/** How a contender is started; `inputs` is a folder for PyTorch's side of the programs. */
function command(name: string, threads: number, inputs: string): Command {
  const settings = Object.fromEntries(
    options["torch-env"].map((setting) => [setting.split("=")[0]!, setting.slice(setting.indexOf("=") + 1)]),
  );
  const device = options.backend === "webgpu" ? "cuda" : "cpu";
  const graph = name === "torch-graph";
  if (graph && !options.tables) throw new Error("--contenders torch-graph is for --tables: see bench:gpu");
  if (name === "torch" || graph)
    return torch(options.python, threads, settings, options.tables ? { device, inputs, graph } : undefined);
  if (here[name] === undefined)
    throw new Error(`--contenders: wanted weft, torch, torch-graph, tfjs or jaxjs, got ${name}`);
  return { name, program: process.execPath, args: [...program(threads), "--contender", name] };
}

/** Rows that are measured together: those of one group, or a single row. */
function groups(rows: readonly RowFacts[]): RowFacts[][] {
  const found = new Map<string, RowFacts[]>();
  for (const row of rows) found.set(row.group ?? row.name, [...(found.get(row.group ?? row.name) ?? []), row]);
  return [...found.values()];
}

function settings(): Settings {
  const usual = options.quick ? { rounds: 3, block: 5, warmUp: 20 } : { rounds: 9, block: 150, warmUp: 500 };
  const rounds = options.rounds === undefined ? usual.rounds : Number(options.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error(`--rounds: wanted a count, got ${options.rounds}`);
  return { ...usual, rounds };
}

async function run(rows: readonly RowFacts[], inputs: string, found: (report: Report) => void): Promise<Report> {
  const { rounds, block, warmUp } = settings();
  // A driver has threads of its own, which would share the core.
  const cores =
    options.backend === "webgpu"
      ? undefined
      : chooseCores(mostThreads, options.core === undefined ? undefined : Number(options.core));
  const before = loadavg()[0]!;
  const rivals: Rival[] = [];
  const contenders: Named[] = [];
  const absent: Record<string, string> = {};
  const several = threadCounts.length > 1;
  for (const wanted of contendersWanted.split(","))
    for (const threads of wanted in withoutThreads ? threadCounts.slice(0, 1) : threadCounts) {
      const name = several ? `${wanted}-${threads}` : wanted;
      const started = command(wanted, threads, inputs);
      const rival = await start({ ...started, name, ...(several && { threads }) }, cores?.slice(0, threads));
      const { greeting } = rival;
      if (isMissing(greeting)) absent[name] = greeting.missing;
      else {
        rivals.push(rival);
        const title = several
          ? `${greeting.title}, ${threads === 1 ? "1 thread" : `${threads} threads`}`
          : greeting.title;
        contenders.push({ name, ...greeting, title, ...(several && { threads }) });
      }
    }
  const results: RowResult[] = [];
  const report = (): Report => {
    const costs = recordingCosts(
      results,
      rivals.map(({ name }) => name),
    );
    return {
      date: new Date().toISOString().slice(0, 10),
      machine: {
        processor: cpus()[0]?.model.trim() ?? "unknown",
        cores: availableParallelism(),
        core: cores?.join() ?? null,
        threads: several ? threadCounts : mostThreads,
        system: `${type()} ${release()}`,
        load: [before, loadavg()[0]!],
      },
      rounds,
      block,
      ...(options.tables ? { backend: backend() } : {}),
      contenders,
      absent,
      rows: results.map(facts),
      ...(costs === undefined ? {} : { recording: costs }),
    };
  };
  try {
    for (const group of groups(rows)) {
      process.stderr.write(`${group[0]!.group ?? group[0]!.name}\n`);
      const measured = await measure(group, rivals, { rounds, block, warmUp });
      for (const result of measured) process.stderr.write(`  ${inOneLine(result)}\n`);
      results.push(...measured);
      found(report());
    }
  } finally {
    for (const rival of rivals) rival.close();
  }
  return report();
}

/** A row as soon as its group is measured; the tables come at the end. */
function inOneLine({ row, timings }: RowResult): string {
  const times = Object.entries(timings).map(
    ([name, timing]) =>
      `${name} ${isMissing<object>(timing) ? timing.missing : `${timing.wall.toPrecision(3)} ${row.unit}`}`,
  );
  return `${row.name}: ${times.join(", ")}`;
}

/** Measures with a folder of inputs, which is removed at the end. */
async function measured(rows: readonly RowFacts[], found: (report: Report) => void): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "weft-bench-"));
  try {
    await writeInputs(folder, programs.filter((row) => rows.includes(row)).map(({ line }) => line)); // prettier-ignore
    return await run(rows, folder, found);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { clock } = options;
  if (clock !== "wall" && clock !== "cpu") throw new Error(`--clock: wanted wall or cpu, got ${clock}`);
  if (options.help) return void process.stdout.write(help);
  const tables = options.backend === "webgpu" ? programs : [...programs, ...recording];
  const chosen = (options.tables ? tables : allRows).filter(({ name }) => new RegExp(options.rows).test(name));
  if (options.list) return void process.stdout.write(`${chosen.map(({ name }) => name).join("\n")}\n`);
  if (options.peers) installPeers();
  const { from, out } = options;
  const keep = (report: Report): void => (out === undefined ? undefined : writeReport(out, report));
  const report = from === undefined ? await measured(chosen, keep) : (JSON.parse(readFileSync(from, "utf8")) as Report);
  keep(report);
  process.stdout.write(`${options.json ? JSON.stringify(report, undefined, 2) : text(report, clock)}\n`);
}

if (options.contender === undefined) await main();
else await serve(here[options.contender]!);
