// `weft train`: runs a program, shows progress, and writes a report, the model and its numbers to a folder.
import { stat, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ArgumentError } from "@weft/tensor";
import { FileError, params, readMetadata, seed as startNumbering, summary } from "@weft/nn";
import { DataError } from "@weft/data";
import { makeFolder } from "@weft/train";
import { openBackend } from "../backends.ts";
import { interruption } from "../interruption.ts";
import { learn, type Learned } from "../learning.ts";
import { filesIn, lock, refuseForeignFiles } from "../output-folder.ts";
import type { Learner, Program } from "../program.ts";
import { publishedResults } from "../published.ts";
import type { Report } from "../report/page.ts";
import { isRecipe } from "../recipes.ts";
import { programs, type ProgramName } from "../programs.ts";
import { version } from "../version.ts";
import { asNotes, commandOf, folderOf, wantedIn, type Wanted } from "../wanted.ts";
import { capitalized, clock, count, counted, labelOf, rate, said, stopping, type Print } from "../words.ts";

/** What is wanted, and the folder for the files. */
interface WantedIn extends Wanted {
  readonly out?: string | undefined;
  /** Begins again where the folder holds a training that is not finished, or files that are not ours. */
  readonly overwrite?: boolean | undefined;
}

/** Runs a program from the beginning, and returns the exit code. */
export async function trainCommand(name: ProgramName, wanted: WantedIn, print: Print): Promise<number> {
  const { out, overwrite, ...rest } = wanted;
  const asked = check(name, rest);
  const folder = out ?? folderOf(name, asked);
  await makeFolder(folder); // fails now, not after training, if the folder cannot be made
  return alone(folder, async (release) => {
    await refuseForeignFiles(folder, overwrite === true);
    if (overwrite !== true) await refuseUnfinished(folder);
    return run(name, asked, { folder, release }, print);
  });
}

/** Runs a training that has its folder for itself. */
async function alone<T>(folder: string, train: (release: () => void) => Promise<T>): Promise<T> {
  const release = await lock(folder);
  return train(release).finally(release);
}

/** A training that can go on is not replaced: it may have taken days. */
async function refuseUnfinished(folder: string): Promise<void> {
  const found = await trainingIn(folder);
  if (found === undefined) return;
  const { name, wanted, epoch, step, finished } = found;
  const { epochs = programs[name].epochs, steps = Infinity } = wanted;
  if (finished || epoch >= epochs || step >= steps) return;
  throw new ArgumentError(
    `${folder} holds a training at epoch ${count(epoch)} of ${count(epochs)}: \`--resume ${folder}\` goes on with it, ` +
      "`--out <folder>` begins elsewhere, and `--overwrite` begins again.",
  );
}

/** What the training in a folder was to do, and where it stands; undefined if there is none. */
async function trainingIn(folder: string) {
  const { training } = filesIn(folder);
  const facts = await stat(training).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
  });
  if (facts === undefined) return undefined;
  const metadata = await readMetadata(training);
  const known = wantedIn(metadata, training);
  if (known === undefined) return undefined;
  const [epoch, step] = [metadata["epoch"], metadata["step"]].map(Number) as [number, number];
  if (![epoch, step].every((n) => Number.isSafeInteger(n) && n >= 0))
    throw new DataError(
      `${training}: it does not say at which epoch and step it is. It was changed after it was saved.`,
    );
  return { ...known, epoch, step, finished: metadata["finished"] === true, saved: facts.mtimeMs };
}

/** Goes on with the training in a folder, to the step that was wanted; `wanted` may change how long, and the backend. */
export async function resumeCommand(
  folder: string,
  name: ProgramName | undefined,
  wanted: WantedIn,
  print: Print,
): Promise<number> {
  const before = await trainingIn(folder);
  if (before === undefined) throw new ArgumentError(await nothingIn(folder));
  if (name !== undefined && name !== before.name)
    throw new ArgumentError(`the training in ${folder} is one of ${before.name}, not of ${name}.`);
  const { epochs, steps, backend, out, options, ...others } = wanted;
  if (out !== undefined)
    throw new ArgumentError(
      `a training goes on in its own folder, here ${folder}, not in ${out}: ` +
        "leave --out out, or copy the folder and resume the copy.",
    );
  const other = Object.entries({ ...others, ...options }).find(([, x]) => x !== undefined)?.[0];
  if (other !== undefined)
    throw new ArgumentError(`a training goes on with the --${other} that it began with: leave it out.`);
  return alone(folder, async (release) => {
    // What another training may have done until now counts.
    const { wanted: known, ...now } = (await trainingIn(folder))!;
    const left = known.steps !== undefined && now.step < known.steps ? known.steps : undefined;
    const kept = { ...known, ...(epochs && { epochs }), steps: steps ?? left, ...(backend && { backend }) };
    const end = kept.epochs ?? programs[before.name].epochs;
    const isOver = now.finished || now.epoch >= end || now.step >= (kept.steps ?? Infinity);
    if (isOver && (await isReported(folder, now.saved))) {
      print(overIn(folder, now, end, kept.steps));
      return 0;
    }
    return run(before.name, kept, { folder, release, resume: true }, print);
  });
}

