// The heap: one WebAssembly.Memory (shared with workers where the platform allows), cut into blocks by size class. A freed
// block waits in the list of its class; nothing depends on the garbage collector.
import { MemoryError, arrayOf, bytesOf, type DType, type TypedArray } from "@weft/tensor";
import { bytesOfClass, classOf, type Storage } from "@weft/kernel";
import type { Machine } from "./calls/call.ts";
import { relaxedSimd, sharedMemory } from "./wasm/features.ts";

const PAGE = 65_536;
const MOST_PAGES = 65_536;

/** A block of the heap. */
export interface Block extends Storage {
  readonly address: number;
  readonly class: number;
}

export class Heap implements Machine {
  readonly memory: WebAssembly.Memory;
  readonly shared = sharedMemory();
  readonly relaxed = relaxedSimd();
  f32!: Float32Array;
  f64!: Float64Array;
  i32!: Int32Array;
  u8!: Uint8Array;
  readonly #free: number[][] = [];
  readonly #limit: number;
  /** The first byte never handed out; address 0 stays unused. */
  #top = 64;

  constructor(limit = MOST_PAGES * PAGE) {
    this.#limit = Math.min(limit, MOST_PAGES * PAGE);
    this.memory = new WebAssembly.Memory({ initial: 256, maximum: MOST_PAGES, shared: this.shared });
    this.#look();
  }

  #look(): void {
    const { buffer } = this.memory;
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }

  /** Bytes that have been handed out at one time or another. */
  get reserved(): number {
    return this.#top;
  }

  allocate(bytes: number): Block {
    const c = classOf(bytes);
    const size = bytesOfClass(c);
    const address = this.#free[c]?.pop() ?? this.#larger(c, size) ?? this.#grow(bytes, size);
    return { address, bytes: size, class: c, refs: 0 };
  }

  /** A large block may serve for a slightly smaller one: rarely used sizes do not pile up. */
  #larger(c: number, size: number): number | undefined {
    if (size < 1 << 20) return undefined;
    const address = this.#free[c + 1]?.pop();
    if (address !== undefined) {
      // The rest of the larger block stays unused until this block is freed into its own class.
      return address;
    }
    return undefined;
  }

  #grow(bytes: number, size: number): number {
    const address = this.#top;
    const end = address + size;
    if (end > this.memory.buffer.byteLength) {
      const pages = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
      // By a quarter at a time, so that growing is rare.
      const ahead = Math.max(pages, Math.min(this.memory.buffer.byteLength >>> 18, (this.#limit - end) / PAGE));
      if (end > this.#limit || (!this.#tryGrow(Math.floor(ahead)) && !this.#tryGrow(pages)))
        throw new MemoryError(
          `tensor-cpu: no memory for ${bytes} bytes: ${this.#top} are in use or pooled and the heap ends at ${this.#limit}`,
        );
    }
    this.#top = end;
    return address;
  }

  #tryGrow(pages: number): boolean {
    try {
      this.memory.grow(pages);
    } catch {
      return false;
    }
    this.#look();
    return true;
  }

  free(block: Block): void {
    (this.#free[block.class] ??= []).push(block.address);
  }

  write(block: Block, data: TypedArray): void {
    this.u8.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), block.address);
  }

  read(block: Block, offset: number, length: number, dtype: DType): TypedArray {
    const start = block.address + offset * bytesOf[dtype];
    const out = new Uint8Array(length * bytesOf[dtype]);
    out.set(this.u8.subarray(start, start + out.byteLength));
    return new arrayOf[dtype](out.buffer);
  }
}
