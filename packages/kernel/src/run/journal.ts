// The versions of boxes while operations are pending. An assignment makes a box point at its newest version at once; if
// that cannot be computed, the box is rolled back to the last version that could.
import type { Tensor } from "@weft/tensor";
import { context, isAround, type Step } from "@weft/tensor/internals";
import { nodeOf, type Node } from "../graph/node.ts";
import type { Trial } from "./trial.ts";

/** A box whose newest version is pending. */
export interface Version {
  /** The box's own handle. */
  readonly next: Tensor;
  /**
   * What the box is rolled back to: the version before all pending ones, or its first one, which may be pending itself.
   */
  readonly base: Node;
  readonly node: Node;
  /** The step that assigned it. */
  readonly step: Step | undefined;
  readonly turn: number;
  /** Its place in the order of assignments. */
  readonly at: number;
  /** The pending version before it. */
  readonly before: Version | undefined;
}

/**
 * The turn that assignments of a step share with those by hand: that of its `diff`, or the current one if it belongs to
 * none.
 */
function turnOf(step: Step | undefined): number {
  let at = step;
  while (at !== undefined && at.turn === undefined) at = at.outer;
  return at?.turn ?? context.turn;
}

export class Journal {
  /** By the box's own handle. */
  #versions = new Map<Tensor, Version>();
  readonly #trial: Pick<Trial, "pass">;
  #count = 0;

  constructor(trial: Pick<Trial, "pass">) {
    this.#trial = trial;
  }

  get size(): number {
    return this.#versions.size;
  }

  /** `next` takes the place of `old` in a box. */
  note(next: Tensor, old: Tensor | undefined): void {
    if (old !== undefined) this.#trial.pass(old, next);
    const before = old === undefined || nodeOf(old).storage !== undefined ? undefined : this.#versions.get(old);
    if (before !== undefined) this.#versions.delete(before.next);
    const node = nodeOf(next);
    if (node.storage !== undefined) return;
    const base = before?.base ?? (old === undefined ? node : nodeOf(old));
    const { step } = context;
    this.#versions.set(next, { next, base, node, step, turn: turnOf(step), at: this.#count++, before });
  }

  /**
   * Rolls back the boxes whose newest version was assigned in a step. Returns the steps in it, whose `undo` is to be
   * called.
   */
  rollBack(step: Step): Set<Step> {
    const within = new Set<Step>();
    const gather = (s: Step | undefined): void => {
      if (s === undefined || !isAround(step, s)) return;
      within.add(s);
      gather(s.outer);
      gather(s.also);
    };
    for (const top of this.#versions.values()) {
      const { next, base } = top;
      if (next.ended !== undefined) continue;
      let at: Version | undefined = top;
      for (; at !== undefined && at.node !== base && isAround(step, at.step); at = at.before) {
        gather(at.step);
        const previous = at.before?.node ?? base;
        at.node.handles--;
        previous.handles++;
        pointTo(next, previous);
      }
      if (at === undefined) this.#versions.delete(next);
      else if (at !== top) this.#versions.set(next, { ...at, next });
    }
    return within;
  }

  /** What boxes may be rolled back to. */
  get bases(): Node[] {
    return [...this.#versions.values()].map(({ base }) => base);
  }

  /** Adds versions that were taken and are still pending. */
  restore(versions: readonly Version[]): void {
    this.#versions = new Map([...versions.map((version) => [version.next, version] as const), ...this.#versions]);
  }

  /** The boxes whose newest version is pending; what is noted from now on belongs to the next flush. */
  take(): Version[] {
    const versions = [...this.#versions.values()];
    this.#versions = new Map(); // `clear()` would keep the old entries alive until a full garbage collection
    return versions.filter(({ next }) => next.ended === undefined);
  }
}

/** Points a handle at another node, whose count of handles includes it. */
export function pointTo(next: Tensor, base: Node): void {
  Object.assign(next, { payload: base, shape: base.shape, dtype: base.dtype });
}

/** Rolls a box back to its last computed version. */
export function rollBackBox({ next, base }: Version): void {
  const node = nodeOf(next);
  if (node === base) return;
  node.handles--;
  base.handles++;
  pointTo(next, base);
}
