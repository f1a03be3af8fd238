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
  /** In which the versions since were assigned. */
  readonly steps: readonly Step[];
}

const nodeOf = (x: Tensor): Node => x.payload as Node;
const NONE: readonly Step[] = [];

export class Journal {
  #versions: Version[] = [];
  readonly #trial: Pick<Trial, "pass">;
  /** The current step by itself. */
  #step: readonly Step[] = NONE;

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
    const { step } = context;
    if (this.#step[0] !== step) this.#step = step === undefined ? NONE : [step];
    const steps = before === undefined || before.steps.length === 0 ? this.#step : [...before.steps, ...this.#step];
    this.#versions.push({ next, base, steps });
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
    this.#step = NONE;
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

/** The steps in which versions were assigned, and those around them. */
export function stepsOf(versions: readonly Version[]): Set<Step> {
  const steps = new Set<Step>();
  const gather = (step: Step | undefined): void => {
    if (step === undefined || steps.has(step)) return;
    steps.add(step);
    gather(step.outer);
    gather(step.also);
  };
  for (const version of versions) version.steps.forEach(gather);
  return steps;
}