/** Why there is nothing to go on with. */
async function nothingIn(folder: string): Promise<string> {
  const { training } = filesIn(folder);
  const there = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;
  if (!(await there(folder)))
    return `there is no folder ${folder}. See its name where the training began: --out, or weft-out/….`;
  if (await there(training)) return `${training} does not say which program it is of: it cannot go on.`;
  return (
    `nothing is saved in ${folder}: there is no training.safetensors, which is written about every minute and at the end. ` +
    `Begin again: \`weft train <program> --out ${folder}\`.`
  );
}

/** Whether the report is of the training as it was saved last: it is written after that. */
const isReported = (folder: string, saved: number): Promise<boolean> =>
  stat(filesIn(folder).report).then(
    ({ mtimeMs }) => mtimeMs >= saved,
    () => false,
  );

interface Standing {
  readonly epoch: number;
  readonly step: number;
  readonly finished: boolean;
}

/** Says that nothing is left to do, and what to do for more. */
function overIn(folder: string, { epoch, step, finished }: Standing, epochs: number, steps = Infinity): string {
  const where = `The training in ${folder} is at epoch ${count(epoch)} and step ${count(step)}`;
  if (finished) return `${where}, and ended by itself: it got no better. Nothing was changed.`;
  const end = step >= steps ? `--steps ${count(steps)}` : `epoch ${count(epochs)}`;
  const more = step >= steps ? `--steps ${2 * step}` : `--epochs ${2 * epoch}`;
  return `${where}: it was to go to ${end}, so nothing is left to do, and nothing was changed. For more: \`weft train --resume ${folder} ${more}\`.`;
}

/** The options with the defaults of the program; those that it does not have are refused. */
function check(name: ProgramName, wanted: Wanted): Wanted {
  const program: Program = programs[name];
  const refuse = (option: string): never => {
    throw new ArgumentError(`${name} has no option --${option}: leave it out.`);
  };
  const { data, limit, options = {}, quick } = wanted;
  if (data !== undefined && program.data === undefined) refuse("data");
  if (data !== undefined && !program.data!.includes(data))
    throw new ArgumentError(`${name} learns from ${program.data!.join(" or ")}, not from ${data}.`);
  if (limit !== undefined && program.cases === undefined) refuse("limit");
  const strange = Object.keys(options).find((option) => options[option] !== undefined && !program.options?.[option]);
  if (strange !== undefined) refuse(strange);
  const absolute = Object.entries(options).map(([option, value]) => [
    option,
    typeof value === "string" && program.options?.[option]?.value === "folder" ? resolve(value) : value,
  ]);
  const all = {
    ...wanted,
    data: data ?? program.data?.[0],
    ...(wanted.options && { options: Object.fromEntries(absolute) }),
  };
  return { ...(quick === true ? program.quick : {}), ...defined(all) };
}

const defined = (wanted: Wanted): Wanted =>
  Object.fromEntries(Object.entries(wanted).filter(([, x]) => x !== undefined)) as Wanted;

interface Place {
  readonly folder: string;
  /** Gives the folder back. */
  readonly release: () => void;
  /** Goes on with the training in it. */
  readonly resume?: boolean;
}

