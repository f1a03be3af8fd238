// All or nothing, across reads: what an update assigns is computed before its end, so it is taken back from here.
import type { Param, State } from "@weft/autograd";
import { Watch } from "@weft/autograd/internals";
import { scope } from "@weft/tensor";
import { context, rollBack, withinStep, type Step } from "@weft/tensor/internals";
import { shelved, type Shelf } from "./point.ts";

export class Attempt {
  readonly #step: Step = { outer: context.step };
  readonly #shelves: Shelf[] = [];
  /** For each box that was assigned, a function that gives it back its first value. */
  readonly #restore: Map<unknown, () => void> = new Map();
  readonly #watch: Watch = new Watch((box) => {
    if (!this.#restore.has(box)) this.#restore.set(box, this.#kept(box as Param | State));
  });

  /** Calls `f`, a part of the attempt that assigns to boxes. */
  part<T>(f: () => T): T {
    return withinStep(this.#step, () => this.#watch.during(f));
  }

  #kept(box: Param | State): () => void {
    const { lazyValue, scalar } = box;
    if (lazyValue !== undefined) return () => box.reset(lazyValue);
    const shelf = shelved(() => ({ before: box.value }));
    this.#shelves.push(shelf);
    return () => {
      box.value = shelf.before;
      box.scalar = scalar;
    };
  }

  /** Takes back everything that was assigned. */
  rollBack(reason: unknown): void {
    rollBack(this.#step, reason);
    scope(() => this.#restore.forEach((restore) => restore()));
  }

  end(): void {
    for (const shelf of this.#shelves) shelf.clear();
  }
}
