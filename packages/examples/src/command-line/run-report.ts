// The report of a run, and what it says of a run that was less than the whole.
import { readFile } from "node:fs/promises";
import { FileError, summary } from "@weft/nn";
import type { Learned } from "../training/training.ts";
import type { Learner, Program } from "../training/program.ts";
import { said } from "../training/metric-kinds.ts";
import { writeAnew, type filesIn } from "../training/output-folder.ts";
import { untilAborted } from "../progress.ts";
import { programs, type ProgramName } from "../programs.ts";
import { publishedResults } from "../published-tables.ts";
import type { Section } from "../report/page.ts";
import { version } from "./version.ts";
import { commandOf, type Wanted } from "./request.ts";
import { clock, count, labelOf, rate } from "../format.ts";

/** A run that has ended. */
interface Run {
  readonly name: ProgramName;
  readonly wanted: Wanted;
  readonly learner: Learner;
  readonly learned: Learned;
  /** How many numbers the model has. */
  readonly size: number;
  /** What computed it: the backend, its code, its threads. */
  readonly machine: string;
  readonly epochs: number;
  readonly interrupted: boolean;
  /** Whether it ended by itself, before its last epoch. */
  readonly ended: boolean;
}

/** What a report says that is without its sections. */
const withoutSections = "A signal came while this report was written: it is without what takes long.";

/** Whether there is a report in a file, with all that belongs to it. */
export const isWholeReport = (file: string): Promise<boolean> =>
  readFile(file, "utf8").then(
    (page) => !page.includes(withoutSections),
    () => false,
  );

/**
 * Writes the report of a run in which something was measured; what takes long is left out if the signal comes meanwhile.
 * Returns whether it was.
 */
export async function writeReport(
  files: ReturnType<typeof filesIn>,
  run: Run,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const sections = await untilAborted(signal, async () => (await run.learner.sections?.()) ?? []);
  const page = await reportOf(run, sections);
  await writeAnew(files.report, page).catch((cause: Error) => {
    const then = `The model is in ${files.model}.`;
    throw new FileError(`${files.report} could not be written: ${cause.message}. ${then}`, { cause });
  });
  return sections === undefined;
}

async function reportOf(
  { name, wanted, learner, learned, size, machine, ...end }: Run,
  sections: readonly Section[] | undefined,
): Promise<string> {
  const { trainingReport } = await import("../report/training.ts"); // loaded only when needed
  const program: Program = programs[name];
  const { metrics = {} } = learner;
  const { record, result, epoch, step, seconds, taken } = learned;
  const { epochs, interrupted, ended } = end;
  const [main, ...others] = Object.entries(result!) as [[string, number], ...[string, number][]];
  const isOver = epoch >= epochs || ended;
  return trainingReport({
    command: [commandOf(name, wanted), `Weft ${version}, Node ${process.versions.node}, ${machine}`],
    remarks: [
      ...remarksOn(name, wanted, lessThan(program, wanted, { epoch, ...end })),
      ...(sections === undefined ? [withoutSections] : []),
    ],
    title: wanted.data === undefined ? program.title : `${program.title} on ${wanted.data}`,
    result: [said(main[1], metrics[main[0]]), learner.of ?? labelOf(main[0])],
    facts: [
      ...others.map(([name, x]) => [labelOf(name), said(x, metrics[name])] as const),
      [
        `${program.round ?? "epoch"}s`,
        isOver ? count(epoch) : `${count(epoch)} of ${count(epochs)}${interrupted ? ", interrupted" : ""}`,
      ],
      [`${learner.step ?? "step"}s`, count(step)],
      ...(learner.model === undefined ? [] : [["parameters", count(size)] as const]),
      ["time of the steps", clock(seconds)],
      ...(taken === 0 || learner.metrics?.[main[0]] === "speed" ? [] : [["speed", speedOf(learner, learned)] as const]),
    ],
    losses: record.losses(metrics),
    metrics,
    fullBatch: learner.fullBatch,
    evaluations: record.evaluations,
    sections: sections ?? [],
    summary: learner.model === undefined ? undefined : summary(learner.model),
  });
}

/** The speed of this run; `counted` knows nothing of an earlier one. */
const speedOf = ({ counted, step = "step" }: Learner, { taken, takenSeconds }: Learned): string => {
  const { of, soFar } = counted ?? { of: `${step}s`, soFar: () => taken };
  return `${rate(soFar() / takenSeconds)} ${of}/s`;
};

/** What makes it less than the whole, in words. */
export function lessThan(
  program: Program,
  { quick = false, steps, limit }: Wanted,
  {
    epoch,
    epochs,
    interrupted,
    ended,
  }: { readonly epoch: number; readonly epochs: number; readonly interrupted: boolean; readonly ended: boolean },
): string[] {
  const done = Math.min(epoch, epochs);
  const ends = !ended && (interrupted || (steps !== undefined && done < epochs));
  return [
    ...(quick && Object.keys(program.quick).length > 0 ? ["--quick"] : []),
    ...(limit === undefined ? [] : [`at most ${count(limit)} ${program.cases}`]),
    ...(ends || (done < program.epochs && !ended)
      ? [`${count(done)} of ${count(program.epochs)} ${program.round ?? "epoch"}s`]
      : []),
    ...(steps !== undefined && ends ? [`${count(steps)} steps`] : []),
    ...(interrupted ? ["interrupted"] : []),
  ];
}

/** Whether it learns from a folder of somebody's own: what the program reaches is of other data. */
const isOfOwnData = (program: Program, options: NonNullable<Wanted["options"]>): boolean =>
  Object.keys(options).some((option) => program.options?.[option]?.value === "folder");

/** What a report says beside its result. */
function remarksOn(name: ProgramName, { options = {} }: Wanted, less: readonly string[]): string[] {
  const program: Program = programs[name];
  const { time, reaches } = program;
  const published = publishedResults[name];
  return [
    ...(less.length === 0 ? [] : [`This is not the whole (${less.join(", ")}), which takes ${time}.`]),
    ...(isOfOwnData(program, options)
      ? []
      : [`The whole reaches ${reaches}.${published === undefined ? "" : ` Published: ${published}.`}`]),
  ];
}

/** Whether a quick try leaves something out: some programs take no more than a minute, and options may say more. */
const isLess = ({ epochs, steps, limit }: Wanted, quick: Program["quick"]): boolean =>
  (epochs ?? Infinity) <= (quick.epochs ?? 0) ||
  (steps ?? Infinity) <= (quick.steps ?? 0) ||
  (limit ?? Infinity) <= (quick.limit ?? 0);

/** Whether it was a quick try of what takes longer, and reaches what the whole of it reaches. */
export const isQuickTry = (program: Program, wanted: Wanted): boolean =>
  wanted.quick === true && isLess(wanted, program.quick) && !isOfOwnData(program, wanted.options ?? {});