async function run(name: ProgramName, wanted: Wanted, place: Place, print: Print): Promise<number> {
  const { folder: out, release, resume = false } = place;
  const start = performance.now();
  const program: Program = programs[name];
  const { seed = 1, data, limit, steps, epochs = program.epochs, quick = false, options = {} } = wanted;
  const files = filesIn(out);
  const stop = interruption({
    early(signal) {
      print(`${signal} before the first step: nothing was learned.`);
      release();
    },
    first: (signal) => print(stopping(signal)),
  });

  async function train() {
    const backend = await openBackend(wanted.backend ?? "cpu", seed);
    startNumbering(seed);
    const setting = { backend, seed, epochs, data: data ?? "", limit: limit ?? Infinity, quick, options };
    const learner = await program.start(setting).catch((cause: unknown) => {
      if (limit === undefined || !(cause instanceof ArgumentError)) throw cause;
      throw new ArgumentError(`--limit ${limit} leaves too few ${program.cases}: ${cause.message}`, { cause });
    });
    const size = params(learner.model ?? {}).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
    const learning = learner.model === undefined ? "measures" : `${count(size)} parameters, learns from`;
    print(`${program.title}, ${learning} ${learner.from} (${backend.name}).`);
    stop.begin();
    const learned = await learn(learner, {
      backend,
      folder: out,
      epochs,
      steps,
      every: program.every ?? 1,
      resume,
      signal: stop.signal,
      notes: { ...asNotes(name, wanted), ...(data !== undefined && { data }), seed: String(seed) },
      told(epoch, found, says) {
        if (found instanceof FileError) return print(`${found.message}. Training continues.`);
        print(`epoch ${count(epoch)}/${count(epochs)}: ${results(found)}`);
        if (says !== undefined) print(`  ${JSON.stringify(says)}`);
      },
    });
    return { backend, learner, size, learned };
  }
  const { backend, learner, size, learned } = await train().finally(stop.end);

  const { result, step, epoch } = learned;
  const drawn = program.draws === undefined ? undefined : `weft predict ${out}`;
  const asked = program.answers === undefined ? drawn : `weft predict ${out} --text "…"`;
  /** By itself, before its last epoch. */
  const ended = learner.finished?.() === true;
  const isOver = epoch >= epochs || ended;
  const more = `weft train --resume ${out}${isOver ? ` --epochs ${2 * epoch}` : ""}`;
  const then = isRecipe(name) ? `weft predict ${files.model} 0` : (asked ?? more);
  if (learner.model !== undefined) print(`Model   ${files.model}   (${result === undefined ? "untrained" : then})`);
  if (result === undefined) return stop.code();
  const facts: [string, string][] = [
    [
      "epochs",
      epoch >= epochs || ended
        ? count(epoch)
        : `${count(epoch)} of ${count(epochs)}${stop.code() === 0 ? "" : ", interrupted"}`,
    ],
    ["steps", count(step)],
    ...(learner.model === undefined ? [] : [["parameters", count(size)] as [string, string]]),
    ["time of the steps", clock(learned.seconds)],
    ...(learned.taken === 0 ? [] : [["speed", speedOf(learner, learned)] as [string, string]]),
  ];
  const interrupted = stop.code() !== 0;
  const remarks = remarksOn(name, wanted, lessThan(program, wanted, { epoch, epochs, interrupted, ended }));
  const on = `Weft ${version}, Node ${process.versions.node}, ${backend.name}`;
  const head = { command: [commandOf(name, wanted), on], remarks, facts } as const;
  const page = await reportOf(program, learner, learned, head, data);
  await writeFile(files.report, page).catch((cause: Error) => {
    const then = `The model is in ${files.model}.`;
    throw new FileError(`${files.report} could not be written: ${cause.message}. ${then}`, { cause });
  });
  const [main] = Object.entries(result) as [[string, number]];
  print(
    `${capitalized(labelOf(main[0]))} ${said(...main)} after ${counted(step, "step")}, ${clock((performance.now() - start) / 1000)}.`,
  );
  if (quick && isLess(wanted, program.quick) && !isOfOwnData(program, options))
    print(`This was a quick try. All of it (${program.time}) reaches ${program.reaches}.`);
  print(`Report  ${files.report}`);
  return stop.code();
}

/** The speed of this run; `counted` knows nothing of an earlier one. */
const speedOf = ({ counted }: Learner, { taken, takenSeconds }: Learned): string => {
  const { of, soFar } = counted ?? { of: "steps", soFar: () => taken };
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
    ...(ends || (done < program.epochs && !ended) ? [`${count(done)} of ${count(program.epochs)} epochs`] : []),
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

const results = (found: Readonly<Record<string, number>>): string =>
  Object.entries(found)
    .map(([name, x]) => `${labelOf(name)} ${said(name, x)}`)
    .join(", ");

async function reportOf(
  program: Program,
  learner: Learner,
  { record, result }: Learned,
  { facts, ...head }: Pick<Report, "command" | "remarks" | "facts">,
  data: string | undefined,
): Promise<string> {
  const { trainingReport } = await import("../report/training.ts"); // loaded only when needed
  const [main, ...others] = Object.entries(result!) as [[string, number], ...[string, number][]];
  return trainingReport({
    ...head,
    title: data === undefined ? program.title : `${program.title} on ${data}`,
    result: [said(...main), learner.of ?? labelOf(main[0])],
    facts: [...others.map(([name, x]) => [labelOf(name), said(name, x)] as const), ...facts],
    losses: record.losses,
    otherLosses: record.otherLosses,
    evaluations: record.evaluations,
    sections: (await learner.sections?.()) ?? [],
    summary: learner.model === undefined ? undefined : summary(learner.model),
  });
}
