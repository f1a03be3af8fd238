// Training in one call: the epochs, and the loops around them that the options ask for.
import { StateError } from "@weft/autograd";
import { ArgumentError } from "@weft/tensor";
import { boxes } from "@weft/autograd/internals";
import { beside, placeOf } from "@weft/data/internals";
import {
  anything,
  boolean,
  callable,
  either,
  quoted,
  readOptions,
  readValue,
  string,
  type OptionKind,
} from "@weft/tensor/internals";
import type { Checkpoints, CheckpointsFunction, CheckpointsOptions } from "../checkpoints.ts";
import { stoppingOf, type BestValues, type EarlyStoppingOptions } from "../early-stopping.ts";
import type { Log } from "../log/log.ts";
import { logTo } from "../log/log-to.ts";
import { adam, DivergenceError } from "@weft/optim";
import { wantBoxes } from "../restoring.ts";
import { treeKind, wrapped, type Measured, type Mode, type Steps } from "../steps.ts";
import type { LabeledBatches, Model } from "./batch.ts";
import { epochsFrom, epochsKinds, type Epoch, type EpochsOptions, type FinishedEpoch } from "./epochs.ts";
import { optionsKind } from "./options.ts";
import { randomState, type RandomState } from "./random-state.ts";
import { validationName, type Metrics } from "./results.ts";

/** What is measured after an epoch: one of its numbers by name, or a function of them. */
export type EpochMonitor<M> = string | ((epoch: Epoch<M>) => Measured);

export interface StopOptions<M> extends Omit<EarlyStoppingOptions<Epoch<M>>, "monitor" | "restore"> {
  /** By default "valLoss", or "loss" without validation. */
  readonly monitor?: EpochMonitor<M>;
  /** Whether less ("min") or more ("max") is better: by default as the metric says, and less of a loss or a function. */
  readonly mode?: Mode;
  /**
   * Whether the model has its best values again at the end, however training ends but by an error (false); or another
   * tree that gets its own back.
   */
  readonly restore?: boolean | object;
}

export interface FitCheckpoints<M> extends Omit<CheckpointsOptions<Epoch<M>>, "monitor" | "model" | "step"> {
  /**
   * What is saved in place of `{ model, optimizer, random, position, stopping }`: the random stream of the model's
   * backend, the position of the data if they have one, and how `stop` stands. A run that has more to
   * remember names all of it: `{ model, optimizer, random: backend.stream, batches, schedule }`.
   */
  readonly model?: object;
  /** By default "valLoss", or "loss" without validation. */
  readonly monitor?: EpochMonitor<M>;
}

export interface FitOptions<In extends readonly unknown[], Target, Y, M, V = unknown> extends EpochsOptions<
  In,
  Target,
  Y,
  M
> {
  /** Batches that the model is evaluated on after each epoch. */
  readonly validation?: LabeledBatches<In, Target> & V;
  /** Ends training when it gets no better: options of `earlyStopping`. An epoch that was interrupted does not count. */
  readonly stop?: StopOptions<M>;
  /** Saves after epochs, and resumes: options of `checkpoints`, `every` 1 by default. In Node only. */
  readonly checkpoints?: FitCheckpoints<M>;
  /** Where the numbers of each epoch are noted, as with `logTo`. */
  readonly log?: Log | readonly Log[];
  /**
   * Called after each epoch that `signal` has not interrupted, and before the epoch is saved: a run that is resumed goes
   * on with what it did, such as telling a schedule. If it returns "stop", training ends; if it throws, the epoch is not
   * saved.
   */
  readonly onEpoch?: (epoch: FinishedEpoch<M, V>) => unknown;
}

/** Lists with an element for each epoch. What needs validation has none for an epoch that was interrupted. */
export type History<M> = {
  readonly epoch: number[];
  readonly loss: number[];
  readonly valLoss: number[];
} & {
  readonly [
    K in keyof Epoch<M> as K extends "steps" | "interrupted" | "epoch" | "loss" | "valLoss" ? never : K
  ]-?: Exclude<Epoch<M>[K], undefined>[];
};

const kinds = {
  ...epochsKinds,
  stop: optionsKind("{ patience: 3 }"),
  checkpoints: optionsKind('{ folder: "run" }'),
  log: anything,
  onEpoch: callable,
};

