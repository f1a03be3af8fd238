// A loop that ends when it gets no better, and gives a model the values back that were best.
import { boxes } from "@weft/autograd/internals";
import { keep, type Tensor } from "@weft/tensor";
import { callable, nonNegative, oneOf, positiveCount, readOptions, type OptionKinds } from "@weft/tensor/internals";
import { awaitable } from "@weft/optim/internals";
import type { Run } from "@weft/optim";
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

/** The loop, and how it stands. These numbers may be saved, and assigned to go on from there. */
export interface EarlyStopping<T> extends Run<T> {
  /** The number of items so far. */
  step: number;
  /** The best measurement so far, and its item. */
  best: number;
  bestStep: number;
  /** Measurements since then. */
  waited: number;
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
 * on from where it stands.
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
  const read = readOptions("earlyStopping", options, kinds as OptionKinds<EarlyStoppingOptions<T>>, {
    patience: 10,
    minDelta: 0,
    mode: "min",
  });
  checkSteps("earlyStopping", steps);
  const { patience, minDelta, restore } = read;
  const monitor = read.monitor ?? ((item: T) => item as number);
  const sign = read.mode === "min" ? 1 : -1;
  async function* iterate(): AsyncGenerator<T, void, void> {
    const kept = new Snapshot();
    try {
      for await (const item of steps) {
        const step = ++self.step;
        const x = await numberOf("earlyStopping", monitor(item, step), monitorIt);
        if (x !== undefined && sign * (self.best - x) > minDelta) {
          Object.assign(self, { best: x, bestStep: step, waited: 0 });
          if (restore !== undefined) kept.take(restore);
        } else if (x !== undefined) self.waited++;
        yield item;
        if (self.waited >= patience) break;
      }
      kept.restore();
    } finally {
      kept.release();
    }
  }
  const state = { step: 0, best: sign * Infinity, bestStep: 0, waited: 0 };
  const self: EarlyStopping<T> = Object.assign(awaitable("earlyStopping", iterate), state);
  return self;
}

/** The values of a model at one time. Values are never changed in place while something refers to them. */
class Snapshot {
  #values: (readonly [box: { value: Tensor }, value: Tensor])[] = [];

  take(model: object): void {
    this.release();
    for (const { box } of boxes(model)) if (box.initialized) this.#values.push([box, keep(box.value)]);
  }

  restore(): void {
    for (const [box, value] of this.#values) box.value = value;
  }

  release(): void {
    for (const [, value] of this.#values) value.release();
    this.#values = [];
  }
}
