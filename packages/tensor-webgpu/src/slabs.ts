// Device memory: few large buffers (slabs), cut into blocks by size class. An operand of a kernel is a slab and an
// address in it, so that a launch binds a slab once, however many of its operands lie there.
import { MemoryError } from "@weft/tensor";
import { bytesOfClass, classOf, type Relief, type Storage } from "@weft/kernel";
import { usage } from "./constants.ts";
import type { DeviceErrors } from "./device-errors.ts";

/** A range of bytes of a slab. */
export interface Block extends Storage {
  readonly slab: Slab;
  /** Offset in bytes from the beginning of the slab. */
  readonly address: number;
  readonly class: number;
}

export interface Slab {
  /** Its number among the slabs. */
  readonly index: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  /** The first byte never handed out. */
  top: number;
  /** Blocks that are handed out. */
  blocks: number;
  readonly free: number[][];
  /** The device turned out to have no memory for it: nothing lies in it. */
  lost: boolean;
}

export interface SlabOptions {
  /** Bytes of the first slab; each further one is as large as all earlier ones together. */
  readonly first: number;
  /** Bytes that one slab may have: the adapter's limit on a binding. */
  readonly most: number;
  /** Bytes that all slabs may have. */
  readonly limit: number;
}

export class Slabs {
  readonly #device: GPUDevice;
  readonly #errors: DeviceErrors;
  readonly #options: SlabOptions;
  readonly #slabs: Slab[] = [];
  #total = 0;
  #used = 0;
  #peak = 0;
  #lost = 0;
  /** Asked for help when memory is full. */
  relief: Relief | undefined;
  /**
   * Size in bytes up to which a slab may exceed the request: smaller after the device had no memory for a large one.
   */
  #ample: number;

  constructor(device: GPUDevice, errors: DeviceErrors, options: SlabOptions) {
    this.#device = device;
    this.#errors = errors;
    this.#options = options;
    this.#ample = options.most;
  }

  /** Bytes that one block may have: a multiple of 64. */
  get most(): number {
    return this.#options.most;
  }

  /** Bytes that all slabs may have. */
  get limit(): number {
    return this.#options.limit;
  }

  /** Bytes of all slabs; the bytes of them in use now; and the most that were in use. */
  get reserved(): number {
    return this.#total;
  }
  get used(): number {
    return this.#used;
  }
  get peak(): number {
    return this.#peak;
  }
  get count(): number {
    return this.#slabs.length - this.#lost;
  }

  /** Throws a MemoryError if a block lies in a slab that the device had no memory for. */
  check(slabs: readonly (Slab | undefined)[]): void {
    if (this.#lost > 0 && slabs.some((slab) => slab?.lost === true))
      throw new MemoryError("tensor-webgpu: a value was lost when the device had no memory for it");
  }

  /** Throws a MemoryError for a value that is larger than the largest block. */
  admit(bytes: number): void {
    const { most } = this.#options;
    if (bytes > most)
      throw new MemoryError(
        `tensor-webgpu: a value of ${bytes} bytes is larger than this adapter binds at once (${most})`,
      );
  }

  allocate(bytes: number): Block {
    const { most } = this.#options;
    this.admit(bytes);
    const c = classOf(bytes);
    // The top class may exceed what can be bound.
    const size = Math.min(bytesOfClass(c), most);
    // The first slab with room, so that values gather in few slabs.
    for (const slab of this.#slabs) {
      const address = slab.free[c]?.pop();
      if (address !== undefined) return this.#block(slab, address, c, size);
    }
    const slab = this.#slabs.find((s) => s.top + size <= s.bytes) ?? this.#cleared(size) ?? this.#grow(bytes, size);
    const address = slab.top;
    slab.top += size;
    return this.#block(slab, address, c, size);
  }

  /** A slab in which nothing lies any more, to be cut anew: its old cuts may not fit. */
  #cleared(size: number): Slab | undefined {
    const slab = this.#slabs.find((s) => s.blocks === 0 && size <= s.bytes && !s.lost);
    if (slab !== undefined) slab.top = slab.free.length = 0;
    return slab;
  }

  #block(slab: Slab, address: number, c: number, bytes: number): Block {
    slab.blocks++;
    this.#used += bytes;
    this.#peak = Math.max(this.#peak, this.#used);
    return { slab, address, class: c, bytes, refs: 0, loose: undefined, used: 0, evicted: undefined };
  }

  #grow(bytes: number, size: number): Slab {
    const { first, limit } = this.#options;
    const wanted = Math.max(size, Math.min(Math.max(first, this.#total), this.#ample));
    const fits = Math.min(wanted, Math.floor((limit - this.#total) / 4) * 4);
    if (fits < size) {
      this.relief?.spare(bytes, this.#total);
      throw new MemoryError(
        `tensor-webgpu: no memory for ${bytes} bytes: ${this.#total} are in use or pooled, ` +
          `and the limit is ${limit}${this.relief?.advice() ?? ""}`,
      );
    }
    const index = this.#slabs.length;
    const buffer = this.#errors.doubtful(
      "out-of-memory",
      () =>
        this.#device.createBuffer({
          label: `weft slab ${index}`,
          size: fits,
          usage: usage.storage | usage.copySource | usage.copyTarget,
        }),
      (message) => this.#lose(slab, message),
    );
    const slab: Slab = { index, buffer, bytes: fits, top: 0, blocks: 0, free: [], lost: false };
    this.#slabs.push(slab);
    this.#total += fits;
    return slab;
  }

  /** Called when the device had no memory for a slab. The next one is smaller, where that suffices. */
  #lose(slab: Slab, message: string): MemoryError {
    slab.lost = true;
    slab.top = slab.bytes;
    slab.free.length = 0;
    this.#lost++;
    this.#total -= slab.bytes;
    this.#ample = Math.min(this.#ample, Math.ceil(slab.bytes / 8) * 4);
    return new MemoryError(
      `tensor-webgpu: the device has no memory for ${slab.bytes} bytes more; ` +
        `${this.#total} are in use or pooled (${message.split("\n")[0]})`,
    );
  }

  free(block: Block): void {
    const { slab } = block;
    this.#used -= block.bytes;
    slab.blocks--;
    if (!slab.lost) (slab.free[block.class] ??= []).push(block.address);
  }

  destroy(): void {
    for (const { buffer } of this.#slabs) buffer.destroy();
  }
}
