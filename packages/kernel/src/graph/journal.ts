// The versions of boxes while operations are pending. A box points at its newest version from the assignment on; should that never
// be computed, it stands for the last one before it that was.
import { context, type Step, type Tensor } from "@weft/tensor";
import type { Node } from "./node.ts";

/** A box whose newest version is pending. */
export interface Version {
  /** The box's own handle. */
  readonly next: Tensor;
  /** What the box goes back to: the version before all pending ones, or the box's first, which may be pending itself. */
  readonly base: Node;
  /** In which the versions since were assigned. */
  readonly steps: readonly Step[];
}

const nodeOf = (x: Tensor): Node => x.payload as Node;
const NONE: readonly Step[] = [];

export class Journal {
  readonly #versions = new Map<Tensor, Version>();

  get size(): number {
    return this.#versions.size;
  }

  /** `next` takes the place of `old` in a box. */
  note(next: Tensor, old: Tensor | undefined): void {
    const before = old === undefined ? undefined : this.#versions.get(old);
    if (before !== undefined) this.#versions.delete(old!);
    const node = nodeOf(next);
    if (node.storage !== undefined) return;
    const { step } = context;
    const steps = before?.steps ?? NONE;
    const base = before?.base ?? (old === undefined ? node : nodeOf(old));
    this.#versions.set(next, { next, base, steps: step === undefined ? steps : [...steps, step] });
  }

  /** The boxes whose newest version is pending; what is noted from now on belongs to the next flush. */
  take(): Version[] {
    const versions = [...this.#versions.values()].filter(({ next }) => next.ended === undefined);
    this.#versions.clear();
    return versions;
  }
}

/** Puts a box back to its last computed version, which gets a handle again. */
export function revert({ next, base }: Version): void {
  const node = nodeOf(next);
  if (node === base) return;
  node.handles--;
  base.handles++;
  Object.assign(next, { payload: base, shape: base.shape, dtype: base.dtype });
}
