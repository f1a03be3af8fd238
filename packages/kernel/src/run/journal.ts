// The versions of boxes while operations are pending. A box points at its newest version from the assignment on; should that never
// be computed, it stands for the last one before it that was.
import type { Tensor } from "@weft/tensor";
import { context, isAround, type Step } from "@weft/tensor/internals";
import { nodeOf, type Node } from "../graph/node.ts";
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

/** What assignments of a step have in common with those by hand: when its `diff` began, or the last one, if it belongs to none. */
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

  /** Puts the boxes back whose newest version was assigned in a step. Gives the steps in it, which are to be told. */
  rollBack(step: Step): Set<Step> {
    const within = new Set<Step>();
    for (const top of this.#versions.values()) {
      const { next, base } = top;
      if (next.ended !== undefined) continue;
      let at: Version | undefined = top;
      for (; at !== undefined && at.node !== base && isAround(step, at.step); at = at.before) {
        for (let s = at.step; s !== undefined && isAround(step, s); s = s.outer) within.add(s);
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

  /** What boxes may go back to. */
  get bases(): Node[] {
    return [...this.#versions.values()].map(({ base }) => base);
  }

  /** Those that were taken are pending still. */
  restore(versions: readonly Version[]): void {
    this.#versions = new Map([...versions.map((version) => [version.next, version] as const), ...this.#versions]);
  }

  /** The boxes whose newest version is pending; what is noted from now on belongs to the next flush. */
  take(): Version[] {
    const versions = [...this.#versions.values()];
    this.#versions = new Map(); // a Map that is cleared keeps what it was led to by what it was, until all memory is collected
    return versions.filter(({ next }) => next.ended === undefined);
  }
}

/** Lets a box's handle stand for another value, which has a handle for it. */
export function pointTo(next: Tensor, base: Node): void {
  Object.assign(next, { payload: base, shape: base.shape, dtype: base.dtype });
}

/** Puts a box back to its last computed version. */
export function rollBackBox({ next, base }: Version): void {
  const node = nodeOf(next);
  if (node === base) return;
  node.handles--;
  base.handles++;
  pointTo(next, base);
}
