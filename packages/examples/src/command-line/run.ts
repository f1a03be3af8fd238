// A run of a program, from the beginning or from where it was: shows progress, and writes a report, the model and its
// numbers to a folder.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ArgumentError } from "@weft/tensor";
import { FileError, params, seed as startNumbering } from "@weft/nn";
import { machineOf, openBackend } from "../backends.ts";
import { interruption } from "./interruption.ts";
import { learn } from "../training/training.ts";
import { said, type Metrics } from "../training/metric-kinds.ts";
import { filesIn, writeAnew } from "../training/output-folder.ts";
import type { Program } from "../training/program.ts";
import { isRecipe } from "../classifiers.ts";
import { programs, type ProgramName } from "../programs.ts";
import { asNotes, type Wanted } from "./request.ts";
import { capitalized, clock, count, counted, labelOf, shortening, stopping, type Print } from "../format.ts";
import { isQuickTry, writeReport } from "./run-report.ts";

/** Where a run is at work. */
interface Place {
  readonly folder: string;
  /** Gives the folder back. */
  readonly release: () => void;
  /** On how many threads of the CPU; as many as there are cores. */
  readonly threads?: number | undefined;
  /** Goes on with the training in it. */
  readonly resume?: boolean;
}

/** Runs a program, and returns the exit code. */
export async function run(name: ProgramName, wanted: Wanted, place: Place, print: Print): Promise<number> {
  const { folder: out, release, threads, resume = false } = place;
  const start = performance.now();
  const program: Program = programs[name];
  const { seed = 1, data, limit, steps, epochs = program.epochs, quick = false, options = {} } = wanted;
  const { round = "epoch" } = program;
  const files = filesIn(out);
  let hasModel = true;
  let isTrained = false;
  const stop = interruption({
    early(signal) {
      print(`${signal} before the first step: nothing was learned.`);
      release();
    },
    first: (signal) => print(isTrained ? shortening(signal) : stopping(signal, hasModel)),
    second(signal) {
      const then = existsSync(files.training) ? ` \`weft train --resume ${out}\` goes on from what was saved.` : "";
      print(`${signal}: ended at once.${then}`);
      release();
    },
  });

  async function train() {
    const backend = await openBackend(wanted.backend ?? "cpu", seed, threads);
    startNumbering(seed);
    const setting = { backend, seed, epochs, data: data ?? "", limit: limit ?? Infinity, quick, options };
    const learner = await program.start(setting).catch((cause: unknown) => {
      if (limit === undefined || !(cause instanceof ArgumentError)) throw cause;
      throw new ArgumentError(`--limit ${limit} leaves too few ${program.cases}: ${cause.message}`, { cause });
    });
    hasModel = learner.model !== undefined;
    const size = params(learner.model ?? {}).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
    const learning = learner.model === undefined ? "measures" : `${count(size)} parameters, learns from`;
    const machine = machineOf(backend);
    print(`${program.title}, ${learning} ${learner.from} (${machine}).`);
    stop.begin();
    const learned = await learn(learner, {
      backend,
      folder: out,
      epochs,
      steps,
      every: program.every ?? 1,
      round,
      resume,
      signal: stop.signal,
      notes: { ...asNotes(name, wanted), ...(data !== undefined && { data }), seed: String(seed) },
      told({ epoch, step }, found, says) {
        if (found instanceof FileError) return print(`${found.message}. Training continues.`);
        const where = step === undefined ? "" : `, ${learner.step ?? "step"} ${count(step)}`;
        print(`${round} ${count(epoch)}/${count(epochs)}${where}: ${results(found, learner.metrics)}`);
        if (says !== undefined) print(`  ${JSON.stringify(says)}`);
      },
    });
    isTrained = true;
    return { machine, learner, size, learned };
  }

  /** Leaves the report, and says what was reached. */
  async function finish({ machine, learner, size, learned }: Awaited<ReturnType<typeof train>>): Promise<number> {
    const { result, step, epoch } = learned;
    /** By itself, before its last epoch. */
    const ended = learner.finished?.() === true;
    const isOver = epoch >= epochs || ended;
    const isWhole = isOver || step >= (steps ?? Infinity);
    const interrupted = stop.code() !== 0 && !isWhole;
    if (learner.model !== undefined) {
      const then = result === undefined ? "untrained" : nextCommand(name, out, isOver ? 2 * epoch : undefined);
      print(`Model   ${files.model}   (${then})`);
    }
    if (result === undefined) return stop.code();
    const run = { name, wanted, learner, learned, size, machine, epochs, interrupted, ended };
    const isShort = await writeReport(files, run, stop.code() === 0 ? stop.signal : undefined);
    const [[main, value]] = Object.entries(result) as [[string, number]];
    print(
      `${capitalized(labelOf(main))}: ${said(value, learner.metrics?.[main])} after ${counted(step, learner.step ?? "step")}, ${clock((performance.now() - start) / 1000)}.`,
    );
    if (interrupted) {
      const then = learner.model === undefined ? "" : ` \`weft train --resume ${out}\` goes on.`;
      print(`It was interrupted in ${round} ${count(epoch + 1)} of ${count(epochs)}.${then}`);
    } else if (isShort)
      print(`The report is without what takes long: \`weft train --resume ${out}\` writes all of it.`);
    else if (stop.code() !== 0) print("The signal came after the last step: nothing was left out.");
    else if (isQuickTry(program, wanted))
      print(`This was a quick try. All of it (${program.time}) reaches ${program.reaches}.`);
    print(`Report  ${files.report}`);
    for (const [file, bytes] of Object.entries(learner.files?.() ?? {})) {
      const path = join(out, file);
      await writeAnew(path, bytes).catch((cause: Error) => {
        throw new FileError(`${path} could not be written: ${cause.message}`, { cause });
      });
      print(`File    ${path}`);
    }
    return stop.code();
  }

  try {
    return await finish(await train());
  } finally {
    stop.end();
  }
}

/** What to do with the model in a folder: ask it, let it draw, or go on, to so many epochs if the training is over. */
function nextCommand(name: ProgramName, folder: string, epochs: number | undefined): string {
  const program: Program = programs[name];
  if (isRecipe(name)) return `weft predict ${filesIn(folder).model} 0`;
  if (program.answers !== undefined) return `weft predict ${folder} --text "…"`;
  if (program.draws !== undefined) return `weft predict ${folder}`;
  return `weft train --resume ${folder}${epochs === undefined ? "" : ` --epochs ${epochs}`}`;
}

const results = (found: Readonly<Record<string, number>>, metrics: Metrics = {}): string =>
  Object.entries(found)
    .map(([name, x]) => `${labelOf(name)} ${said(x, metrics[name])}`)
    .join(", ");
