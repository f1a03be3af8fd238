// Memory that one flush uses after another: blocks that together are as large as the largest plan so far wanted. A plan may
// want more than one block can have; no value of it lies across two.
import type { Block, Slabs } from "./slabs.ts";

export class Arena {
  readonly #slabs: Slabs;
  /** The block for each stretch of `slabs.most` bytes. */
  readonly #blocks: Block[] = [];

  constructor(slabs: Slabs) {
    this.#slabs = slabs;
  }

  /** Sees to it that there are so many bytes. Throws a MemoryError if there are not. */
  reserve(bytes: number): void {
    const { most } = this.#slabs;
    for (let k = 0; k * most < bytes; k++) {
      const wanted = Math.min(bytes - k * most, most);
      const block = this.#blocks[k];
      if (block !== undefined && block.bytes >= wanted && !block.slab.lost) continue;
      // Given back before more is asked for; if that fails, this block and those behind it are nobody's.
      for (const old of this.#blocks.splice(k)) this.#slabs.free(old);
      this.#blocks.push(this.#slabs.allocate(wanted));
    }
  }

  /** The block that holds the byte `offset`, which lies `offset % most` bytes into it. */
  block(offset: number): Block | undefined {
    return this.#blocks[Math.floor(offset / this.#slabs.most)];
  }
}
