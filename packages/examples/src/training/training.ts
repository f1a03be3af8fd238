// Training as the command does it: epochs of steps, evaluations, and a file from which an interrupted training goes on
// with the same numbers.
import { rm } from "node:fs/promises";
import type { Backend } from "@weft/tensor";
import { DataError, progress, type Display, type Signal } from "@weft/data";
import { FileError, load, place, readMetadata, save, type Metadata } from "@weft/nn";
import { DivergenceError } from "@weft/optim";
import { logTo, type Log, type Scalars } from "@weft/train";
import { filesIn } from "./output-folder.ts";
import { isValues, type Learner, type Step, type Steps } from "./program.ts";
import { hasFiniteParams } from "./divergence.ts";
import { TrainingRecord } from "./training-record.ts";
import { turns } from "../event-loop.ts";
import { asMetadata, refuseOtherVocabularies } from "./vocabularies.ts";
import { labelOf } from "../format.ts";

export interface LearningOptions {
  readonly backend: Backend;
  readonly folder: string;
  readonly epochs: number;
  /** Epochs between two evaluations (1). */
  readonly every?: number;
  /** What an epoch is called ("epoch"). */
  readonly round?: string | undefined;
  /** The training ends after this step. */
  readonly steps?: number | undefined;
  /** Goes on where the training in the folder was. */
  readonly resume?: boolean;
  /** What the files say beside the epoch. */
  readonly notes?: Metadata;
  readonly signal?: Signal;
  /** Seconds between two saves in the middle of epochs (60), from which a training that is killed can go on. */
  readonly saveEvery?: number;
  /** Shows progress elsewhere than on the terminal. */
  readonly display?: Display;
  /** Called after each evaluation, with what the learner says, and with an error if a file could not be written. */
  readonly told?: (at: Told, found: Scalars | FileError, says?: string) => void;
}

/** Where a training is: after an epoch, or in it, after a step. */
interface Told {
  readonly epoch: number;
  readonly step?: number;
}

/** How a training ended. */
export interface Learned {
  readonly record: TrainingRecord;
  /** The steps and the whole epochs, those before a resumed training, too. */
  readonly step: number;
  readonly epoch: number;
  /** How long all of its steps took, in seconds, without evaluations. */
  readonly seconds: number;
  /** The steps of this run alone, and how long they took. */
  readonly taken: number;
  readonly takenSeconds: number;
  /** What was measured at the end; undefined if there was no step at all. */
  readonly result: Scalars | undefined;
}

