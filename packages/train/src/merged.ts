// What is computed of each batch, added up on its device.
import { BackendMismatchError, keep, type Tensor } from "@weft/tensor";
import { handle, resultOf } from "@weft/tensor/internals";

/** So many parts are merged into one. */
const together = 16;

/**
 * Parts of one kind, merged when there are 16 that stand for equally many batches. So rounding errors grow with the
 * logarithm of the number of batches, as does the number of tensors, and most batches do the same operations: a device
 * needs few kernels for them.
 */
export class Merged {
  readonly #merge: (a: Tensor, b: Tensor) => Tensor;
  readonly #op: string;
  /** Parts that stand for 16^k batches, the latest last. */
  #levels: Tensor[][] = [];

  /** `op` is named in errors. */
  constructor(op: string, merge: (a: Tensor, b: Tensor) => Tensor) {
    this.#op = op;
    this.#merge = merge;
  }

  /** Adds a part that `make` computes. */
  add(make: () => Tensor): void {
    let part = keep(resultOf(make));
    const first = this.#levels.find((parts) => parts.length > 0)?.[0];
    if (first !== undefined && first.backend !== part.backend) {
      part.release();
      throw new BackendMismatchError(
        `${this.#op}: the batches are on several backends, wanted one${this.#op === "metric" ? "; reset() it in between" : ""}`,
      );
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
    return parts.length < 2 ? parts[0] && handle(this.#op, parts[0]) : this.#merged(parts);
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
