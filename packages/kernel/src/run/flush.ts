// A flush runs the nodes that are needed. If a launch fails, what does not depend on it is run separately, and boxes
// keep the versions that they had.
import { MemoryError } from "@weft/tensor";
import type { Driver } from "./driver.ts";
import { componentsOf, type Component } from "./component.ts";
import type { Fault } from "../graph/fault.ts";
import { pointTo, Journal, rollBackBox, type Version } from "./journal.ts";
import { nodeOf, none, type Node, type Storage } from "../graph/node.ts";
import type { Runner } from "./runner.ts";
import { Trial, type Outcome } from "./trial.ts";
import { after, assignedIn, findBeside, reachesAny, undo, unitsOf, type Unit } from "./unit.ts";

/** How many launches are tried to find out which values of a failed one can be computed. */
const TRIES = 16;

/** How many tries are left, and why the first one failed. */
interface Tries {
  left: number;
  error: Error | undefined;
}

/** What a flush could not do. */
export interface Failure {
  readonly error: Error;
  /** Whether boxes were rolled back: then the program has to be told, even if it reads no lost value. */
  readonly rolledBack: boolean;
  /** Whether memory was missing before anything ran: then nothing has changed. */
  readonly crowded?: boolean;
  /** For a wrong index: the fault of the box's value. */
  readonly fault?: Fault;
  /** The nodes that it concerns. */
  readonly nodes?: readonly Node[];
}

export class Flusher<S extends Storage, E> {
  readonly trial: Trial;
  readonly journal: Journal;
  /** Whether a pending node has a fault already. */
  faulty = false;
  readonly runner: Runner<S, E>;
  readonly #driver: Driver<S, E>;
  /** Whether a pending call has indices that only its run can check. */
  open = false;
  /** Set if boxes were rolled back in this flush because their values were computed with a wrong index. */
  #rolledBack: Failure | undefined;
  /** The nodes given to the current flush. */
  #pending: readonly Node[] = none;
  /** First values of boxes, computed before the rest of a flush; each has a handle here until the flush is over. */
  readonly #begun: Node[] = [];

  constructor(driver: Driver<S, E>, runner: Runner<S, E>, outcome: Omit<Outcome, "isPending">) {
    this.#driver = driver;
    this.runner = runner;
    this.trial = new Trial({ ...outcome, isPending: () => this.journal.size > 0 });
    this.journal = new Journal(this.trial);
    driver.tried?.(this.trial);
  }

