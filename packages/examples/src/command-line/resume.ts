// `weft train --resume`: goes on with the training in a folder.
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ArgumentError } from "@weft/tensor";
import { alone, filesIn, refuseOddFiles } from "../training/output-folder.ts";
import { programs, type ProgramName } from "../programs.ts";
import { count, type Print } from "../format.ts";
import { run } from "./run.ts";
import { isWholeReport } from "./run-report.ts";
import { trainingIn, type Standing } from "./saved-training.ts";
import type { WantedIn } from "./train.ts";

/** Goes on with the training in a folder, to the step that was wanted; `wanted` may change how long, and where it is computed. */
export async function resumeCommand(
  folder: string,
  name: ProgramName | undefined,
  wanted: WantedIn,
  print: Print,
): Promise<number> {
  await refuseOddFiles(folder);
  const before = await trainingIn(folder);
  if (before === undefined) throw new ArgumentError(await nothingIn(folder));
  if (name !== undefined && name !== before.name)
    throw new ArgumentError(`the training in ${folder} is one of ${before.name}, not of ${name}.`);
  const { epochs, steps, backend, threads, out, options, ...others } = wanted;
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
    const last = steps ?? (epochs === undefined ? known.steps : undefined); // `--epochs` asks for whole epochs
    const kept = { ...known, ...(epochs && { epochs }), steps: last, ...(backend && { backend }) };
    const end = kept.epochs ?? programs[before.name].epochs;
    const isOver = now.finished || now.epoch >= end || now.step >= (kept.steps ?? Infinity);
    if (isOver && (await isReported(folder, now.saved))) {
      print(overIn(folder, now, end, kept.steps));
      return 0;
    }
    return run(before.name, kept, { folder, release, threads, resume: true }, print);
  });
}

/** Why there is nothing to go on with. */
async function nothingIn(folder: string): Promise<string> {
  const { training } = filesIn(folder);
  const at = (path: string) => stat(path).catch(() => undefined);
  const found = await at(folder);
  if (found?.isFile() === true)
    return `${folder} is a file: name the folder of the training, such as ${dirname(folder)}.`;
  if (found === undefined)
    return `there is no folder ${folder}. See its name where the training began: --out, or weft-out/….`;
  if ((await at(training)) !== undefined) return `${training} does not say which program it is of: it cannot go on.`;
  return (
    `nothing is saved in ${folder}: there is no training.safetensors, which is written about every minute and at the end. ` +
    `Begin again: \`weft train <program> --out ${folder}\`.`
  );
}

/** Whether the whole report is of the training as it was saved last: it is written after that. */
async function isReported(folder: string, saved: number): Promise<boolean> {
  const { report } = filesIn(folder);
  const facts = await stat(report).catch(() => undefined);
  return facts !== undefined && facts.mtimeMs >= saved && isWholeReport(report);
}

/** Says that nothing is left to do, and what to do for more. */
function overIn(folder: string, { epoch, step, finished }: Standing, epochs: number, steps = Infinity): string {
  const where = `The training in ${folder} is at epoch ${count(epoch)} and step ${count(step)}`;
  if (finished) return `${where}, and ended by itself: it got no better. Nothing was changed.`;
  const end = step >= steps ? `--steps ${count(steps)}` : `epoch ${count(epochs)}`;
  const more = step >= steps ? `--steps ${2 * step}` : `--epochs ${2 * epoch}`;
  return `${where}: it was to go to ${end}, so nothing is left to do, and nothing was changed. For more: \`weft train --resume ${folder} ${more}\`.`;
}
