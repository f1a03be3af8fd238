// A list of objects that others own: who is gone is not in it any more.

/** Objects, each once, in the order in which they were added. The references are weak. */
export class WeakList<T extends object> {
  readonly #refs: Set<WeakRef<T>> = new Set();

  /** How many references there are, also to objects that are gone since the last one was added. */
  get size(): number {
    return this.#refs.size;
  }

  add(x: T): void {
    for (const ref of this.#refs) {
      const other = ref.deref();
      if (other === x) return;
      if (other === undefined) this.#refs.delete(ref);
    }
    this.#refs.add(new WeakRef(x));
  }

  *[Symbol.iterator](): Generator<T> {
    for (const ref of this.#refs) {
      const x = ref.deref();
      if (x !== undefined) yield x;
    }
  }
}
