// Units of assignments: what was assigned together is kept or rolled back together.
import { undraw, type Step } from "@weft/tensor/internals";
import type { Version } from "./journal.ts";
import type { Node } from "../graph/node.ts";

/** A pending version of a box and those before it, the newest first. */
export function* historyOf(version: Version): Generator<Version> {
  for (let v: Version | undefined = version; v !== undefined; v = v.before) yield v;
}

/** What a version shares with those that it is rolled back with: its step, the steps around that, and its turn. */
export function bondsOf({ step, turn }: Pick<Version, "step" | "turn">): Set<Step | number> {
  const bonds = new Set<Step | number>([turn]);
  const gather = (step: Step | undefined): void => {
    if (step === undefined || bonds.has(step)) return;
    bonds.add(step);
    gather(step.outer);
    gather(step.also);
  };
  gather(step);
  return bonds;
}

/** Tells steps, each once, that their assignments were rolled back. An error thrown by one of them is only printed. */
export function undo(bonds: Iterable<Step | number>, reason: Error): void {
  for (const bond of new Set(bonds))
    try {
      if (typeof bond === "object") {
        undraw(bond);
        bond.undo?.(reason);
      }
    } catch (error) {
      const { console } = globalThis as { console?: { warn(text: string): void } };
      console?.warn(`Weft: a step was rolled back, and the function called after that threw: ${String(error)}`);
    }
}

/**
 * Assignments that are kept or rolled back together: those of a step, and those by hand in one scope or since one
 * `diff`.
 */
export interface Unit {
  /** The version that each box has after it. */
  readonly versions: Map<Version, Version>;
  /** The bonds of these, and of the versions before them in the unit. */
  readonly bonds: Set<Step | number>;
  /** Values that share pending operations with the unit, such as the loss: it fails if one of these does. */
  readonly beside: Node[];
  readonly at: number;
}

/** The units of all assignments that led to these last versions, in order. */
export function unitsOf(last: readonly Version[]): Unit[] {
  const all = last
    .flatMap((top) => [...historyOf(top)].map((version) => ({ top, version })))
    .toSorted((a, b) => a.version.at - b.version.at);
  const units = new Set<Unit>();
  const unitOf = new Map<Step | number, Unit>();
  for (const { top, version } of all) {
    const bonds = bondsOf(version);
    const fresh = (): Unit => ({ versions: new Map(), bonds: new Set(), beside: [], at: version.at });
    const [unit = fresh(), ...others] = new Set([...bonds].flatMap((bond) => unitOf.get(bond) ?? []));
    units.add(unit);
    for (const other of others) {
      for (const [box, v] of other.versions) if ((unit.versions.get(box)?.at ?? -1) < v.at) unit.versions.set(box, v);
      units.delete(other);
    }
    unit.versions.set(top, version);
    for (const bond of [...others.flatMap((other) => [...other.bonds]), ...bonds]) {
      unit.bonds.add(bond);
      unitOf.set(bond, unit);
    }
  }
  return [...units].toSorted((a, b) => a.at - b.at);
}

/**
 * Finds for each unit the values that share pending operations with it, and are computed from nothing that was
 * assigned.
 */
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

/**
 * Whether one of `roots` is in `some`, or is computed from one of them. Works only until nodes have run: then their
 * inputs are dropped.
 */
export function reachesAny(roots: Iterable<Node>, some: ReadonlySet<Node>): boolean {
  const seen = new Set<Node>(roots);
  for (const node of seen) {
    if (some.has(node)) return true;
    for (const x of node.inputs) if (typeof x !== "number") seen.add(x);
  }
  return false;
}

/** The values that were assigned to boxes that had a value before. */
export const assignedIn = (versions: readonly Version[]): Set<Node> =>
  new Set(versions.flatMap((top) => [...historyOf(top)].flatMap(({ node, base }) => (node === base ? [] : [node]))));

/** Those of `nodes` (in order of recording) that are computed from some of `some`. */
export function after(nodes: readonly Node[], some: ReadonlySet<Node>): Set<Node> {
  const found = new Set<Node>();
  for (const node of nodes)
    if (node.inputs.some((x) => typeof x !== "number" && (some.has(x) || found.has(x)))) found.add(node);
  return found;
}
