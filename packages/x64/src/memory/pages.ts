// Pages of executable memory. They lie in blocks, are written first and executed then, and are never both at once.
import type { Refusal } from "@weft/kernel/machine";
import type { System } from "./system.ts";

/** Bytes that are reserved at once; longer code has a block for itself. */
const BLOCK = 1 << 16;

/** Code begins where a line of the cache does, and so do its constants. */
const ALIGNMENT = 64;

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Memory that was reserved at once. */
interface Block {
  readonly address: number;
  readonly bytes: number;
  /** What has been written, from the start. */
  used: number;
  /** What can be executed, from the start: whole pages. */
  sealed: number;
  /** What lies in it and has not been released. */
  readonly places: Set<Place>;
}

/** Where one routine is. It outlives the routine, so that the memory is given back when the routine is garbage. */
export class Place {
  readonly #pages: Pages;
  readonly #block: Block;
  readonly #offset: number;
  /** Calls the code with a pointer; a function is made of its address only when it is called for the first time. */
  call: (pointer: number) => void = (pointer) => {
    this.call = this.#pages.callable(this.address());
    this.call(pointer);
  };

  constructor(pages: Pages, block: Block, offset: number) {
    this.#pages = pages;
    this.#block = block;
    this.#offset = offset;
    block.places.add(this);
  }
  /** The address of its code, which can be executed from now on; throws if that is refused, or if it is gone. */
  address(): number {
    if (!this.#block.places.has(this)) gone();
    if (this.#offset >= this.#block.sealed) {
      const refused = this.#pages.seal();
      if (refused !== undefined) throw new Error(`x64: ${refused.reason}`);
    }
    return this.#block.address + this.#offset;
  }
  release(): void {
    this.call = gone;
    if (this.#block.places.delete(this) && this.#block.places.size === 0) this.#pages.giveBack(this.#block);
  }
}

function gone(): never {
  throw new TypeError("x64: this routine was released, or its memory closed; add its code again");
}

export class Pages {
  readonly #system: System;
  readonly #limit: number;
  readonly #blocks = new Set<Block>();
  /** The block that is written to; only it can have pages that are not executable yet. */
  #current: Block | undefined;
  #bytes = 0;
  #closed = false;

  constructor(system: System, limit: number) {
    this.#system = system;
    this.#limit = limit;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get routines(): number {
    return [...this.#blocks].reduce((n, { places }) => n + places.size, 0);
  }

  /** Copies code to a place of its own. */
  add(code: Uint8Array): Place | Refusal {
    const block = this.#blockFor(code.length);
    if ("reason" in block) return block;
    const offset = roundUp(block.used, ALIGNMENT);
    this.#system.write(block.address + offset, code);
    block.used = offset + code.length;
    return new Place(this, block, offset);
  }

  /** Makes everything that was added executable. The rest of the last page stays empty, since it can no longer be written. */
  seal(): Refusal | undefined {
    const block = this.#current;
    if (block === undefined || block.used <= block.sealed) return undefined;
    const { page } = this.#system;
    const end = roundUp(block.used, page);
    if (!this.#system.execute(block.address + block.sealed, end - block.sealed))
      return { reason: `the system does not make memory executable: ${this.#system.fault()}` };
    block.used = block.sealed = end;
    return undefined;
  }

  callable(address: number): (pointer: number) => void {
    return this.#system.routine(address, 1);
  }
  /** A block in which nothing is left. */
  giveBack(block: Block): void {
    this.#system.release(block.address, block.bytes);
    this.#bytes -= block.bytes;
    this.#blocks.delete(block);
    if (this.#current === block) this.#current = undefined;
  }
  close(): void {
    for (const { places } of this.#blocks) for (const place of places) place.release();
    this.#closed = true;
  }

  #blockFor(bytes: number): Block | Refusal {
    if (this.#closed) return { reason: "the memory for code was closed" };
    const current = this.#current;
    if (current !== undefined && roundUp(current.used, ALIGNMENT) + bytes <= current.bytes) return current;
    const refused = this.seal();
    if (refused !== undefined) return refused;
    const size = roundUp(Math.max(bytes, BLOCK), this.#system.page);
    if (this.#bytes + size > this.#limit)
      return { reason: `code takes ${this.#bytes} bytes, and ${size} more would be above the limit of ${this.#limit}` };
    const address = this.#system.reserve(size);
    if (address === 0) return { reason: `the system gives no memory for code: ${this.#system.fault()}` };
    const block: Block = { address, bytes: size, used: 0, sealed: 0, places: new Set() };
    this.#bytes += size;
    this.#blocks.add(block);
    this.#current = block;
    return block;
  }
}
