// A loop that ends when it gets no better, and gives a model the values back that were best.
import { state, type Param, type State } from "@weft/autograd";
import { boxes, fromHost } from "@weft/autograd/internals";
import {
  callable,
  dtypeInfo,
  nonNegative,
  oneOf,
  positiveCount,
  readOptions,
  sizeOf,
  type OptionKinds,
} from "@weft/tensor/internals";
import { wrapping } from "@weft/optim/internals";
import type { Run } from "@weft/optim";
import { restoring, wantBoxes } from "./restoring.ts";
import { checkSteps, monitorIt, numberOf, treeKind, type Mode, type Monitor, type Steps } from "./steps.ts";

export interface EarlyStoppingOptions<T> {
  /** How many measurements in a row may be no improvement (10): the last of them ends the loop. */
  readonly patience?: number;
  /** An improvement is by more than this (0). */
  readonly minDelta?: number;
  /** Whether less is better ("min", the default) or more ("max"). */
  readonly mode?: Mode;
  /** What is measured, by default the item itself. Where it is undefined, the item does not count. */
  readonly monitor?: Monitor<T>;
  /** A model that gets the values back that it had at the best measurement. */
  readonly restore?: object;
}

/**
 * The loop, and how it stands. In a tree that is saved, as in `{ model, optimizer, stopping }`, it goes on from there when
 * that is loaded; its numbers may be assigned, too.
 */
export interface EarlyStopping<T> extends Run<T> {
  /** The number of items so far. */
  step: number;
  /** The best measurement so far, and its item. Before the first one it is infinite; NaN says the same in either mode. */
  best: number;
  bestStep: number;
  /** Measurements since then. */
  waited: number;
  /** With `restore`: the model's values at the best measurement, by their paths; zeros before the first one. */
  readonly bestValues?: Readonly<Record<string, State>>;
}

const kinds: OptionKinds<EarlyStoppingOptions<never>> = {
  patience: positiveCount,
  minDelta: nonNegative,
  mode: oneOf("min", "max"),
  monitor: callable,
  restore: treeKind,
};

/**
 * Passes items through until `patience` measurements in a row are no improvement: not less than the best one so far
 * minus `minDelta` (with `mode: "max"`, not more than it plus `minDelta`). NaN is no improvement. The item at which it
 * stops is passed through, too.
 *
 * Measured is the item, a number or a tensor of one element, or what `monitor` returns. With `restore` a model has its
 * best values again when the loop stops or its items end; a loop that you leave keeps what it has. Iterating again goes
 * on from where it stands: one that has stopped yields nothing more, also in a program that is resumed.
 *
 * Errors: StateError if what should be restored has no parameters, or hides them.
 *
 * Source: Keras's `EarlyStopping`.
 *
 * @example
 * await earlyStopping(minimize(f, cycle(batches), adam()), { patience: 100 });
 *
 * @example
 * const steps = evaluateEvery(minimize(f, cycle(batches), adam()), 10, () => evaluate(model, test, { loss: mse }));
 * const stopping = earlyStopping(steps, { monitor: () => steps.current?.loss, patience: 3, restore: model });
 * for await (const loss of takeFirst(stopping, 100)) ;
 * console.log(stopping.best, stopping.bestStep);
 */
export function earlyStopping<T>(steps: Steps<T>, options?: EarlyStoppingOptions<T>): EarlyStopping<T> {
  return stoppingOf(steps, options, true).run;
}

/** The same, and the best values; `restores` says whether the model gets them where the loop stops or its items end. */
export function stoppingOf<T>(
  steps: Steps<T>,
  options: EarlyStoppingOptions<T> | undefined,
  restores: boolean,
): { readonly run: EarlyStopping<T>; readonly best: BestValues | undefined } {
  const read = readOptions("earlyStopping", options, kinds as OptionKinds<EarlyStoppingOptions<T>>, {
    patience: 10,
    minDelta: 0,
    mode: "min",
  });
  checkSteps("earlyStopping", steps);
  const { patience, minDelta, restore } = read;
  if (restore !== undefined) wantBoxes("earlyStopping", "should be restored", restore);
  const monitor = read.monitor ?? ((item: T) => item as number);
  const sign = read.mode === "min" ? 1 : -1;
  const best = restore === undefined ? undefined : new BestValues(restore, () => self.bestStep > 0);
  async function* iterate(): AsyncGenerator<T, void, void> {
    if (self.waited < patience)
      for await (const item of steps) {
        const step = ++self.step;
        const x = await numberOf("earlyStopping", monitor(item, step), monitorIt);
        const before = Number.isNaN(self.best) ? sign * Infinity : self.best;
        if (x !== undefined && sign * (before - x) > minDelta) {
          Object.assign(self, { best: x, bestStep: step, waited: 0 });
          best?.take();
        } else if (x !== undefined) self.waited++;
        yield item;
        if (self.waited >= patience) break;
      }
    if (!restores || best === undefined) return;
    await restoring(restore!);
    best.restore();
  }
  const values = best === undefined ? {} : { bestValues: best.values };
  const state = { step: 0, best: sign * Infinity, bestStep: 0, waited: 0, ...values };
  const self: EarlyStopping<T> = Object.assign(wrapping("earlyStopping", steps, iterate), state);
  return { run: self, best };
}

/** The values of a model at its best measurement, in states of their own, so that a file has them. */
export class BestValues {
  readonly values: Record<string, State> = {};
  readonly #model: object;
  readonly #known: () => boolean;

  /** `known` says whether something has been measured. */
  constructor(model: object, known: () => boolean) {
    this.#model = model;
    this.#known = known;
    for (const { path, box } of boxes(model)) this.values[path] = state(zeros(box));
  }

  take(): void {
    for (const { path, box } of boxes(this.#model)) copy(box, (this.values[path] ??= state(zeros(box))));
  }

  /** Gives the model these values. */
  restore(): void {
    if (!this.#known()) return;
    for (const { path, box } of boxes(this.#model)) {
      const value = this.values[path];
      if (value !== undefined) copy(value, box);
    }
  }

  /** Frees their memory. */
  release(): void {
    for (const value of Object.values(this.values)) value.reset(zeros(value));
  }
}

type Box = Param | State;

/** Nothing yet, for a box like this one. */
const zeros = ({ shape, dtype }: Box): ReturnType<typeof fromHost> =>
  fromHost(shape, dtype, () => new dtypeInfo[dtype].array(sizeOf(shape)));

/** Gives a box the value of another one. Values are never changed in place while something refers to them. */
function copy(from: Box, to: Box): void {
  const { lazyValue, scalar } = from;
  // One that was loaded waits for a backend; the other box may have one.
  if (lazyValue !== undefined && to.backend === undefined) return to.reset(lazyValue);
  const x = lazyValue === undefined ? from.value : from.read(to.backend);
  to.value = x;
  to.scalar = scalar;
  x.release();
}
