// Work with memory that a device may turn out not to have, or with kernels that it may refuse. Until the device has
// reported, boxes can be rolled back and computed values can be lost.
import type { Tensor } from "@weft/tensor";
import type { Step } from "@weft/tensor/internals";
import { pointTo, type Version } from "./journal.ts";
import { nodeOf, type Node } from "../graph/node.ts";
import { bondsOf, historyOf, undo } from "./unit.ts";

/** What a box is rolled back to (it has a handle here), and the steps and turns that assigned to the box since. */
interface Doubtful {
  readonly base: Node;
  readonly bonds: Set<Step | number>;
}

export class Trial {
  readonly #boxes = new Map<Tensor, Doubtful>();
  /** What was computed, and after which thing in doubt (an allocation, a kernel from outside). */
  #nodes: { readonly node: Node; readonly after: number }[] = [];
  readonly #releaseHandle: (node: Node) => void;

  /** `releaseHandle` releases one handle of a node. */
  constructor(releaseHandle: (node: Node) => void) {
    this.#releaseHandle = releaseHandle;
  }

  /** Notes what was computed while thing number `after`, the last one in doubt, was not known to be there. */
  note(versions: readonly Version[], nodes: readonly Node[], after: number): void {
    for (const version of versions) {
      const { next, base } = version;
      let box = this.#boxes.get(next);
      if (box === undefined) {
        base.handles++;
        this.#boxes.set(next, (box = { base, bonds: new Set() }));
      }
      // If it was rolled back already, its steps have been told.
      if (next.payload === base) continue;
      for (const past of historyOf(version)) for (const bond of bondsOf(past)) box.bonds.add(bond);
    }
    // A loop that never waits gets no report: released values must not pile up.
    if (this.#nodes.length > 10_000) this.#nodes = this.#nodes.filter(({ node }) => node.handles > 0);
    for (const node of nodes) if (node.storage !== undefined) this.#nodes.push({ node, after });
  }

  /** A box has a new handle. */
  pass(old: Tensor, next: Tensor): void {
    const box = this.#boxes.get(old);
    if (box === undefined) return;
    this.#boxes.delete(old);
    this.#boxes.set(next, box);
  }

  /** All that was in doubt is there. */
  passed(): void {
    this.#clear();
  }

  /** A thing is missing: what was computed after it is lost. */
  failed(missing: number, error: Error): void {
    for (const { node, after } of this.#nodes) if (after >= missing) node.lost = error;
    const undone = new Set<Step | number>();
    // A step is undone as a whole, and so are the others that have assigned to one of its boxes.
    for (let changed = true; changed;) {
      changed = false;
      for (const [next, { base, bonds }] of this.#boxes) {
        const node = nodeOf(next);
        const wrong =
          node.lost !== undefined || node.storage === undefined || [...bonds].some((bond) => undone.has(bond));
        if (node === base || next.ended !== undefined || !wrong) continue;
        pointTo(next, base);
        this.#releaseHandle(node);
        this.#boxes.delete(next);
        changed = true;
        for (const bond of bonds) undone.add(bond);
      }
    }
    this.#clear();
    undo(undone, error);
  }

  #clear(): void {
    for (const { base } of this.#boxes.values()) this.#releaseHandle(base);
    this.#boxes.clear();
    this.#nodes = [];
  }
}
