// A loop that saves its model as it goes, and resumes where it was.
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { StateError } from "@weft/autograd";
import { ArgumentError } from "@weft/tensor";
import { boxes, keepers } from "@weft/autograd/internals";
import { checked } from "@weft/optim/internals";
import { DivergenceError } from "@weft/optim";
import { FileError, load, readMetadata, save, toBytes, type Metadata } from "@weft/nn";
import {
  boolean,
  callable,
  count,
  describe,
  oneOf,
  positiveCount,
  readOptions,
  readValue,
  sizeOf,
  string,
  type OptionKinds,
} from "@weft/tensor/internals";
import type { Checkpoints, CheckpointsOptions } from "./checkpoints.ts";
import { makeFolder } from "./folder.ts";
import { nonFinite } from "./non-finite.ts";
import { beforeRestoring, hidden } from "./restoring.ts";
import { monitorIt, numberOf, treeKind, wrapped, type Steps } from "./steps.ts";

const kinds: OptionKinds<CheckpointsOptions<never>> = {
  model: treeKind,
  folder: string,
  every: positiveCount,
  last: boolean,
  best: boolean,
  monitor: callable,
  mode: oneOf("min", "max"),
  keep: count,
  step: callable,
  resume: boolean,
};

/** The last item. */
interface Unsaved {
  readonly measured: Promise<number | undefined>;
  /** Whether it finished a step. */
  readonly finished: boolean;
}

/**
 * Passes items through and saves a model, or a tree such as `{ model, optimizer }`, in a folder: after every `every`
 * items and after the last one `last.safetensors`, and with `best` or a `monitor` `best.safetensors` whenever what is
 * measured there is the best so far. Each file is written whole or not at all, so a program may be killed at any time.
 * Its metadata say `step`, `best` and `bestStep`. In Node only.
 *
 * With `resume` the loop first loads the last file, if there is one, into the same tree: then it continues with the
 * same bits, as far as the tree has what the loop depends on: the model, the optimizer, `batches`, `backend.stream` where
 * there is dropout, and the loops that it wraps. `step` and `best` continue as well. Loops around it see an item after it
 * was saved, so a file has them one step behind: let this one be the outermost.
 *
 * Errors: StateError before the first item if the tree has neither parameters nor typed arrays.
 *
 * Where `earlyStopping` inside restores the best values, `last.safetensors` has those of the last item.
 *
 * A loop that you leave is saved, too, also by an error in its body; where the steps inside throw, it is not. If a file cannot be written, the FileError is thrown.
 *
 * NaN is not saved: where a parameter that is trained has become NaN, a DivergenceError is thrown, and the files stay as
 * they are. Before it writes, it waits for what `stopOnNaN` inside is reading, whose error names the step. With `keep`,
 * only files of this run, and of the one that it resumes, are removed.
 *
 * @example
 * const run = { model, folder: "run", every: 100, resume: true };
 * for await (const loss of checkpoints(minimize(f, batches, adam()), run)) ;
 */
