// Memory that flushes use one after another: blocks that together are as large as the largest plan so far needed. A
// plan may need more than one block can hold; no value of it crosses from one block into the next.
import type { Block, Slabs } from "./slabs.ts";

export class Arena {
  readonly #slabs: Slabs;
  /** The block for each stretch of `slabs.most` bytes. */
  readonly #blocks: Block[] = [];

  constructor(slabs: Slabs) {
    this.#slabs = slabs;
  }

  /** Makes room for `bytes`. Throws a MemoryError where there is none. */
  reserve(bytes: number): void {
    const { most } = this.#slabs;
    for (let k = 0; k * most < bytes; k++) {
      const wanted = Math.min(bytes - k * most, most);
      const block = this.#blocks[k];
      if (block !== undefined && block.bytes >= wanted && !block.slab.lost) continue;
      // Freed before more is requested; if that request fails, this block and all later ones have no owner.
      for (const old of this.#blocks.splice(k)) this.#slabs.free(old);
      this.#blocks.push(this.#slabs.allocate(wanted));
    }
  }

  /** The block that holds the byte `offset`, which lies `offset % most` bytes into it. */
  block(offset: number): Block | undefined {
    return this.#blocks[Math.floor(offset / this.#slabs.most)];
  }
}
