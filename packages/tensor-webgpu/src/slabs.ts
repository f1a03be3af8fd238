// Device memory: few large buffers (slabs), cut into blocks by size class. An operand of a kernel is a slab and an address in
// it, so that a launch binds a slab once, however many of its operands lie there.
import { MemoryError } from "@weft/tensor";
import { bytesOfClass, classOf, type Storage } from "@weft/kernel";
import { usage } from "./constants.ts";

/** A stretch of a slab. */
export interface Block extends Storage {
  readonly slab: Slab;
  /** Bytes from the slab's beginning. */
  readonly address: number;
  readonly class: number;
}

export interface Slab {
  /** Its place among the slabs. */
  readonly index: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  /** The first byte never handed out. */
  top: number;
  readonly free: number[][];
}

export interface SlabOptions {
  /** Bytes of the first slab; each further one is as large as all before it together. */
  readonly first: number;
  /** Bytes that one slab may have: the adapter's limit on a binding. */
  readonly most: number;
  /** Bytes that all slabs may have. */
  readonly limit: number;
}

export class Slabs {
  readonly #device: GPUDevice;
  readonly #options: SlabOptions;
  readonly #slabs: Slab[] = [];
  #total = 0;

  constructor(device: GPUDevice, options: SlabOptions) {
    this.#device = device;
    this.#options = options;
  }

  /** Bytes of all slabs, and how many there are. */
  get reserved(): number {
    return this.#total;
  }
  get count(): number {
    return this.#slabs.length;
  }

  allocate(bytes: number): Block {
    const { most } = this.#options;
    if (bytes > most)
      throw new MemoryError(
        `tensor-webgpu: a value of ${bytes} bytes is larger than this adapter binds at once (${most})`,
      );
    const c = classOf(bytes);
    // The top class may end beyond what can be bound.
    const size = Math.min(bytesOfClass(c), most);
    // The first slab that has room: values crowd together in few slabs.
    for (const slab of this.#slabs) {
      const address = slab.free[c]?.pop();
      if (address !== undefined) return { slab, address, class: c, bytes: size, refs: 0 };
    }
    const slab = this.#slabs.find((s) => s.top + size <= s.bytes) ?? this.#grow(bytes, size);
    const address = slab.top;
    slab.top += size;
    return { slab, address, class: c, bytes: size, refs: 0 };
  }

  #grow(bytes: number, size: number): Slab {
    const { first, most, limit } = this.#options;
    const wanted = Math.min(Math.max(size, first, this.#total), most);
    const fits = Math.min(wanted, Math.floor((limit - this.#total) / 4) * 4);
    if (fits < size)
      throw new MemoryError(
        `tensor-webgpu: no memory for ${bytes} bytes: ${this.#total} are in use or pooled, and the limit is ${limit}`,
      );
    const buffer = this.#device.createBuffer({
      label: `weft slab ${this.#slabs.length}`,
      size: fits,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
    const slab: Slab = { index: this.#slabs.length, buffer, bytes: fits, top: 0, free: [] };
    this.#slabs.push(slab);
    this.#total += fits;
    return slab;
  }

  free(block: Block): void {
    (block.slab.free[block.class] ??= []).push(block.address);
  }

  destroy(): void {
    for (const { buffer } of this.#slabs) buffer.destroy();
  }
}
