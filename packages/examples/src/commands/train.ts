// `weft train`: runs a program, shows progress, and writes a report, the model and its numbers to a folder.
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { ArgumentError } from "@weft/tensor";
import { FileError, params, readMetadata, seed as startNumbering, summary } from "@weft/nn";
import { openBackend } from "../backends.ts";
import { interruption } from "../interruption.ts";
import { filesIn, learn, type Learned } from "../learning.ts";
import type { Learner, Program } from "../program.ts";
import { publishedResults } from "../published.ts";
import type { Report } from "../report/page.ts";
import { isRecipe } from "../recipes.ts";
import { programs, type ProgramName } from "../programs.ts";
import { version } from "../version.ts";
import { asNotes, commandOf, folderOf, wantedIn, type Wanted } from "../wanted.ts";
import { capitalized, clock, count, labelOf, rate, said, stopping, type Print } from "../words.ts";

/** What is wanted, and the folder for the files. */
interface WantedIn extends Wanted {
  readonly out?: string | undefined;
  /** Begins again where the folder holds a training that is not finished. */
  readonly overwrite?: boolean | undefined;
}

/** Runs a program from the beginning, and returns the exit code. */
export async function trainCommand(name: ProgramName, wanted: WantedIn, print: Print): Promise<number> {
  const { out, overwrite, ...rest } = wanted;
  const asked = check(name, rest);
  const folder = out ?? folderOf(name, asked);
  if (overwrite !== true) await refuseUnfinished(folder);
  return run(name, asked, folder, false, print);
}

/** A training that can go on is not replaced: it may have taken days. */
async function refuseUnfinished(folder: string): Promise<void> {
  const { training } = filesIn(folder);
  if (!existsSync(training)) return;
  const metadata = await readMetadata(training);
  const known = wantedIn(metadata, training);
  const { epoch, step, finished } = metadata;
  if (known === undefined || finished === true) return;
  const { epochs = programs[known.name].epochs, steps = Infinity } = known.wanted;
  if (Number(epoch) >= epochs || Number(step) >= steps) return;
  throw new ArgumentError(
    `${folder} holds a training at epoch ${epoch} of ${epochs}: \`--resume ${folder}\` goes on with it, ` +
      "`--out <folder>` begins elsewhere, and `--overwrite` begins again.",
  );
}

/** Goes on with the training in a folder, to the step that was wanted; `wanted` may change how long, and the backend. */
export async function resumeCommand(
  folder: string,
  name: ProgramName | undefined,
  wanted: WantedIn,
  print: Print,
): Promise<number> {
  const { training } = filesIn(folder);
  const metadata = await readMetadata(training);
  const before = wantedIn(metadata, training);
  if (before === undefined)
    throw new ArgumentError(`${training} does not say which program it is of: it cannot go on.`);
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
  const known = before.wanted;
  const left = known.steps !== undefined && Number(metadata["step"]) < known.steps ? known.steps : undefined;
  const kept = { ...known, ...(epochs && { epochs }), steps: steps ?? left, ...(backend && { backend }) };
  return run(before.name, kept, folder, true, print);
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
  return { ...(quick === true ? program.quick : {}), ...defined({ ...wanted, data: data ?? program.data?.[0] }) };
}

const defined = (wanted: Wanted): Wanted =>
  Object.fromEntries(Object.entries(wanted).filter(([, x]) => x !== undefined)) as Wanted;