/** Trains until the epochs or steps are done, or the signal comes. */
export async function learn(learner: Learner, options: LearningOptions): Promise<Learned> {
  const {
    backend,
    folder,
    epochs,
    every = 1,
    round: called = "epoch",
    steps = Infinity,
    signal,
    notes = {},
    told,
    saveEvery = 60,
  } = options;
  const files = filesIn(folder);
  const at = { step: 0, epoch: 0 };
  const training = { model: learner.model ?? {}, ...learner.state, random: backend.stream, at };
  /** How long the steps took before. */
  let earlier = 0;
  /** The step at which the model was saved. */
  let saved: number | undefined;
  if (options.resume === true) {
    const metadata = await readMetadata(files.training);
    refuseOtherVocabularies(learner.vocabularies ?? {}, metadata, files.training);
    await load(files.training, training);
    const begun = Object.entries(at).find(([name, n]) => name in metadata && Number(metadata[name]) !== n);
    if (begun !== undefined)
      throw new DataError(
        `${files.training}: its ${begun[0]} is ${begun[1]} in one place and ${String(metadata[begun[0]])} in another. It was changed after it was saved.`,
      );
    await place(training.model, backend); // a report may look into a model that takes no step any more
    const wrong = Object.entries(at).find(([, n]) => !Number.isSafeInteger(n) || n < 0);
    if (wrong !== undefined)
      throw new DataError(`${files.training}: its ${wrong[0]} is ${wrong[1]}. It was changed after it was saved.`);
    earlier = Number(metadata["seconds"] ?? 0);
    saved = await stepOf(files.model);
  } else for (const file of [files.model, files.training, files.report]) await rm(file, { force: true });
  const record = await TrainingRecord.open(files.metrics, at.step, (error) => told?.(at, error));
  const before = { ...at };
  /** The steps with which epochs ended. */
  const ends: number[] = [];
  /** What was said in the files that were written last. */
  let lastSaid: Metadata | undefined;

  const done = (): boolean =>
    at.epoch >= epochs || at.step >= steps || signal?.aborted === true || learner.finished?.() === true;
  const turn = turns();
  /** How long the steps of this run took, and when the training was saved. */
  let seconds = 0;
  let savedAt = performance.now();
  const isDue = (): boolean => learner.model !== undefined && performance.now() - savedAt >= 1000 * saveEvery;
  /** The steps until the next evaluation, of which an epoch has begun. */
  async function* round(begun: Steps): AsyncGenerator<Step> {
    const end = Math.min(epochs, (Math.floor(at.epoch / every) + 1) * every);
    for (let next: Steps | undefined = begun; at.epoch < end && !done(); next = undefined) {
      for await (const item of next ?? learner.epoch()) {
        at.step++;
        yield item;
        await turn();
        if (at.step >= steps || signal?.aborted === true) return; // the epoch is not over
      }
      at.epoch++;
      ends.push(at.step);
    }
  }

  /** The step that was noted last. */
  let noted = at.step;
  /** What is measured is noted; it ends the training if it is not finite. */
  const log: Log = {
    async scalars(step, values) {
      record.scalars(step, values);
      noted = step;
      const wrong = Object.entries(values).find(([, x]) => !Number.isFinite(x));
      if (wrong === undefined) return;
      await record.flush();
      const [name, value] = wrong;
      const when = values["epoch"] === undefined ? "in" : "after";
      const epoch = before.epoch + ends.filter((end) => end < step).length + 1;
      const kept = saved === undefined ? "Nothing was saved." : `The model of step ${saved} is in ${files.model}.`;
      throw new DivergenceError(
        `the ${labelOf(name)} became ${value} ${when} step ${step} (${called} ${epoch}). ${kept}`,
      );
    },
    flush: () => record.flush(),
  };

  const known = (): Metadata => ({
    ...notes,
    ...asMetadata(learner.vocabularies),
    epoch: at.epoch,
    step: at.step,
    ...(learner.finished?.() && { finished: true }),
  });
  const writeTraining = async (extra: Metadata = {}): Promise<void> => {
    savedAt = performance.now(); // if it fails, it is tried again a minute later
    await save(files.training, training, { ...known(), ...extra, seconds: earlier + seconds });
  };
  const write = async (extra: Metadata = {}): Promise<void> => {
    if (learner.model === undefined) return;
    await save(files.model, learner.model, { ...known(), ...extra });
    saved = at.step;
    await writeTraining(extra);
    lastSaid = extra;
  };
  const tell = (error: unknown): void => {
    if (!(error instanceof FileError)) throw error;
    told?.(at, error); // the next one may succeed
  };
  const writeOrTell = (extra?: Metadata): Promise<void> => write(extra).catch(tell);
  /** An evaluation leaves random numbers where they were: how often it happens changes nothing. */
  const evaluate = async (epoch?: number): Promise<Scalars> => {
    const stream = { ...backend.stream };
    return learner.evaluate(epoch).finally(() => Object.assign(backend.stream, stream));
  };

  /** Saves the training in the middle of an epoch, but not the model alone: it has not been measured. */
  async function saveBetween(item: Step): Promise<void> {
    for (const x of isValues(item) ? Object.values(item) : [item]) if (typeof x === "object") await x.item();
    await new Promise((resolve) => setImmediate(resolve)); // what was read is noted
    // What the record has not is not done; and what the last step made of the model is not in its loss yet.
    if (noted !== at.step) return;
    savedAt = performance.now();
    if (!(await hasFiniteParams({ model: learner.model, ...learner.state }, backend))) return;
    await record.flush();
    await writeTraining().catch(tell);
  }

  /** Notes what was measured where the training stopped, in the middle of an epoch. */
  async function noteBetween(found: Scalars): Promise<void> {
    record.scalars(at.step, { epoch: at.epoch, partial: 1, ...found });
    await record.flush();
  }

  let result: Scalars | undefined;
  while (!done()) {
    const { epoch } = at;
    const rest = Math.min(every - (epoch % every), epochs - epoch);
    const name =
      rest > 1 ? `${called}s ${epoch + 1} to ${epoch + rest} of ${epochs}` : `${called} ${epoch + 1}/${epochs}`;
    const shown = options.display === undefined ? { name } : { name, display: options.display };
    const begun = learner.epoch();
    const total = begun.length === undefined ? {} : { total: Math.min(begun.length * rest, steps - at.step) };
    const logged = logTo(progress(round(begun), { ...shown, ...total }), log, {
      values: (item) => (isValues(item) ? item : { loss: item }),
      step: () => at.step,
    });
    let start = performance.now();
    for await (const item of logged) {
      if (!isDue()) continue;
      seconds += (performance.now() - start) / 1000;
      await saveBetween(item);
      start = performance.now();
    }
    seconds += (performance.now() - start) / 1000;
    const whole = at.epoch > epoch && ends.at(-1) === at.step; // else it was stopped in the middle of an epoch
    if (!whole) await writeOrTell(); // a second signal may end the program while it evaluates
    result = await evaluate(whole ? at.epoch : undefined).catch(async (error: unknown) => {
      if (whole && (await hasFiniteParams(learner.model, backend).catch(() => false))) await writeOrTell(); // it was learned
      throw error;
    });
    if (whole) {
      await log.scalars(at.step, { epoch: at.epoch, ...result });
      await record.flush();
      await writeOrTell(result); // with what the evaluation has kept
    } else await noteBetween(result);
    told?.(whole ? { epoch: at.epoch } : { epoch: at.epoch + 1, step: at.step }, result, await learner.says?.());
  }
  if (result === undefined && at.step > 0) {
    // What was measured when it ended, once, is not measured anew.
    const last = record.evaluations.find(({ step }) => step === at.step);
    if (last === undefined) await noteBetween((result = await evaluate()));
    else {
      const { epoch: _, ...values } = last.values;
      result = lastSaid = values;
    }
  }
  if (lastSaid === undefined || lastSaid !== result) await write(result);
  return { record, ...at, seconds: earlier + seconds, taken: at.step - before.step, takenSeconds: seconds, result };
}

/** The step of a saved model; undefined if there is none. */
const stepOf = (file: string): Promise<number | undefined> =>
  readMetadata(file).then(
    ({ step }) => (step === undefined ? undefined : Number(step)),
    () => undefined,
  );
