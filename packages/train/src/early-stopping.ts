// A loop that ends when it gets no better, and gives a model the values back that were best.
import { state, type Param, type State } from "@weft/autograd";
import { boxes, fromHost } from "@weft/autograd/internals";
import { readTensor } from "@weft/tensor";
import {
  callable,
  dtypeInfo,
  nonNegative,
  oneOf,
  positiveCount,
  readOptions,
  type OptionKinds,
} from "@weft/tensor/internals";
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
 * on from where it stands; a loop that has stopped has no more items.
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
  const kept = restore && new Kept(restore);
  async function* iterate(): AsyncGenerator<T, void, void> {
    if (self.waited < patience)
      for await (const item of steps) {
        const step = ++self.step;
        const x = await numberOf("earlyStopping", monitor(item, step), monitorIt);
        const best = self.bestStep > 0 ? self.best : sign * Infinity;
        if (x !== undefined && sign * (best - x) > minDelta) {
          Object.assign(self, { best: x, bestStep: step, waited: 0 });
          kept?.take();
        } else if (x !== undefined) self.waited++;
        yield item;
        if (self.waited >= patience) break;
      }
    if (self.bestStep > 0) kept?.restore();
  }
  const at = { step: 0, best: sign * Infinity, bestStep: 0, waited: 0, ...(kept && { kept: kept.values }) };
  const self: EarlyStopping<T> = Object.assign(awaitable("earlyStopping", iterate), at);
  return self;
}

/** The values that a model had at one time, in boxes of their own, which are saved with the loop. */
class Kept {
  readonly values: Map<string, State> = new Map();
  readonly #model: object;

  constructor(model: object) {
    this.#model = model;
    this.#pairs();
  }

  take(): void {
    for (const [box, own] of this.#pairs()) {
      if (!box.initialized) continue;
      const value = box.value;
      own.value = value; // no copy: values are never changed in place while something refers to them
      value.release();
    }
  }

  restore(): void {
    for (const [box, own] of this.#pairs()) {
      if (box.backend === undefined && own.lazyValue !== undefined) box.reset(own.lazyValue);
      else box.value = readTensor(own, "earlyStopping", box);
    }
  }

  /** Each box of the model and its own one. */
  #pairs(): (readonly [box: Param | State, own: State])[] {
    return boxes(this.#model).map(({ path, box }) => {
      const { shape, dtype } = box;
      const none = fromHost(shape, dtype, () => new dtypeInfo[dtype].array(box.size));
      const own = this.values.get(path) ?? state(none);
      this.values.set(path, own);
      return [box, own] as const;
    });
  }
}