async function run(name: ProgramName, wanted: Wanted, out: string, resume: boolean, print: Print): Promise<number> {
  const start = performance.now();
  const program: Program = programs[name];
  const { seed = 1, data, limit, steps, epochs = program.epochs, quick = false, options = {} } = wanted;
  await mkdir(out, { recursive: true }); // fails now, not after training, if the folder cannot be made

  const backend = await openBackend(wanted.backend ?? "cpu", seed);
  startNumbering(seed);
  const setting = { backend, seed, epochs, data: data ?? "", limit: limit ?? Infinity, quick, options };
  const learner = await program.start(setting);
  const size = params(learner.model ?? {}).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
  const learning = learner.model === undefined ? "measures" : `${count(size)} parameters, learns from`;
  print(`${program.title}, ${learning} ${learner.from} (${backend.name}).`);

  const files = filesIn(out);
  const stop = interruption((signal) => print(stopping(signal)));
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
      const line = found instanceof FileError ? `${found.message}. Training continues.` : results(found);
      print(`epoch ${epoch}/${epochs}: ${line}`);
      if (says !== undefined) print(`  ${JSON.stringify(says)}`);
    },
  }).finally(stop.end);

  const { result, step, epoch } = learned;
  const drawn = program.draws === undefined ? undefined : `weft predict ${out}`;
  const asked = program.answers === undefined ? drawn : `weft predict ${out} --text "…"`;
  const then = isRecipe(name) ? `weft predict ${files.model} 0` : (asked ?? `weft train --resume ${out}`);
  if (learner.model !== undefined) print(`Model   ${files.model}   (${result === undefined ? "untrained" : then})`);
  if (result === undefined) return stop.code();
  const facts: [string, string][] = [
    ["epochs", epoch >= epochs ? String(epoch) : `${epoch} of ${epochs}${stop.code() === 0 ? "" : ", interrupted"}`],
    ["steps", count(step)],
    ...(learner.model === undefined ? [] : [["parameters", count(size)] as [string, string]]),
    ["time of the steps", clock(learned.seconds)],
    ["speed", speedOf(learner, learned)],
  ];
  const interrupted = stop.code() !== 0;
  const remarks = remarksOn(name, lessThan(program, wanted, { epoch, epochs, interrupted }));
  const on = `Weft ${version}, Node ${process.versions.node}, ${backend.name}`;
  const head = { command: [commandOf(name, wanted), on], remarks, facts } as const;
  await writeFile(files.report, await reportOf(program, learner, learned, head, data));
  const [main] = Object.entries(result) as [[string, number]];
  print(
    `${capitalized(labelOf(main[0]))} ${said(...main)} after ${count(step)} steps, ${clock((performance.now() - start) / 1000)}.`,
  );
  if (quick && isLess(wanted, program.quick))
    print(`This was a quick try. All of it (${program.time}) reaches ${program.reaches}.`);
  print(`Report  ${files.report}`);
  return stop.code();
}

const speedOf = ({ counted }: Learner, { taken, seconds }: Learned): string =>
  counted === undefined ? `${rate(taken / seconds)} steps/s` : `${rate(counted.soFar() / seconds)} ${counted.of}/s`;

/** What makes it less than the whole, in words. */
function lessThan(
  program: Program,
  { quick = false, steps, limit }: Wanted,
  { epoch, epochs, interrupted }: { readonly epoch: number; readonly epochs: number; readonly interrupted: boolean },
): string[] {
  const done = Math.min(epoch, epochs);
  const ends = interrupted || (steps !== undefined && done < epochs);
  return [
    ...(quick && Object.keys(program.quick).length > 0 ? ["--quick"] : []),
    ...(limit === undefined ? [] : [`at most ${count(limit)} ${program.cases}`]),
    ...(ends || done < program.epochs ? [`${count(done)} of ${count(program.epochs)} epochs`] : []),
    ...(steps !== undefined && ends ? [`${count(steps)} steps`] : []),
    ...(interrupted ? ["interrupted"] : []),
  ];
}

/** What a report says beside its result. */
function remarksOn(name: ProgramName, less: readonly string[]): string[] {
  const { time, reaches }: Program = programs[name];
  const published = publishedResults[name];
  return [
    ...(less.length === 0 ? [] : [`This is not the whole (${less.join(", ")}), which takes ${time}.`]),
    `The whole reaches ${reaches}.${published === undefined ? "" : ` Published: ${published}.`}`,
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
