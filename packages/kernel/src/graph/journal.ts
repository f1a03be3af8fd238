// The versions of boxes while operations are pending. A box points at its newest version from the assignment on; should that never
// be computed, it stands for the last one before it that was.
import { context, type Step, type Tensor } from "@weft/tensor";
import type { Node } from "./node.ts";
import type { Trial } from "./trial.ts";

/** A box whose newest version is pending. */
export interface Version {
  /** The box's own handle. */
  readonly next: Tensor;
  /** What the box goes back to: the version before all pending ones, or the box's first, which may be pending itself. */
  readonly base: Node;
  readonly node: Node;
  /** In which it was assigned. */
  readonly step: Step | undefined;
  readonly turn: number;
  /** When, in order. */
  readonly at: number;
  /** The pending version before it. */
  readonly before: Version | undefined;
}

const nodeOf = (x: Tensor): Node => x.payload as Node;

export class Journal {
  #versions: Version[] = [];
  readonly #trial: Pick<Trial, "pass">;
  #count = 0;

  constructor(trial: Pick<Trial, "pass">) {
    this.#trial = trial;
  }

  get size(): number {
    return this.#versions.length;
  }

  /** `next` takes the place of `old` in a box. */
  note(next: Tensor, old: Tensor | undefined): void {
    if (old !== undefined) this.#trial.pass(old, next);
    const before = old === undefined || nodeOf(old).storage !== undefined ? undefined : this.#remove(old);
    const node = nodeOf(next);
    if (node.storage !== undefined) return;
    const base = before?.base ?? (old === undefined ? node : nodeOf(old));
    this.#versions.push({ next, base, node, step: context.step, turn: context.turn ?? 0, at: this.#count++, before });
  }

  #remove(next: Tensor): Version | undefined {
    const at = this.#versions.findLastIndex((version) => version.next === next);
    return at < 0 ? undefined : this.#versions.splice(at, 1)[0];
  }

  /** What boxes may go back to. */
  get bases(): Node[] {
    return this.#versions.map(({ base }) => base);
  }

  /** Those that were taken are pending still. */
  giveBack(versions: readonly Version[]): void {
    this.#versions = [...versions, ...this.#versions];
  }

  /** The boxes whose newest version is pending; what is noted from now on belongs to the next flush. */
  take(): Version[] {
    const versions = this.#versions;
    this.#versions = [];
    return versions.filter(({ next }) => next.ended === undefined);
  }
}

/** Lets a box's handle stand for another value, which has a handle for it. */
export function backTo(next: Tensor, base: Node): void {
  Object.assign(next, { payload: base, shape: base.shape, dtype: base.dtype });
}

/** Puts a box back to its last computed version. */
export function revert({ next, base }: Version): void {
  const node = nodeOf(next);
  if (node === base) return;
  node.handles--;
  base.handles++;
  backTo(next, base);
}
