// `weft train`: runs a program from the beginning, into a folder of its own.
import { existsSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { ArgumentError } from "@weft/tensor";
import { FileError } from "@weft/nn";
import { makeFolder } from "@weft/train";
import { alone, refuseForeignFiles } from "../training/output-folder.ts";
import { programs, type ProgramName } from "../programs.ts";
import { folderOf, type Wanted } from "./request.ts";
import { count, type Print } from "../format.ts";
import { checked } from "./checked-options.ts";
import { run } from "./run.ts";
import { trainingIn } from "./saved-training.ts";

/** What is wanted, and where: what does not change the numbers of a training, so that no file says it. */
export interface WantedIn extends Wanted {
  /** On how many threads of the CPU. */
  readonly threads?: number | undefined;
  /** The folder for the files. */
  readonly out?: string | undefined;
  /** Begins again where the folder holds a training that is not finished, or files that are not ours. */
  readonly overwrite?: boolean | undefined;
}

/** Runs a program from the beginning, and returns the exit code. */
export async function trainCommand(name: ProgramName, wanted: WantedIn, print: Print): Promise<number> {
  const { out, overwrite, threads, ...rest } = wanted;
  const asked = checked(name, rest);
  const folder = out ?? folderOf(name, asked);
  const fresh = [folder, dirname(folder)].filter((path) => !existsSync(path));
  await makeFolder(folder).catch((cause: Error) => {
    const what = `the folder ${folder} for the report and the model cannot be made`;
    throw new FileError(`${what}: ${cause.message}. Name another one with --out.`, { cause }); // now, not after training
  });
  const running = alone(folder, async (release) => {
    await refuseForeignFiles(folder, overwrite === true);
    if (overwrite !== true) await refuseUnfinished(folder);
    return run(name, asked, { folder, release, threads }, print);
  });
  return running.catch(async (error: unknown) => {
    for (const path of fresh) await rmdir(path).catch(() => undefined); // where nothing is in it
    throw error;
  });
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
