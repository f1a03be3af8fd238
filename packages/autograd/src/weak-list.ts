// A list with weak references: objects that were garbage-collected are not in it any more.

/** Objects, each once, in the order in which they were added. */
export class WeakList<T extends object> {
  readonly #refs: Set<WeakRef<T>> = new Set();

  /** The number of references, including those to objects that were collected since the last `add`. */
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

  delete(x: T): void {
    for (const ref of this.#refs) if (ref.deref() === x) this.#refs.delete(ref);
  }

  *[Symbol.iterator](): Generator<T> {
    for (const ref of this.#refs) {
      const x = ref.deref();
      if (x !== undefined) yield x;
    }
  }
}
