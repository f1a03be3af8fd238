// What a metric is, and how one is made of what it computes of each batch.
import {
  and,
  cast,
  IndexError,
  maximum,
  notEqual,
  readTensor,
  readTensors,
  ShapeError,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { resultOf, sameShape, untaped } from "@weft/tensor/internals";
import { Merged } from "../merged.ts";
import type { Mode } from "../steps.ts";

/** A number about predictions and targets, collected batch by batch. */
export interface Metric<R = number, Y = Operand, Target = Operand> {
  /**
   * Adds a batch: predictions and targets, and which of them count (a mask with the shape of the targets; by default
   * all). The numbers stay on their device; nothing is read.
   */
  update(y: Y, target: Target, mask?: Operand): void;
  /** Reads the result over all batches since the last `reset`. */
  result(): Promise<R>;
  /** Forgets all batches. */
  reset(): void;
  /** Whether less ("min") or more ("max") is better, for what monitors it by name. */
  readonly mode?: Mode | undefined;
}

/** A batch of predictions and targets as plain tensors, and which targets count (all, if undefined). */
export interface Batch {
  readonly y: Tensor;
  readonly target: Tensor;
  readonly counts: Tensor | undefined;
}

/** Reads the arguments of `update`. Nothing of it is on a tape. */
export function batchOf(op: string, y: Operand, target: Operand, mask?: Operand, ignoreIndex?: number): Batch {
  const [predictions, ...given] = readTensors(op, typeof target === "number" ? [y] : [y, target]).map(untaped) as [
    Tensor,
    ...Tensor[],
  ];
  const { backend, shape } = predictions;
  const targets = typeof target === "number" ? backend.full(shape, target) : given[0]!;
  let counts = ignoreIndex === undefined ? undefined : notEqual(targets, ignoreIndex);
  if (mask !== undefined) {
    const chosen = maskOf(op, mask, targets);
    counts = counts === undefined ? chosen : and(counts, chosen);
  }
  return { y: predictions, target: targets, counts };
}

/** The mask of targets, or of a number for each. */
export function maskOf(op: string, mask: Operand, targets: Tensor): Tensor {
  const chosen = cast(untaped(readTensor(mask, op, targets)), "bool");
  if (!sameShape(chosen.shape, targets.shape))
    throw new ShapeError(`${op}: the mask [${chosen.shape}] has another shape than the targets [${targets.shape}]`);
  return chosen;
}

/** How the metric of a batch is computed and merged, and what its numbers say. */
interface Parts<R, B = Batch> {
  /** Which is better; undefined where that depends on the user, or results are no numbers. */
  readonly mode?: Mode | undefined;
  /** The part of a batch. */
  readonly part: (batch: B) => Tensor;
  /** Two parts as one. */
  readonly merge: (a: Tensor, b: Tensor) => Tensor;
  /** What finds a target of the batch that is no label, the greatest one, or -Infinity; undefined if there is none. */
  readonly wrong?: (batch: B) => (() => Tensor) | undefined;
  /** The result from the numbers of all parts, merged; there are none without batches. */
  readonly result: (numbers: ArrayLike<number>) => R;
}

/** The error for a target that is no label. */
export const noLabel = (op: string, target: number): IndexError =>
  new IndexError(
    `${op}: the target ${Number(target.toPrecision(7))} is no label: wanted 0 and 1 where predictions are one number or a ` +
      "score for each, else whole numbers from 0",
  );

/** The metric of such parts. */
export const metricOf = <R>(op: string, ignoreIndex: number | undefined, parts: Parts<R>): Metric<R> =>
  collecting(op, parts, (y, target, mask) => batchOf(op, y, target, mask, ignoreIndex));

/** The metric of such parts of batches as `read` reads them. */
export function collecting<R, B, Y = Operand, Target = Operand>(
  op: string,
  parts: Parts<R, B>,
  read: (y: Y, target: Target, mask?: Operand) => B,
): Metric<R, Y, Target> {
  const merged = new Merged("metric", parts.merge);
  const wrong = new Merged("metric", (a, b) => maximum(a, b));
  return {
    update(y, target, mask) {
      resultOf(() => {
        const batch = read(y, target, mask);
        merged.add(() => parts.part(batch));
        const found = parts.wrong?.(batch);
        if (found !== undefined) wrong.add(found);
      });
    },
    async result() {
      const numbers = merged.read();
      numbers.catch(() => undefined); // a wrong target that is named comes first
      const [label = -Infinity] = Array.from(await wrong.read());
      if (label !== -Infinity) throw noLabel(op, label);
      return parts.result(await numbers);
    },
    reset() {
      merged.release();
      wrong.release();
    },
    mode: parts.mode,
  };
}
