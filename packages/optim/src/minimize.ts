// Training as iteration: each item of the data is one step, which yields its loss.
import { diff, scope, state, type State, type Tape } from "@weft/autograd";
import { nothing, trained } from "@weft/autograd/internals";
import { ArgumentError, readTensor, zerosLike, type Tensor } from "@weft/tensor";
import {
  adopt,
  callable,
  closeScope,
  context,
  filled,
  openScope,
  readValue,
  refusePromise,
  type Scope,
  together,
  wantIterable,
} from "@weft/tensor/internals";
import { comingOf, firstOf } from "./coming.ts";
import { wantParams } from "./gradient.ts";
import type { LossOptimizer } from "./lbfgs/lbfgs.ts";
import type { Optimizer } from "./optimizer.ts";
import { Pace } from "./pace.ts";
import { adam } from "./rules/adam.ts";
import { awaitable, type Run } from "./run.ts";
import { readOptimizer, type AsyncOptimizer } from "./transforms.ts";

type AnyOptimizer = Optimizer | AsyncOptimizer | LossOptimizer;

/** A tuple is spread into the arguments of a loss; anything else is its only argument. */
export type Arguments<Item> = Item extends readonly unknown[] ? Item : [Item];

/** The losses of a training run, one per item of the data. It can be iterated again, or awaited. */
export interface Minimization extends Run<Tensor> {
  /** How many steps come, if the data have a length: of batches that go on from a position, those that are left. */
  readonly length: number | undefined;
}

/**
 * Minimizes `loss(...item)` over the items of `data`. Each step computes the gradients, lets the optimizer update every
 * parameter on the tape, and yields the loss (before the update), a tensor that is valid until the next step; `keep` it
 * to hold it longer. Data and optimizer may be asynchronous. At most 16 steps are queued on a device ahead of what has
 * been computed.
 *
 * Throws an ArgumentError if the loss depends on no parameter or if it is called on a tape, a ShapeError if it is not a scalar, and the error of a
 * step that fails (an IndexError for a wrong label). That step is rolled back, and no more steps are made. A loss of
 * NaN is not an error (see `converge`), except for `lbfgs`. Like Knet's `minimize`.
 *
 * Nothing happens before it is iterated or awaited. Awaited, it runs to the end, once, and returns the last loss, a
 * tensor that you own; every iteration trains again.
 *
 * @example
 * await minimize((x, y) => mse(model(x), y), batches, adam());
 *
 * @example
 * const steps = minimize((x, y) => crossEntropy(model(x), y), batches, adam());
 * for await (const loss of steps) console.log(await loss.item());
 */
export function minimize<Item>(
  loss: (...args: Arguments<Item>) => Tensor,
  data: Iterable<Item> | AsyncIterable<Item>,
  optimizer: AnyOptimizer = adam(),
): Minimization {
  readValue("minimize", "the loss", loss, callable);
  wantIterable("minimize", "data to iterate over", data);
  if (!takesLoss(optimizer)) readOptimizer("minimize", optimizer);
  if (context.tape !== undefined)
    throw new ArgumentError(
      "minimize: inside a diff or grad no gradient would go through its steps; write the inner loop by hand, with optimizer.update(diff(…)), or minimize before",
    );
  const { training } = context; // kept, since iteration goes on after a surrounding `training(…)` has returned
  /** The first item of the loop that is under way. */
  let first: number | undefined;
  const iterate = (): AsyncGenerator<Tensor, void, void> =>
    steps(loss, data, optimizer, training, (going) => (first = going ? firstOf(data) : undefined));
  const length = { get: () => comingOf(data, first ?? firstOf(data)), enumerable: true };
  return Object.defineProperty(awaitable("minimize", iterate) as Minimization, "length", length);
}

async function* steps<Item>(
  loss: (...args: Arguments<Item>) => Tensor,
  data: Iterable<Item> | AsyncIterable<Item>,
  optimizer: AnyOptimizer,
  training: boolean | undefined,
  going: (now: boolean) => void,
): AsyncGenerator<Tensor, void, void> {
  going(true);
  let shown: Scope | undefined;
  let last: Tensor | undefined;
  /** Why a step was rolled back. */
  let failure: Error | undefined;
  const fail = (reason: Error): void => void (failure ??= reason);
  const box = new LossBox();
  let thrown = false;
  const pace = new Pace();
  try {
    for await (const item of data) {
      if (shown !== undefined) closeScope(shown);
      shown = undefined;
      if (failure !== undefined) break;
      const made = trained(training, () => together(() => step(loss, item, optimizer, box), fail));
      const value = made instanceof Promise ? await made : made;
      last = value;
      shown = openScope("minimize took its next step");
      adopt(value, shown);
      await pace.after(value);
      yield value;
    }
    if (failure !== undefined) return;
    await pace.settled();
    // Throws what went wrong in the last steps.
    if (last?.ended === undefined) await last?.data();
  } catch (error) {
    thrown = true;
    throw error;
  } finally {
    going(false);
    if (shown !== undefined) closeScope(shown);
    box.release();
    // Here, so that it is also thrown where the caller leaves the loop by break.
    // oxlint-disable-next-line no-unsafe-finally -- not if another error is being thrown
    if (failure !== undefined && !thrown) throw failure;
  }
}

/** Makes each loss a part of its step: if the loss cannot be computed, the step is rolled back, too. */
class LossBox {
  #box: State | undefined;

  assign(loss: Tensor): void {
    if (this.#box?.dtype !== loss.dtype || this.#box.backend !== loss.backend) this.#box = state(zerosLike(loss));
    this.#box.value = loss;
  }

  release(): void {
    this.#box?.reset(nothing(this.#box));
  }
}

function step<Item>(
  loss: (...args: Arguments<Item>) => Tensor,
  item: Item,
  optimizer: AnyOptimizer,
  box: LossBox,
): Tensor | Promise<Tensor> {
  const args = (Array.isArray(item) ? item : [item]) as Arguments<Item>;
  const once = (): Tensor => synchronous(loss(...args));
  return scope(() => {
    if (takesLoss(optimizer)) {
      let like: Tensor;
      const update = optimizer.update(() => (like = once()));
      return update.then((x) => filled(like, x, []));
    }
    const tape: Tape = diff(once);
    wantParams("minimize", tape.params, tape.step);
    const value = (): Tensor => readTensor(tape.value, "minimize");
    box.assign(value());
    const done = optimizer.update(tape);
    return done instanceof Promise ? done.then(value) : value();
  });
}

const takesLoss = (x: AnyOptimizer): x is LossOptimizer =>
  (x as Partial<LossOptimizer> | null)?.converged !== undefined;

/** Steps are queued ahead of the device; a loss that waits for a value would wait for the whole queue. */
function synchronous(loss: Tensor): Tensor {
  refusePromise(
    loss,
    "minimize: the loss is asynchronous; write the loop by hand, with await diff(async (t) => …) and update(tape)",
  );
  return loss;
}
