// Training as the command does it: epochs of steps, evaluations, and a file from which an interrupted training goes on
// with the same numbers.
import { join } from "node:path";
import type { Backend } from "@weft/tensor";
import { progress, type Display, type Signal } from "@weft/data";
import { FileError, load, save, type Metadata } from "@weft/nn";
import { DivergenceError } from "@weft/optim";
import { logTo, type Measured, type Scalars, type Values } from "@weft/train";
import type { Learner } from "./program.ts";
import { TrainingRecord } from "./record.ts";
import { turns } from "./turns.ts";

export interface LearningOptions {
  readonly backend: Backend;
  readonly folder: string;
  readonly epochs: number;
  /** Epochs between two evaluations (1). */
  readonly every?: number;
  /** The training ends after this step. */
  readonly steps?: number | undefined;
  /** Goes on where the training in the folder was. */
  readonly resume?: boolean;
  /** What the files say beside the epoch. */
  readonly notes?: Metadata;
  readonly signal?: Signal;
  /** Shows progress elsewhere than on the terminal. */
  readonly display?: Display;
  /** Called after each evaluation, with what the learner says, and with an error if a file could not be written. */
  readonly told?: (epoch: number, found: Scalars | FileError, says?: string) => void;
}

/** How a training ended. */
export interface Learned {
  readonly record: TrainingRecord;
  /** The steps and the whole epochs, those before a resumed training, too. */
  readonly step: number;
  readonly epoch: number;
  /** The steps of this run alone. */
  readonly taken: number;
  /** What was measured at the end; undefined if there was no step at all. */
  readonly result: Scalars | undefined;
}

export const filesIn = (folder: string) => ({
  model: join(folder, "model.safetensors"),
  training: join(folder, "training.safetensors"),
  metrics: join(folder, "metrics.jsonl"),
  report: join(folder, "report.html"),
});

/** Trains until the epochs or steps are done, or the signal comes. */
export async function learn(learner: Learner, options: LearningOptions): Promise<Learned> {
  const { backend, folder, epochs, every = 1, steps = Infinity, signal, notes = {}, told } = options;
  const files = filesIn(folder);
  const at = { step: 0, epoch: 0 };
  const training = { model: learner.model ?? {}, ...learner.state, random: backend.stream, at };
  if (options.resume === true) await load(files.training, training);
  const record = await TrainingRecord.open(files.metrics, at.step);
  const begun = at.step;

  const done = (): boolean =>
    at.epoch >= epochs || at.step >= steps || signal?.aborted === true || learner.finished?.() === true;
  const turn = turns();
  /** The steps until the next evaluation. */
  async function* round(): AsyncGenerator<Measured | Values> {
    const end = Math.min(epochs, (Math.floor(at.epoch / every) + 1) * every);
    while (at.epoch < end && !done()) {
      for await (const item of learner.epoch()) {
        at.step++;
        yield item;
        await turn();
        if (at.step >= steps || signal?.aborted === true) return; // the epoch is not over
      }
      at.epoch++;
    }
  }

  const write = async (extra: Metadata = {}): Promise<void> => {
    if (learner.model === undefined) return;
    const known = { ...notes, epoch: at.epoch, step: at.step, ...extra };
    await save(files.model, learner.model, known);
    await save(files.training, training, known);
  };
  const writeOrTell = (): Promise<void> =>
    write().catch((error: unknown) => {
      if (!(error instanceof FileError)) throw error;
      told?.(at.epoch, error); // the next one may succeed
    });
  /** An evaluation leaves random numbers where they were: how often it happens changes nothing. */
  const evaluate = async (epoch?: number): Promise<Scalars> => {
    const before = { ...backend.stream };
    return learner.evaluate(epoch).finally(() => Object.assign(backend.stream, before));
  };

  let result: Scalars | undefined;
  while (!done()) {
    const from = at.step;
    const before = at.epoch;
    const name = `epoch ${before + 1}/${epochs}`;
    const shown = options.display === undefined ? { name } : { name, display: options.display };
    const total = lengthOf(learner, every);
    const noted = logTo(progress(round(), total === undefined ? shown : { ...shown, total }), record, {
      values: (item) => (isValues(item) ? item : { loss: item }),
      step: () => at.step,
    });
    for await (const _ of noted);
    refuseNaN(record, from, before, learner.model === undefined ? undefined : files.model);
    const whole = at.epoch > before;
    if (!whole) await writeOrTell(); // a second signal may end the program while it evaluates
    result = await evaluate(whole ? at.epoch : undefined);
    if (whole) {
      record.scalars(at.step, { epoch: at.epoch, ...result });
      await record.flush();
      await writeOrTell(); // with what the evaluation has kept
    }
    told?.(whole ? at.epoch : before + 1, result, await learner.says?.());
  }
  if (result === undefined && at.step > 0) result = await evaluate();
  await write(result);
  return { record, ...at, taken: at.step - begun, result };
}

const isValues = (x: Measured | Values): x is Values =>
  typeof x === "object" && typeof (x as { item?: unknown }).item !== "function";

function lengthOf(learner: Learner, every: number): number | undefined {
  const { length } = learner.epoch() as { length?: number };
  return length === undefined ? undefined : length * every;
}

function refuseNaN(record: TrainingRecord, from: number, epoch: number, file: string | undefined): void {
  const wrong = record.entries.find(({ step, values }) => step > from && !Number.isFinite(values["loss"] ?? 0));
  if (wrong === undefined) return;
  const saved =
    file === undefined || from === 0 ? "Nothing was saved." : `The model after epoch ${epoch} is in ${file}.`;
  throw new DivergenceError(
    `the loss became ${wrong.values["loss"]} in step ${wrong.step - from} of epoch ${epoch + 1}. ${saved}`,
  );
}