export function checkpoints<T>(steps: Steps<T>, options: CheckpointsOptions<T>): Checkpoints<T> {
  const op = "checkpoints";
  const read = readOptions(op, options, kinds as OptionKinds<CheckpointsOptions<T>>, {
    every: 100,
    last: true,
    best: options?.monitor !== undefined,
    mode: "min",
    keep: 0,
    resume: false,
  });
  const model = readValue(op, "model", read.model, treeKind);
  const folder = readValue(op, "folder", read.folder, string);
  if (folder === "") throw new ArgumentError(`${op}: wanted the path of a folder, got an empty string`);
  const { every, last, best, keep, resume } = read;
  if (resume && !last)
    throw new ArgumentError(
      `${op}: { resume: true } loads last.safetensors, which { last: false } does not write; leave out one of them`,
    );
  const monitor = read.monitor ?? ((item: T) => item as number);
  const sign = read.mode === "min" ? 1 : -1;
  const path = (name: string): string => join(folder, `${name}.safetensors`);

  /** The steps whose numbered files are there: those of this run, and of the one that it resumes. */
  let kept: readonly number[] = [];

  const write = async (name: string, more: Metadata = {}): Promise<void> => {
    const known: Metadata = self.bestStep > 0 ? { best: self.best, bestStep: self.bestStep } : {};
    await save(path(name), model, { step: self.step, ...known, ...more });
  };

  async function saveNow({ measured, finished }: Unsaved): Promise<void> {
    await checked(steps); // the error of a loop inside names the step
    await refuseNaN(model, self.step, folder);
    const x = best ? await measured : undefined;
    const better = x !== undefined && sign * (self.best - x) > 0;
    if (better) Object.assign(self, { best: x, bestStep: self.step });
    if (better) await write("best");
    if (keep > 0 && finished) {
      await write(nameOf(self.step));
      const all = [...kept.filter((step) => step !== self.step), self.step];
      for (const step of all.slice(0, -keep)) await rm(path(nameOf(step)), { force: true });
      kept = all.slice(-keep);
    }
    if (last) await write("last", keep > 0 ? { kept: JSON.stringify(kept) } : {});
  }

  async function take(): Promise<void> {
    const file = path("last");
    if (!(await isThere(file))) return;
    const { step, best = self.best, bestStep = 0, kept: listed = "[]" } = await readMetadata(file);
    const numbered = stepsIn(listed);
    // Before anything is loaded.
    wantMetadata(file, "step", step, count.is(step));
    wantMetadata(file, "bestStep", bestStep, count.is(bestStep));
    wantMetadata(file, "best", best, typeof best === "number" && !Number.isNaN(best), "a number");
    wantMetadata(file, "kept", listed, numbered !== undefined, "a list of steps");
    await load(file, model);
    Object.assign(self, { step, best, bestStep });
    kept = numbered ?? [];
  }

  const run = wrapped(op, steps, async function* () {
    await makeFolder(folder).catch((cause: unknown) => {
      throw new FileError(`checkpoints: could not make the folder ${folder}: ${String(cause)}`, { cause });
    });
    // Now, not after the first hundred steps.
    if (boxes(model).length === 0) await refuseEmpty(model);
    if (resume) await take();
    let thrown = false;
    /** The last item, if that has not been saved. */
    let unsaved: Unsaved | undefined;
    const saveUnsaved = async (): Promise<void> => {
      if (unsaved === undefined) return;
      const now = unsaved;
      unsaved = undefined;
      await saveNow(now);
    };
    const ended = beforeRestoring(model, saveUnsaved);
    try {
      for await (const item of steps) {
        const before = self.step;
        self.step = read.step === undefined ? before + 1 : read.step(item);
        const measured = best ? numberOf(op, monitor(item, self.step), monitorIt) : Promise.resolve(undefined);
        measured.catch(() => {}); // thrown where it is awaited
        unsaved = { measured, finished: self.step > before };
        if (self.step % every === 0) {
          await saveUnsaved();
        }
        yield item;
      }
    } catch (error) {
      thrown = true;
      throw error;
    } finally {
      ended();
      if (!thrown) await saveUnsaved();
    }
  });
  const self = Object.assign(run, { step: 0, best: sign * Infinity, bestStep: 0 });
  return self;
}

/** Refuses a tree without boxes that `save` refuses, now or after a step: it takes one that has typed arrays. */
async function refuseEmpty(tree: object): Promise<void> {
  const refusal = (cause?: unknown): StateError =>
    new StateError(`checkpoints: what should be saved ${hidden}`, { cause });
  if (keepers(tree).length > 0) throw refusal(); // an optimizer will have state of parameters that are not there
  await toBytes(tree).catch((cause: unknown) => {
    throw refusal(cause);
  });
}

/** Whether there is a file to resume. */
async function isThere(file: string): Promise<boolean> {
  const found = await stat(file).catch((cause: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes((cause as { code?: string }).code ?? "")) return undefined;
    throw new FileError(`checkpoints: could not look for ${file}: ${String(cause)}`, { cause });
  });
  if (found?.isDirectory() === true)
    throw new FileError(`checkpoints: wanted a file to resume, but ${file} is a folder`);
  return found !== undefined;
}

/** Refuses to save parameters that have become NaN: the files that are there are better. */
async function refuseNaN(model: object, step: number, folder: string): Promise<void> {
  const [wrong] = await nonFinite(model, { infinity: false });
  if (wrong === undefined) return;
  const { path, shape, count } = wrong;
  throw new DivergenceError(
    `checkpoints: after step ${step} the parameter ${path} has NaN in ${count} of ${sizeOf(shape)} elements, so it is ` +
      `not saved; ${folder} keeps what it has. stopOnNaN(…) inside names the step, and with { operations: true } what gave it`,
  );
}

/** Refuses a file that does not say where its run was. */
function wantMetadata(file: string, name: string, x: unknown, right: boolean, wanted: string = count.wanted): void {
  if (right) return;
  throw new StateError(
    `checkpoints: ${file} does not say where its run was: wanted ${wanted} as ${name} in its metadata, got ${describe(x)}. ` +
      "To begin with its values as step 1, load(file, model) yourself and leave out resume",
  );
}

const nameOf = (step: number): string => `step-${String(step).padStart(8, "0")}`;

/** The steps in a list such as "[100,200]"; undefined if it is none. */
function stepsIn(list: unknown): readonly number[] | undefined {
  if (typeof list !== "string" || !/^\[[\d,]*\]$/.test(list)) return undefined;
  const steps = list.slice(1, -1).split(",").filter(Boolean).map(Number);
  return steps.every((step) => count.is(step)) ? steps : undefined;
}
