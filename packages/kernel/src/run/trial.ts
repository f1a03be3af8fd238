// Work that a device may turn out not to have done right: in memory that it does not have, with kernels that it refuses,
// or with a wrong index. Until the device has reported, boxes can be rolled back and computed values can be lost.
import type { Tensor } from "@weft/tensor";
import type { Step } from "@weft/tensor/internals";
import type { Fault } from "../graph/fault.ts";
import { pointTo, type Version } from "./journal.ts";
import { nodeOf, type Node } from "../graph/node.ts";
import { bondsOf, historyOf, undo } from "./unit.ts";

/** What became of work in doubt. */
export interface Outcome {
  /** Releases one handle of a node. */
  release(node: Node): void;
  /** Whether boxes have newer versions that are pending. */
  isPending(): boolean;
  /** Boxes were rolled back because of this wrong index. */
  tell(fault: Fault): void;
}

/**
 * Who has assigned to a box: a list, the last first, of which boxes share what they have in common. A loop that never
 * waits gets no report: what it notes in each step must not grow with the number of boxes.
 */
interface Assigned extends Pick<Version, "step" | "turn"> {
  readonly before: Assigned | undefined;
}

/** Assignments to a box in doubt. */
interface Doubtful {
  /** What the box was before (it has a handle here). */
  readonly base: Node;
  assigned: Assigned | undefined;
  /** Whether memory or kernels may be missing. */
  missing: boolean;
  /** The last call that was not known to have right indices: reports come in order. */
  last: Fault | undefined;
}

/** So many old versions of a box are kept: a loop that never waits gets no report. */
const KEPT = 2;

const isKnown = ({ missing, last }: Doubtful): boolean => !missing && (last === undefined || last.wrong !== undefined);
const isLost = ({ lost, storage }: Node): boolean => lost !== undefined || storage === undefined;
const faultIn = (node: Node): Fault | undefined => {
  const fault = node.fault?.now();
  return fault?.wrong === true ? fault : undefined;
};

export class Trial {
  /** By the box's own handle, the oldest assignments first. */
  readonly #boxes = new Map<Tensor, Doubtful[]>();
  /** What was computed, and after which thing in doubt (an allocation, a kernel from outside). */
  #nodes: { readonly node: Node; readonly after: number }[] = [];
  /** Whether wrong indices may have been reported while boxes had newer versions: these run first. */
  #waits = false;
  readonly #outcome: Outcome;

  constructor(outcome: Outcome) {
    this.#outcome = outcome;
  }

  /** Whether a box may be rolled back. */
  get open(): boolean {
    return this.#boxes.size > 0;
  }

  /**
   * Notes what was computed while thing number `after`, the last one in doubt, was not known to be there (0: all are),
   * and `last`, the last call with indices, was not known to have right ones.
   */
  note(versions: readonly Version[], nodes: readonly Node[], after: number, last?: Fault): void {
    /** What was made last after each part of a list. */
    const made = new Map<Assigned | undefined, Assigned>();
    for (const version of versions) {
      const { next, base } = version;
      // If it was rolled back already, its steps have been told.
      if (next.payload === base) continue;
      const history = this.#boxes.get(next) ?? [];
      let top = history.at(-1);
      if (top === undefined || (after === 0 && history.length < KEPT && top.base !== base)) {
        base.handles++;
        history.push((top = { base, assigned: undefined, missing: false, last: undefined }));
        this.#boxes.set(next, history);
      }
      top.missing ||= after > 0;
      top.last = last ?? top.last;
      for (const { step, turn } of historyOf(version)) {
        const before = top.assigned;
        if (before?.step === step && before?.turn === turn) continue;
        top.assigned = made.get(before);
        if (top.assigned?.step === step && top.assigned?.turn === turn) continue;
        made.set(before, (top.assigned = { step, turn, before }));
      }
    }
    if (after === 0) return;
    // A loop that never waits gets no report: released values must not pile up.
    if (this.#nodes.length > 10_000) this.#nodes = this.#nodes.filter(({ node }) => node.handles > 0);
    for (const node of nodes) if (node.storage !== undefined) this.#nodes.push({ node, after });
  }

  /** A box has a new handle. */
  pass(old: Tensor, next: Tensor): void {
    const history = this.#boxes.get(old);
    if (history === undefined) return;
    this.#boxes.delete(old);
    this.#boxes.set(next, history);
  }

  /** All memory and all kernels in doubt are there. */
  passed(): void {
    this.#nodes = [];
    for (const history of this.#boxes.values()) for (const part of history) part.missing = false;
    if (!this.#waits) this.#forget();
  }

  /** A thing is missing: what was computed after it is lost. */
  failed(missing: number, error: Error): void {
    for (const { node, after } of this.#nodes) if (after >= missing) node.lost = error;
    const undone = this.#rollBack((node) => isLost(node) || faultIn(node) !== undefined);
    this.#waits = false;
    this.passed();
    undo(undone, error);
  }

  /** The device has reported wrong indices. What is pending on top of them runs first, and is rolled back before. */
  told(): void {
    this.#waits = this.open && this.#outcome.isPending();
    if (!this.open || this.#waits) return;
    let fault: Fault | undefined;
    const undone = this.#rollBack((node) => {
      const found = faultIn(node);
      fault ??= found;
      return found !== undefined;
    });
    this.#forget();
    if (fault === undefined || undone.size === 0) return;
    this.#outcome.tell(fault);
    undo(undone, fault.error());
  }

  /** Rolls boxes back to their last right version. Returns the steps and turns that are undone. */
  #rollBack(isWrong: (node: Node) => boolean): Set<Step | number> {
    const undone = new Set<Step | number>();
    const found = new Map<Assigned | undefined, Set<Step | number>>();
    const bondsIn = ({ assigned }: Doubtful): Set<Step | number> => {
      let bonds = found.get(assigned);
      if (bonds === undefined) {
        found.set(assigned, (bonds = new Set()));
        for (let at = assigned; at !== undefined; at = at.before) for (const bond of bondsOf(at)) bonds.add(bond);
      }
      return bonds;
    };
    const isUndone = (part: Doubtful): boolean => {
      for (const bond of bondsIn(part)) if (undone.has(bond)) return true;
      return false;
    };
    // A step is undone as a whole, and so are the others that have assigned to one of its boxes since.
    for (let changed = true; changed;) {
      changed = false;
      for (const [next, history] of this.#boxes) {
        const node = nodeOf(next);
        if (next.ended !== undefined || node === history[0]!.base) continue;
        let kept = history.length;
        while (kept > 0 && isWrong(history[kept]?.base ?? node)) kept--;
        const first = undone.size === 0 ? -1 : history.findIndex(isUndone);
        if (first >= 0 && first < kept) kept = first;
        if (kept === history.length) continue;
        const [{ base }, ...later] = history.slice(kept) as [Doubtful, ...Doubtful[]];
        for (const part of history.splice(kept)) for (const bond of bondsIn(part)) undone.add(bond);
        if (history.length === 0) this.#boxes.delete(next);
        pointTo(next, base);
        for (const x of [node, ...later.map((part) => part.base)]) this.#outcome.release(x);
        changed = true;
      }
    }
    return undone;
  }

  /** Forgets the versions before those that are known to be right. */
  #forget(): void {
    for (const [next, history] of this.#boxes) {
      const { ended } = next;
      const known = ended === undefined ? history.findLastIndex(isKnown) + 1 : history.length;
      for (const { base } of history.splice(0, known)) this.#outcome.release(base);
      if (history.length === 0) this.#boxes.delete(next);
    }
  }
}
