// A loop that evaluates its model now and then.
import { callable, positiveCount, readValue } from "@weft/tensor/internals";
import { wrapped, type Steps, type Wrapped } from "./steps.ts";

/** What an evaluation returned, after so many items. */
export interface Evaluated<V> {
  readonly step: number;
  readonly value: V;
}

export interface EvaluateEvery<T, V> extends Wrapped<T> {
  /** The number of items so far. It may be saved, and assigned to go on from there. */
  step: number;
  /** What was evaluated at the item that the loop has now; undefined where nothing was. */
  readonly current: V | undefined;
  /** All evaluations so far. */
  readonly history: readonly Evaluated<V>[];
}

/**
 * Passes items through and calls `evaluate(step, item)` after every n-th step, before the loop gets its item. It may be
 * asynchronous; what it returns is `current` until the next item, and is added to `history`.
 *
 * @example
 * const steps = evaluateEvery(minimize(f, batches, adam()), 100, () => evaluate(model, test, { loss: mse }));
 * for await (const loss of steps) if (steps.current) console.log(steps.step, steps.current.loss);
 */
export function evaluateEvery<T, V>(
  steps: Steps<T>,
  n: number,
  evaluate: (step: number, item: T) => V | Promise<V>,
): EvaluateEvery<T, V> {
  readValue("evaluateEvery", "n", n, positiveCount);
  readValue("evaluateEvery", "what is called", evaluate, callable);
  const history: Evaluated<V>[] = [];
  let current: V | undefined;
  const run = wrapped("evaluateEvery", steps, async function* () {
    for await (const item of steps) {
      current = undefined;
      if (++self.step % n === 0) {
        current = await evaluate(self.step, item);
        history.push({ step: self.step, value: current });
      }
      yield item;
    }
  });
  const self = Object.assign(run, { step: 0 });
  // Not enumerable: in a saved tree only the step belongs to the loop's state.
  const found = { current: { get: () => current }, history: { get: () => history } };
  return Object.defineProperties(self, found) as typeof self & Pick<EvaluateEvery<T, V>, keyof typeof found>;
}
