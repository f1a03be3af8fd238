// Batches as a model takes them: its arguments and, last, the target.
import { add, ArgumentError, isTensor, mul, reshape, ShapeError, stack, type Tensor } from "@weft/tensor";
import { callable, describe, filled, refusePromise, untaped, wantIterable } from "@weft/tensor/internals";
import { Merged } from "../merged.ts";
import { areLengths } from "@weft/data/internals";

/** Batches, each a tuple `[…inputs, target]`, such as those of `minibatch`. */
export type LabeledBatches<In extends readonly unknown[], Target> =
  | Iterable<readonly [...In, Target]>
  | AsyncIterable<readonly [...In, Target]>;

/** A layer, any function of a batch's inputs, or an object that has one as its method `forward`. */
export type Model<In extends readonly unknown[], Y> = ((...inputs: In) => Y) | { forward(...inputs: In): Y };

/** The function that a model is. */
export function functionOf<In extends readonly unknown[], Y>(op: string, model: Model<In, Y>): (...inputs: In) => Y {
  if (typeof model === "function") return model;
  if (callable.is((model as { forward?: unknown } | null | undefined)?.forward))
    return (...inputs) => model.forward(...inputs);
  throw new ArgumentError(
    `${op}: wanted a function as the model, or an object with a method forward, got ${describe(model)}`,
  );
}

/** Inputs and target of a batch. */
export function partsOf<In extends readonly unknown[], Target>(
  op: string,
  batch: readonly [...In, Target],
): readonly [inputs: In, target: Target] {
  if (!Array.isArray(batch) || batch.length < 2)
    throw new ArgumentError(`${op}: wanted batches [x, target], got ${describe(batch)}`);
  if (areLengths(batch.at(-1)))
    throw new ArgumentError(
      `${op}: wanted batches […inputs, target], but the last part of a batch is the lengths of ragged sequences. ` +
        "Inputs and targets are minibatch([inputs, targets], size); targets that are ragged are ragged(targets, { lengths: false })",
    );
  return [batch.slice(0, -1) as readonly unknown[] as In, batch.at(-1) as Target];
}

/** Refuses what is no data, and what can be iterated over only once where that is not enough. */
export function checkData(op: string, what: string, data: unknown, passes: number): void {
  wantIterable(op, `batches as ${what}`, data);
  if (passes > 1 && "next" in (data as object))
    throw new ArgumentError(
      `${op}: ${what} can be iterated over only once (it is a generator or an iterator), but ${passes} epochs need it ` +
        "again each time. Pass minibatch(…), an array of batches, or an object that makes a new iterator: " +
        "{ [Symbol.iterator]: () => generator() }",
    );
}

/** Refuses what is no loss of a batch. */
export function wantLoss(op: string, loss: unknown): void {
  refusePromise(loss, `${op}: the loss is asynchronous; wanted a function that returns its tensor at once`);
  if (!isTensor(loss))
    throw new ArgumentError(`${op}: wanted a tensor of one element as the loss, got ${describe(loss)}`);
  if (loss.size !== 1)
    throw new ShapeError(
      `${op}: wanted a tensor of one element as the loss, got ${describe(loss)}; reduce it, as loss.mean() does`,
    );
}

/** The mean loss of batches, each weighted by its number of rows, added up on the device. */
export class MeanLoss {
  readonly #sums: Merged;

  constructor(op: string) {
    this.#sums = new Merged(op, (a, b) => add(a, b));
  }

  add(loss: Tensor, rows: number): void {
    this.#sums.add(() => {
      const plain = untaped(loss);
      return stack([mul(reshape(plain, []), rows), filled(plain, rows, [])]);
    });
  }

  /** NaN without batches. */
  async read(): Promise<number> {
    const [total = NaN, rows = 0] = Array.from(await this.#sums.read());
    return total / rows;
  }

  release(): void {
    this.#sums.release();
  }
}
