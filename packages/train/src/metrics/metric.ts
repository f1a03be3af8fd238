// What a metric is, and how its batches are added up on their device.
import {
  and,
  BackendMismatchError,
  cast,
  IndexError,
  keep,
  maximum,
  notEqual,
  readTensor,
  readTensors,
  ShapeError,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { resultOf, sameShape, untaped } from "@weft/tensor/internals";
import { handle } from "@weft/optim/internals";
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

/** What is better of the metrics here; the others have results that are no numbers, or depend on the user's. */
const modes: Readonly<Record<string, Mode>> = {
  accuracy: "max",
  precision: "max",
  recall: "max",
  f1: "max",
  auc: "max",
  averagePrecision: "max",
  r2: "max",
  perplexity: "min",
  meanAbsoluteError: "min",
  meanSquaredError: "min",
};

/** So many parts are merged into one. */
const together = 16;

/**
 * Parts of one kind, merged when there are 16 that stand for equally many batches. So rounding errors grow with the
 * logarithm of the number of batches, as does the number of tensors, and most batches do the same operations: a device
 * needs few kernels for them.
 */
export class Merged {
  readonly #merge: (a: Tensor, b: Tensor) => Tensor;
  /** Parts that stand for 16^k batches, the latest last. */
  #levels: Tensor[][] = [];

  constructor(merge: (a: Tensor, b: Tensor) => Tensor) {
    this.#merge = merge;
  }

  /** Adds a part that `make` computes. */
  add(make: () => Tensor): void {
    let part = keep(resultOf(make));
    const first = this.#levels.find((parts) => parts.length > 0)?.[0];
    if (first !== undefined && first.backend !== part.backend) {
      part.release();
      throw new BackendMismatchError("metric: the batches are on several backends; reset() it in between");
    }
    for (let level = 0; ; level++) {
      const parts = (this.#levels[level] ??= []);
      parts.push(part);
      if (parts.length < together) return;
      this.#levels[level] = [];
      part = this.#merged(parts);
      for (const x of parts) x.release();
    }
  }

  #merged = (parts: readonly Tensor[]): Tensor => keep(resultOf(() => parts.reduce((a, b) => this.#merge(a, b))));

  /** The merged parts, in the order of the batches, as a tensor of its own; undefined without parts. */
  total(): Tensor | undefined {
    const parts = this.#levels.toReversed().flat();
    return parts.length < 2 ? parts[0] && handle("metric", parts[0]) : this.#merged(parts);
  }

  /** The numbers of the merged parts. */
  async read(): Promise<ArrayLike<number>> {
    const total = this.total();
    if (total === undefined) return [];
    try {
      return (await total.data()) as ArrayLike<number>;
    } finally {
      total.release();
    }
  }

  release(): void {
    for (const part of this.#levels.flat()) part.release();
    this.#levels = [];
  }
}

/** A batch of predictions and targets as plain tensors, and which targets count (all, if undefined). */
export interface Batch {
  readonly y: Tensor;
  readonly target: Tensor;
  readonly counts: Tensor | undefined;
}

/** Reads the arguments of `update`. Nothing of it is on a tape. */
function batchOf(op: string, y: Operand, target: Operand, mask?: Operand, ignoreIndex?: number): Batch {
  const [predictions, ...given] = readTensors(op, typeof target === "number" ? [y] : [y, target]).map(untaped) as [
    Tensor,
    ...Tensor[],
  ];
  const { backend, shape } = predictions;
  const targets = typeof target === "number" ? backend.full(shape, target) : given[0]!;
  let counts = ignoreIndex === undefined ? undefined : notEqual(targets, ignoreIndex);
  if (mask !== undefined) {
    const chosen = cast(untaped(readTensor(mask, op, targets)), "bool");
    if (!sameShape(chosen.shape, targets.shape))
      throw new ShapeError(`${op}: the mask [${chosen.shape}] has another shape than the targets [${targets.shape}]`);
    counts = counts === undefined ? chosen : and(counts, chosen);
  }
  return { y: predictions, target: targets, counts };
}

/** How the metric of a batch is computed and merged, and what its numbers say. */
interface Parts<R> {
  /** The part of a batch. */
  readonly part: (batch: Batch) => Tensor;
  /** Two parts as one. */
  readonly merge: (a: Tensor, b: Tensor) => Tensor;
  /** What finds a target of the batch that is no label, the greatest one, or -Infinity; undefined if there is none. */
  readonly wrong?: (batch: Batch) => (() => Tensor) | undefined;
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
export function metricOf<R>(op: string, ignoreIndex: number | undefined, parts: Parts<R>): Metric<R> {
  const merged = new Merged(parts.merge);
  const wrong = new Merged((a, b) => maximum(a, b));
  return {
    update(y, target, mask) {
      resultOf(() => {
        const batch = batchOf(op, y, target, mask, ignoreIndex);
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
    mode: modes[op],
  };
}
