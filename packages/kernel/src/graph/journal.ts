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
  readonly turn: number | undefined;
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
    this.#versions.push({ next, base, node, step: context.step, turn: context.turn, at: this.#count++, before });
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

/** The steps in which versions were assigned, and those around them. */
export function stepsOf(versions: readonly Version[]): Set<Step> {
  const steps = new Set<Step>();
  const gather = (step: Step | undefined): void => {
    if (step === undefined || steps.has(step)) return;
    steps.add(step);
    gather(step.outer);
    gather(step.also);
  };
  for (const version of versions)
    for (let v: Version | undefined = version; v !== undefined; v = v.before) gather(v.step);
  return steps;
}

/** When a box was assigned pending values. */
export function turnsOf(version: Version): Set<number> {
  const turns = new Set<number>();
  for (let v: Version | undefined = version; v !== undefined; v = v.before) if (v.turn !== undefined) turns.add(v.turn);
  return turns;
}

/** Assignments that stand or fall together: those of a step, and those by hand in one scope or since one `diff`. */
export interface Unit {
  /** The version that each box has after it. */
  readonly versions: Map<Version, Version>;
  /** Values beside it that it shares work with, such as the loss: it fails if one of these does. */
  readonly beside: Node[];
  readonly at: number;
}

/** What was assigned to boxes, by their last versions, in order. */
export function unitsOf(last: readonly Version[]): Unit[] {
  const all = last
    .flatMap((top) => {
      const list: { top: Version; version: Version }[] = [];
      for (let v: Version | undefined = top; v !== undefined; v = v.before) list.push({ top, version: v });
      return list;
    })
    .toSorted((a, b) => a.version.at - b.version.at);
  const units = new Set<Unit>();
  const unitOf = new Map<Step | number | undefined, Unit>();
  for (const { top, version } of all) {
    const keys = [version.turn, ...stepsOf([{ ...version, before: undefined }])];
    const [unit = { versions: new Map(), beside: [], at: version.at }, ...others] = new Set(
      keys.flatMap((key) => unitOf.get(key) ?? []),
    );
    units.add(unit);
    for (const other of others) {
      for (const [box, v] of other.versions) if ((unit.versions.get(box)?.at ?? -1) < v.at) unit.versions.set(box, v);
      units.delete(other);
      for (const [key, u] of unitOf) if (u === other) unitOf.set(key, unit);
    }
    unit.versions.set(top, version);
    for (const key of keys) unitOf.set(key, unit);
  }
  return [...units].toSorted((a, b) => a.at - b.at);
}

/** Finds for each unit the values that share pending operations with it, and are computed from nothing that was assigned. */
export function findBeside(units: readonly Unit[], values: readonly Node[]): void {
  const assigned = new Set(units.flatMap(({ versions }) => [...versions.values()].map(({ node }) => node)));
  const unitOf = new Map<Node, Unit>();
  const pending = (roots: Iterable<Node>, see: (node: Node) => boolean): void => {
    const seen = new Set<Node>(roots);
    for (const node of seen)
      if (see(node)) for (const x of node.inputs) if (typeof x !== "number" && x.storage === undefined) seen.add(x);
  };
  for (const unit of units)
    pending(
      [...unit.versions.values()].map(({ node }) => node),
      (node) => !unitOf.has(node) && unitOf.set(node, unit) !== undefined,
    );
  for (const value of values) {
    const found = new Set<Unit>();
    let after = false;
    pending([value], (node) => {
      after ||= assigned.has(node);
      if (unitOf.has(node)) found.add(unitOf.get(node)!);
      return !after;
    });
    if (!after) for (const unit of found) unit.beside.push(value);
  }
}

/** Whether a value is computed from one of these, or is one. Only while its inputs are known. */
export function reachesAny(roots: Iterable<Node>, some: ReadonlySet<Node>): boolean {
  const seen = new Set<Node>(roots);
  for (const node of seen) {
    if (some.has(node)) return true;
    for (const x of node.inputs) if (typeof x !== "number") seen.add(x);
  }
  return false;
}