  /**
   * Runs those pending nodes that living handles need. Returns the failure, if any. `patient`: without enough memory,
   * nothing is run.
   */
  flush(pending: readonly Node[], patient = false): Failure | undefined {
    const { faulty, open } = this;
    const versions = this.journal.size === 0 ? none : this.journal.take();
    let needed = this.runner.needed(pending);
    if (needed.length === 0) {
      this.faulty = this.open = false;
      for (const node of this.#begun.splice(0)) this.#releaseHandle(node);
      return undefined;
    }
    this.#pending = pending;
    let crowded = false;
    try {
      if (this.#driver.doubt !== undefined) this.#begin(versions, patient);
      if (this.#begun.length > 0) needed = needed.filter(({ storage }) => storage === undefined);
      this.#execute(needed, versions);
      return this.#rolledBack;
    } catch (error) {
      if (!patient || !(error instanceof MemoryError)) return this.#separately(needed, versions, error as Error);
      this.journal.restore(versions);
      crowded = true;
      return { error, rolledBack: false, crowded };
    } finally {
      this.#rolledBack = undefined;
      this.faulty = crowded && faulty;
      this.open = crowded && open;
      this.#pending = none;
      // A crowded flush is tried again, and needs them then.
      if (!crowded) for (const node of this.#begun.splice(0)) this.#releaseHandle(node);
    }
  }

  /** What pending nodes are computed from, and what boxes may be rolled back to. */
  neededBy(pending: readonly Node[]): ReadonlySet<Node> {
    const needed = new Set<Node>(this.journal.bases);
    for (const { inputs } of pending) for (const x of inputs) if (typeof x !== "number") needed.add(x);
    return needed;
  }

  /**
   * Where failures are known only later, the first values of boxes are computed before anything else: they could not be
   * computed again. `patient`: without enough memory, nothing is run and a MemoryError is thrown.
   */
  #begin(versions: readonly Version[], patient: boolean): void {
    const first = [...new Set(versions.map(({ base }) => base))].filter(({ storage }) => storage === undefined);
    if (first.length === 0) return;
    for (const node of first) node.handles++;
    this.#begun.push(...first);
    try {
      if (patient) this.#execute(this.runner.needed(this.#pending, new Set(first)), none, true);
    } catch (error) {
      if (error instanceof MemoryError) throw error;
    }
    this.#salvage(first);
  }

  /** Releases a handle. */
  #releaseHandle(node: Node): void {
    if (--node.handles === 0 && node.storage !== undefined) this.runner.freeNode(node);
  }

  /** `partly`: others of the pending nodes may need its leaves, and its values that are not stored. */
  #execute(needed: readonly Node[], versions: readonly Version[], partly = false): void {
    const { faulty, open } = this;
    const boxes = versions.length > 0;
    const inDoubt = this.trial.open;
    const fault = this.runner.run(needed, { boxes, faulty, open, inDoubt, partly });
    if (fault && boxes) this.#rollBackFaulty(needed, versions);
    this.#note(versions, needed, fault);
    // After a part, other nodes may have to compute again what was not stored.
    for (let i = 0; i < needed.length; i++) if (!partly || needed[i]!.storage !== undefined) needed[i]!.inputs = none;
  }

  /**
   * Notes what was computed while the device may still report that it is wrong (`fault`: whether an index may be), or
   * while boxes may be rolled back: the report may have come while this was pending.
   */
  #note(versions: readonly Version[], nodes: readonly Node[], fault: boolean): void {
    const { doubt, unchecked } = this.runner;
    if (doubt > 0 || this.trial.open || (unchecked !== undefined && fault))
      this.trial.note(versions, nodes, doubt, unchecked);
  }

  /**
   * If a box's new version was computed with a wrong index, rolls back the boxes that were assigned together with it.
   */
  #rollBackFaulty(needed: readonly Node[], versions: readonly Version[]): void {
    const wrong = ({ next }: Version): boolean => nodeOf(next).fault?.wrong === true;
    if (!versions.some(wrong)) return;
    for (const part of componentsOf(needed, versions)) {
      const first = part.versions.find(wrong);
      if (first === undefined) continue;
      const fault = nodeOf(first.next).fault!;
      const error = fault.error();
      if (this.#rollBack(part.versions, error, none, (node) => node.fault?.wrong === true))
        this.#rolledBack ??= { error, rolledBack: true, fault };
    }
  }

  /** After a flush has failed: runs its independent parts separately. */
  #separately(needed: readonly Node[], versions: readonly Version[], error: Error): Failure | undefined {
    const parts = componentsOf(needed, versions);
    let failure: Failure | undefined;
    for (const part of parts) {
      let reason = error;
      try {
        if (parts.length > 1) {
          this.#execute(part.nodes, part.versions, part !== parts.at(-1));
          continue;
        }
      } catch (cause) {
        reason = cause as Error;
      }
      const rolledBack = this.#fail(part, reason);
      if (failure === undefined || (rolledBack && !failure.rolledBack))
        failure = { error: reason, rolledBack, nodes: part.nodes };
    }
    return failure?.rolledBack === true ? failure : (this.#rolledBack ?? failure);
  }