export interface Fit {
  /**
   * Trains a model in one call on batches `[…inputs, target]`, and returns lists with an element for each epoch:
   * `{ epoch, loss, valLoss, accuracy, valAccuracy }`. It is `epochs` with the loops around it that the options ask for:
   * `log` (`logTo`), `checkpoints`, `stop` (`earlyStopping`). Nothing is shown unless `progress` is true.
   *
   * When `signal` is aborted, it ends after the current step. An error ends it, too; the model keeps the steps before.
   * With `checkpoints: { folder, resume: true }` it continues with the epoch after the last one saved there, to the bits
   * of a run that was never interrupted, and the lists have the epochs from there on. If none is left, the model is the
   * one that was saved, and the lists are empty.
   *
   * Source: Keras's `fit`.
   *
   * @example
   * const history = await fit(model, batches, { loss: mse, optimizer: adam(), epochs: 2, validation: batches });
   * console.log(history.loss, history.valLoss);
   */
  <In extends readonly unknown[], Target, Y, M extends Metrics<Y, Target> = Record<never, never>, V = undefined>(
    model: Model<In, Y>,
    data: LabeledBatches<In, Target>,
    options: FitOptions<In, Target, Y, M, V>,
  ): Promise<History<M>>;
}

/** `fit`, with the `checkpoints` of Node or of a page. */
export const fitWith =
  (checkpoints: CheckpointsFunction): Fit =>
  async (model, data, options) => {
    type M = NonNullable<(typeof options)["metrics"]>;
    const op = "fit";
    const {
      stop,
      checkpoints: saved,
      log,
      onEpoch,
      ...how
    } = readOptions(op, options, kinds, {
      optimizer: adam(),
    });
    const usual = how.validation === undefined ? "loss" : "valLoss";
    const monitored =
      (monitor: EpochMonitor<M> = usual) =>
      (epoch: Epoch<M>): Measured =>
        epoch.interrupted ? undefined : typeof monitor === "function" ? monitor(epoch) : numberIn(op, epoch, monitor);

    let saver: Checkpoints<Epoch<M>> | undefined;
    const random = randomState(op, model, placeOf(data));
    /** Where a loss was NaN first: looked for if weights are saved, which `checkpoints` refuses to do with NaN. */
    let wrong: { readonly epoch: number; readonly step: number } | undefined;
    const within = {
      done: () => saver?.step ?? 0,
      saw: (x: unknown) => random.saw(x),
      ...(saved && { diverged: (epoch: number, step: number) => void (wrong ??= { epoch, step }) }),
    };
    let run: Steps<Epoch<M>> = epochsFrom(op, model, data, how as typeof options, within);
    if (log !== undefined) run = logTo(run, log, { values: numbersIn, step: ({ epoch }) => epoch });
    const modeOf = (monitor: EpochMonitor<M> = usual, given?: Mode): { mode: Mode } => ({
      mode: given ?? (typeof monitor === "function" ? "min" : better(op, how.metrics ?? {}, monitor)),
    });

    // Inside `checkpoints`, so that a file says how it stands after the epoch that was saved.
    let stopping: object = { step: 0, best: NaN, bestStep: 0, waited: 0 }; // so that files have it with and without `stop`
    let best: BestValues | undefined;
    if (stop !== undefined) {
      const { monitor, restore = false, ...rest } = stop;
      wantMonitor(op, "stop.monitor", monitor);
      readValue(op, "stop.restore", restore, either(boolean, treeKind));
      const again = restore === false ? {} : { restore: restore === true ? model : restore };
      if (again.restore !== undefined) wantBoxes(op, "stop.restore should restore", again.restore);
      // Not restored at its end, but below: until then the model has the values of the last epoch, which are saved.
      const made = stoppingOf(
        run,
        { ...rest, ...again, ...modeOf(monitor, rest.mode), monitor: monitored(monitor) },
        false,
      );
      run = stopping = made.run;
      best = made.best;
    }
    // Inside it, too: a file has what the callback did.
    if (onEpoch !== undefined) run = calling(op, run, onEpoch as (epoch: Epoch<M>) => unknown);
    if (saved !== undefined) {
      const { monitor, ...rest } = saved;
      wantMonitor(op, "checkpoints.monitor", monitor);
      if ("step" in saved)
        throw new ArgumentError(
          `${op}: there is no option "step" in checkpoints: the steps that are counted are epochs`,
        );
      const { position } = data as { readonly position?: object };
      const tree = {
        model,
        optimizer: how.optimizer,
        random: random.state,
        ...(position !== undefined && { position }),
        stopping,
      };
      const monitoring =
        rest.best === true || monitor !== undefined
          ? { ...rest, ...modeOf(monitor, rest.mode), monitor: monitored(monitor) }
          : rest;
      // An epoch that was interrupted is not done: a resumed run has its number again.
      const step = ({ epoch, interrupted }: Epoch<M>): number => (interrupted ? epoch - 1 : epoch);
      run = saver = checkpoints(run, { every: 1, model: tree, ...monitoring, step });
    }

    let trained = 0;
    const measured = Object.keys(how.metrics ?? {}).flatMap((name) => [name, validationName(name)]);
    const names = ["epoch", "loss", "valLoss", ...measured];
    const history: Record<string, unknown[]> = Object.fromEntries(names.map((name) => [name, []]));
    try {
      for await (const epoch of run) {
        const { steps, interrupted: _, ...numbers } = epoch as Epoch & Record<string, unknown>;
        trained += steps;
        for (const [name, x] of Object.entries(numbers)) history[name]!.push(x);
      }
      best?.restore();
    } catch (error) {
      if (error instanceof DivergenceError && wrong !== undefined)
        throw new DivergenceError(
          `${op}: the loss is NaN from step ${wrong.step} of epoch ${wrong.epoch} on (${error.message})`,
          { cause: error },
        );
      throw saved === undefined || saved.model !== undefined ? error : named(error, op, saved.folder);
    } finally {
      best?.release();
    }
    if (saver !== undefined && trained === 0) await placeLoaded(model, data, random);
    return history as unknown as History<M>;
  };

