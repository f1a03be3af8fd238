// A loop that ends with an error where a loss is not finite, and can find the operation that is to blame.
import { DivergenceError } from "@weft/optim";
import { finite, NonFiniteError } from "@weft/tensor";
import { boolean, readOptions, type OptionKinds } from "@weft/tensor/internals";
import { numberOf, wrapped, type Measured, type Steps, type Wrapped } from "./steps.ts";

export interface StopOnNaNOptions {
  /** Whether infinities are errors, too (true). */
  readonly infinity?: boolean;
  /** Whether every operation of every step is watched, to name the first one that gave NaN (false). It is slow. */
  readonly operations?: boolean;
}

const kinds: OptionKinds<StopOnNaNOptions> = { infinity: boolean, operations: boolean };

/** So many losses may be on their way from a device. */
const behind = 8;

export interface StopOnNaN<T> extends Wrapped<T> {
  /** The number of items so far. It may be saved, and assigned to go on from there. */
  step: number;
}

/**
 * Passes losses through, numbers or tensors of one element, and throws a DivergenceError that names the first one that
 * is NaN or infinite. A loss is read while later steps are computed, so the error may come up to 8 steps later; but
 * `checkpoints` around it waits for all of them before it writes a file.
 *
 * With `{ operations: true }` it runs every step inside `finite`, and the error names the step and the first operation
 * in it that gave NaN, or an infinity from finite operands, and where it was called: in the loss, in the backward pass,
 * or in the update of a parameter, before any loss shows it. That is for debugging; it is slow.
 *
 * @example
 * await stopOnNaN([2, 1, NaN]); // throws DivergenceError
 *
 * @example
 * await stopOnNaN(minimize(f, batches, adam()), { operations: true });
 */
export function stopOnNaN<T extends Measured>(steps: Steps<T>, options?: StopOnNaNOptions): StopOnNaN<T> {
  const { infinity, operations } = readOptions("stopOnNaN", options, kinds, { infinity: true, operations: false });
  const wrong = (x: number): boolean => (infinity ? !Number.isFinite(x) : Number.isNaN(x));
  const cure = operations ? "" : "; { operations: true } finds the operation that gave it";
  async function check(item: T, step: number): Promise<void> {
    const x = await numberOf("stopOnNaN", item);
    if (x !== undefined && wrong(x)) throw new DivergenceError(`stopOnNaN: the loss of step ${step} is ${x}${cure}`);
  }
  /** Checks of the latest items. */
  let reading: Promise<void>[] = [];
  const checkAll = async (): Promise<void> => {
    for (const read of reading) await read;
  };
  const iterate = async function* (): AsyncGenerator<T, void, void> {
    reading = [];
    let thrown = false;
    try {
      for await (const item of operations ? watched(steps, infinity, () => self.step + 1) : steps) {
        const read = check(item, ++self.step);
        read.catch(() => {}); // thrown where it is awaited, after those before it
        reading.push(read);
        if (typeof item === "number" || operations || reading.length > behind) await reading.shift();
        yield item;
      }
    } catch (error) {
      thrown = true;
      throw error;
    } finally {
      // Here, so that it is also thrown where the caller leaves the loop by break.
      if (!thrown) await checkAll();
    }
  };
  const self = Object.assign(wrapped("stopOnNaN", steps, iterate, checkAll), { step: 0 });
  return self;
}

/** The same items. Each is made inside `finite`; `step` is the number of the next one. */
async function* watched<T>(steps: Steps<T>, infinity: boolean, step: () => number): AsyncGenerator<T, void, void> {
  const iterator = Symbol.asyncIterator in steps ? steps[Symbol.asyncIterator]() : steps[Symbol.iterator]();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await finite(() => iterator.next(), { infinity }).catch((cause: unknown) => {
        if (!(cause instanceof NonFiniteError)) throw cause;
        throw new DivergenceError(`stopOnNaN: in step ${step()}, ${cause.message}`, { cause });
      });
      ended = done === true;
      if (ended) return;
      yield value as T;
    }
  } finally {
    if (!ended) await iterator.return?.();
  }
}
