// What belongs to a box: state that somebody keeps for it, such as an optimizer's moments of a parameter.
import type { State } from "./box.ts";

/** Boxes by name. */
export type StateRecord = Readonly<Record<string, State>>;

/** The state that is kept for one box. The references are weak: an optimizer that is gone leaves nothing behind. */
export class Belongings {
  readonly #records: Set<WeakRef<StateRecord>> = new Set();

  /** How many records there are. */
  get size(): number {
    return this.#records.size;
  }

  add(record: StateRecord): void {
    for (const other of this.#records) if (other.deref() === undefined) this.#records.delete(other);
    this.#records.add(new WeakRef(record));
  }

  *[Symbol.iterator](): Generator<State> {
    for (const record of this.#records) yield* Object.values(record.deref() ?? {});
  }
}