  /**
   * Computes what can be computed of a failed part: whole steps, and single values. Returns whether boxes were rolled
   * back.
   */
  #fail({ nodes, versions }: Component, error: Error): boolean {
    const values = nodes.filter(({ handles, storage }) => handles > 0 && storage === undefined);
    const rolledBack = this.#rollBack(versions, error, values, () => false);
    const roots = nodes.filter(
      ({ handles, storage, lost }) => handles > 0 && storage === undefined && lost === undefined,
    );
    if (nodes.length === 1) for (const root of roots) root.lost = error;
    else this.#salvageHalves(roots, { left: TRIES, error });
    return rolledBack;
  }

  /**
   * Rolls boxes back, then assigns again, in order, what steps assigned that can be computed. Returns whether any
   * assignment stays rolled back.
   */
  #rollBack(
    versions: readonly Version[],
    reason: Error,
    values: readonly Node[],
    wrong: (node: Node) => boolean,
  ): boolean {
    // Others free these when they have no handles: the bases lost theirs while operations were pending.
    const tops = new Set(versions.map(({ node }) => node).filter(({ storage }) => storage !== undefined));
    const kept = new Set(
      versions.map(({ base }) => base).filter(({ storage, handles }) => storage !== undefined && handles === 0),
    );
    const release = (node: Node): void => {
      if (--node.handles === 0 && node.storage !== undefined && !kept.has(node) && !tops.has(node))
        this.runner.freeNode(node);
    };
    versions.forEach(rollBackBox);
    // First values that were computed from assigned ones can only be computed after those.
    const late = after(this.#pending, assignedIn(versions));
    this.#salvage(versions.flatMap(({ base }) => (late.has(base) ? [] : [base])));
    const undone = new Set<Node>();
    const failed: Unit[] = [];
    let rolledBack = false;
    const tries: Tries = { left: 4 * TRIES, error: reason };
    const units = unitsOf(versions);
    if (values.length > 0) findBeside(units, values);
    for (const unit of units) {
      const nodes = [...new Set([...unit.versions.values()].map(({ node }) => node).concat(unit.beside))];
      for (const node of nodes) node.handles++;
      const dependsOnUndone = reachesAny(nodes, undone);
      if (!dependsOnUndone) this.#salvage(nodes, tries);
      if (
        !dependsOnUndone &&
        nodes.every((node) => node.storage !== undefined && node.lost === undefined && !wrong(node))
      )
        for (const [{ next }, version] of unit.versions) {
          const old = nodeOf(next);
          version.node.handles++;
          pointTo(next, version.node);
          this.#note([{ ...version, next, base: old, before: undefined }], [], version.node.fault !== undefined);
          release(old);
        }
      else {
        // A box's first value belongs to no step: it is kept if it can be computed.
        for (const { node, base } of unit.versions.values())
          if (node !== base) {
            undone.add(node);
            rolledBack = true;
          }
        failed.push(unit);
        for (const { base } of unit.versions.keys())
          if (late.has(base) && base.storage === undefined && base.lost === undefined) {
            if (reachesAny([base], undone)) base.lost = reason;
            else this.#salvage([base], tries);
          }
      }
      nodes.forEach(release);
    }
    for (const node of tops) if (node.handles === 0 && !kept.has(node)) this.runner.freeNode(node);
    undo(
      failed.flatMap(({ bonds }) => [...bonds]),
      reason,
    );
    return rolledBack;
  }

  /** Computes those of some pending nodes that can be computed; the others are lost. */
  #salvage(roots: readonly Node[], tries: Tries = { left: TRIES, error: undefined }): void {
    const open = new Set(roots.filter(({ storage, lost }) => storage === undefined && lost === undefined));
    if (open.size === 0) return;
    const nodes = this.runner.needed(this.#pending, open);
    const before = nodes.find((node) => node.lost !== undefined)?.lost;
    try {
      if (before !== undefined) throw before;
      if (tries.left-- <= 0) throw tries.error;
      this.#execute(nodes, none, true);
    } catch (error) {
      tries.error ??= error as Error;
      if (open.size === 1 || tries.left < 0) for (const root of open) root.lost = before ?? (error as Error);
      else this.#salvageHalves([...open], tries);
    }
  }

  #salvageHalves(roots: readonly Node[], tries: Tries): void {
    const middle = Math.ceil(roots.length / 2);
    this.#salvage(roots.slice(0, middle), tries);
    this.#salvage(roots.slice(middle), tries);
  }
}