/** The same epochs, after a callback that may end them. An epoch that was interrupted is not done. */
const calling = <M>(op: string, run: Steps<Epoch<M>>, onEpoch: (epoch: Epoch<M>) => unknown): Steps<Epoch<M>> =>
  wrapped(op, run, async function* () {
    for await (const epoch of run) {
      const answer = epoch.interrupted ? undefined : await onEpoch(epoch);
      yield epoch;
      if (answer === "stop") return;
    }
  });

/** The error of a file that has best values where the run has none, or the other way round: with the option's name. */
const named = (error: unknown, op: string, folder: string): unknown =>
  error instanceof StateError &&
  error.names.length > 0 &&
  error.names.every((name) => name.startsWith("stopping.bestValues."))
    ? new StateError(
        `${op}: ${folder}/last.safetensors is of a run with another stop.restore, which keeps the best values: ` +
          `resume it with the same, or begin in another folder (${error.message})`,
        { cause: error },
      )
    : error;

/** Puts what was loaded on the backend of the data, if no step has done that. */
async function placeLoaded(
  model: unknown,
  data: LabeledBatches<readonly unknown[], unknown>,
  random: RandomState,
): Promise<void> {
  const waiting = boxes(model).filter(({ box }) => !box.initialized);
  if (waiting.length === 0 || "next" in data) return;
  if (random.backend === undefined)
    for await (const batch of beside(data)) {
      random.saw(batch);
      break;
    }
  if (random.backend !== undefined) for (const { box } of waiting) box.initialize(random.backend);
}

/** Refuses what names no number of an epoch. */
function wantMonitor(op: string, name: string, monitor: unknown): void {
  if (monitor !== undefined) readValue(op, name, monitor, either(numberName, callable));
}
const numberName: OptionKind<string> = { ...string, wanted: 'the name of a number such as "valLoss"' };

/** Whether less or more is better of the number with that name: a loss, or what a metric measures. */
function better(op: string, metrics: Metrics<never, never>, name: string): Mode {
  const found = Object.entries(metrics).find(([own]) => own === name || validationName(own) === name);
  if (found === undefined) return "min"; // a loss, or none: then an epoch's numbers say so
  const { mode } = found[1];
  if (mode === undefined)
    throw new ArgumentError(
      `${op}: { monitor: ${quoted(name)} } is of a metric that does not say which is better; pass { mode: "max" } if more is, ` +
        'else { mode: "min" }',
    );
  return mode;
}

/** One of an epoch's numbers. */
function numberIn(op: string, epoch: object, name: string): Measured {
  const known = epoch as Readonly<Record<string, unknown>>;
  if (!Object.hasOwn(known, name))
    throw new ArgumentError(`${op}: { monitor: ${quoted(name)} } is none of ${Object.keys(known).join(", ")}`);
  return known[name] as Measured;
}

/** The numbers of an epoch, for a log. */
const numbersIn = (epoch: object): Record<string, number> =>
  Object.fromEntries(
    Object.entries(epoch).filter(
      (entry): entry is [string, number] => typeof entry[1] === "number" && entry[0] !== "epoch",
    ),
  );
