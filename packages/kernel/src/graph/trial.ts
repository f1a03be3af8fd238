// Work in memory that a device may turn out not to have. Until it has said so, boxes can go back to what they had before, and what
// was computed can be lost.
import type { Step, Tensor } from "@weft/tensor";
import { backTo, stepsOf, type Version } from "./journal.ts";
import type { Node } from "./node.ts";

export class Trial {
  /** By the box's handle, what it goes back to, which has a handle here. */
  readonly #bases = new Map<Tensor, Node>();
  /** What was computed, and after which allocation. */
  #nodes: { readonly node: Node; readonly after: number }[] = [];
  readonly #steps = new Set<Step>();
  readonly #drop: (node: Node) => void;

  /** `drop` ends one handle of a node. */
  constructor(drop: (node: Node) => void) {
    this.#drop = drop;
  }

  /** What was computed when an allocation, the last one of so many, was not known to have succeeded. */
  note(versions: readonly Version[], nodes: readonly Node[], after: number): void {
    for (const { next, base } of versions) {
      if (this.#bases.has(next)) continue;
      base.handles++;
      this.#bases.set(next, base);
    }
    for (const step of stepsOf(versions)) this.#steps.add(step);
    // A loop that never waits hears of nothing: what has ended meanwhile is of no use.
    if (this.#nodes.length > 10_000) this.#nodes = this.#nodes.filter(({ node }) => node.handles > 0);
    for (const node of nodes) if (node.storage !== undefined) this.#nodes.push({ node, after });
  }

  /** A box has a new handle. */
  pass(old: Tensor, next: Tensor): void {
    const base = this.#bases.get(old);
    if (base === undefined) return;
    this.#bases.delete(old);
    this.#bases.set(next, base);
  }

  /** All that was allocated is there. */
  passed(): void {
    for (const base of this.#bases.values()) this.#drop(base);
    this.#end();
  }

  /** There was no memory for an allocation: what was computed after it is lost. */
  failed(allocation: number, error: Error): void {
    for (const { node, after } of this.#nodes) if (after >= allocation) node.lost = error;
    let reverted = false;
    for (const [next, base] of this.#bases) {
      const node = next.payload as Node;
      const wrong =
        node !== base && next.ended === undefined && (node.lost !== undefined || node.storage === undefined);
      if (wrong) {
        backTo(next, base);
        this.#drop(node);
        reverted = true;
      } else this.#drop(base);
    }
    const steps = [...this.#steps];
    this.#end();
    if (reverted) for (const step of steps) step.undo(error);
  }

  #end(): void {
    this.#bases.clear();
    this.#nodes = [];
    this.#steps.clear();
  }
}
