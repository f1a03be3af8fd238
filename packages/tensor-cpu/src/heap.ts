// The heap: one WebAssembly.Memory (shared with workers where the platform allows), cut into blocks by size class. A
// freed block goes to the list of its class. When memory is full, values that no scope owns may be evicted (`relief`).
import { ArgumentError, MemoryError, UnsupportedError, WeftError, type DType, type TypedArray } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { bytesOfClass, classOf, type Relief, type Storage } from "@weft/kernel";
import {
  nativeArguments,
  type Machine,
  type NativeCode,
  type NativeModule,
  type WriteModule,
} from "@weft/kernel/machine";
import type { CallMemory, Routine } from "./calls/call.ts";
import { NoMachineCode } from "./native.ts";
import { sharedMemory } from "./wasm/features.ts";
import { WasmMemory } from "./wasm-memory.ts";

const PAGE = 65_536;
const MOST_PAGES = 65_536;
/** From this size on a block may serve a request of the class below: rarely used sizes do not pile up. */
const LARGE = 1 << 20;

/** A block of the heap. */
export interface Block extends Storage {
  bytes: number;
  address: number;
  class: number;
}

const blockOf = (address: number, c: number): Block => ({
  address,
  bytes: bytesOfClass(c),
  class: c,
  refs: 0,
  loose: undefined,
  used: 0,
  evicted: undefined,
});

/** A memory that can grow to so many pages, or to fewer if the platform has less address space (as phones do). */
function reserve(maximum: number, shared: boolean): readonly [WebAssembly.Memory, maximum: number] {
  for (; ; maximum >>= 1)
    try {
      return [new WebAssembly.Memory({ initial: Math.min(256, maximum), maximum, shared }), maximum];
    } catch (cause) {
      if (maximum > 256) continue;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UnsupportedError(
        `open: asked for a WebAssembly memory of ${maximum} pages (${maximum * PAGE} bytes), and this platform gives none ` +
          `(${reason}): allow more, in Node with --wasm-max-mem-pages, or ask for less with memoryLimit`,
        { cause },
      );
    }
}

export class Heap implements CallMemory {
  memory: WebAssembly.Memory;
  /** Whether the memory was given back. */
  destroyed = false;
  readonly shared = sharedMemory();
  readonly wasm = new WasmMemory(this);
  /** Finds machine code of the processor, when the first code is compiled. */
  readonly #findNative: () => NativeCode | undefined;
  #native: NativeCode | undefined | "unknown" = "unknown";
  /** Why some code is WebAssembly although there is machine code. */
  refused: string | undefined;
  /** The arguments of machine code, where they are, and in them where the memory is. */
  readonly #arguments = new Int32Array(64);
  readonly #base = new BigUint64Array(this.#arguments.buffer, 0, 1);
  #pointer = 0;
  f32!: Float32Array;
  f64!: Float64Array;
  i32!: Int32Array;
  u8!: Uint8Array;
  u16!: Uint16Array;
  /** Addresses of free blocks, by class. */
  readonly #free: number[][] = [];
  readonly limit: number;
  /** Whom to ask when memory is full. */
  relief: Relief | undefined;
  /** Bytes of allocated blocks. */
  #used = 0;
  /** The first byte that was never allocated; address 0 stays unused. */
  #top = 64;

  constructor(limit = MOST_PAGES * PAGE, findNative: () => NativeCode | undefined = () => undefined) {
    if (!(limit > 0)) throw new ArgumentError(`open: wanted a memoryLimit above 0, got ${limit}`);
    const [memory, maximum] = reserve(Math.min(MOST_PAGES, Math.ceil(limit / PAGE)), this.shared);
    this.memory = memory;
    this.limit = Math.min(limit, maximum * PAGE);
    this.#findNative = findNative;
    this.#look();
  }

  #look(): void {
    const { buffer } = this.memory;
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    if (this.#native !== "unknown") this.#locate(this.#native);
  }

  readonly threads = 1;

  /** Machine code of the processor, if there is any. */
  get native(): NativeCode | undefined {
    if (this.#native !== "unknown") return this.#native;
    this.#native = this.#findNative();
    this.#pointer = this.#native?.addressOf(this.#arguments) ?? 0;
    this.#locate(this.#native);
    return this.#native;
  }

  /** Tells machine code where the memory begins. */
  #locate(native: NativeCode | undefined): void {
    this.#base[0] = BigInt(native?.addressOf(this.u8) ?? 0);
  }

  /** Where the memory begins, for machine code; 0 if there is none of that. */
  get base(): number {
    return this.native === undefined ? 0 : Number(this.#base[0]);
  }

  get machine(): Machine {
    return this.native?.machine ?? this.wasm.machine;
  }

  /** Throws a NoMachineCode if there is no more memory for machine code: other code of the call is for another machine. */
  compile(name: string, write: WriteModule): Record<string, Routine> {
    const { native } = this;
    if (native === undefined) return this.wasm.compile(name, write);
    const module = native.compile(name, write);
    if (!("reason" in module)) return this.routines(module);
    this.refused = module.reason;
    throw new NoMachineCode(module.reason);
  }

  /** The functions of machine code, on this memory. */
  routines(module: NativeModule): Record<string, Routine> {
    return Object.fromEntries(module.entries.map((name, entry) => [name, this.#routine(module, entry)]));
  }

  #routine({ address }: NativeModule, entry: number): Routine {
    const words = this.#arguments;
    const native = this.native!;
    return (...args) => {
      this.check(); // it would write to memory that was given back
      words[nativeArguments.entry] = entry;
      for (let i = 0; i < args.length; i++) words[nativeArguments.first + i] = args[i]!;
      native.call(this.#pointer, address);
      return undefined;
    };
  }

  clear(address: number, bytes: number): void {
    this.u8.fill(0, address, address + bytes);
  }

  put(address: number, value: number): void {
    this.i32[address >>> 2] = value;
  }

  flag(word: number, byte: number): void {
    if (this.u8[byte] !== 0) this.i32[word >>> 2] = 1;
  }

  /** Bytes that were ever allocated. */
  get reserved(): number {
    return this.#top;
  }

  /** Gives the memory back. From now on every use throws. */
  destroy(): void {
    this.destroyed = true;
    this.memory = new WebAssembly.Memory({ initial: 0, maximum: 0, shared: this.shared });
    this.#look();
    this.#free.length = 0;
  }

  /** Throws if the memory was given back. */
  check(): void {
    if (this.destroyed)
      throw new WeftError(
        "tensor-cpu: the backend was destroyed; open() returns a new one: load your model there from its last saved copy",
      );
  }

  allocate(bytes: number): Block {
    this.check();
    const { limit, relief } = this;
    const evicted = relief?.evictedBytes ?? 0;
    if (this.#used + evicted + bytes <= limit) {
      const block = this.#quickly(bytes) ?? this.#fromStretches(bytes);
      if (block !== undefined) {
        this.#used += block.bytes;
        return block;
      }
    }
    if (bytes <= limit && relief?.spare(bytes, this.#used) === true) return this.allocate(bytes);
    throw new MemoryError(
      `tensor-cpu: no memory for ${bytes} bytes: ${this.#top - this.#room() + (relief?.evictedBytes ?? 0)} are in use and the heap ends at ${limit}${(bytes <= limit && relief?.advice()) || ""}`,
    );
  }

  #quickly(bytes: number): Block | undefined {
    const c = classOf(bytes);
    return this.#pooled(c) ?? (bytes >= LARGE ? this.#pooled(c + 1) : undefined) ?? this.#fresh(c);
  }

  #pooled(c: number): Block | undefined {
    const address = this.#free[c]?.pop();
    return address === undefined ? undefined : blockOf(address, c);
  }

  /** A block from memory that was never allocated. */
  #fresh(c: number): Block | undefined {
    const address = this.#top;
    const bytes = bytesOfClass(c);
    const end = address + bytes;
    const missing = end - this.memory.buffer.byteLength;
    if (end > this.limit || (missing > 0 && !this.#grow(Math.ceil(missing / PAGE)))) return undefined;
    this.#top = end;
    return blockOf(address, c);
  }

  /** Grows by at least a quarter, so that growing is rare. */
  #grow(pages: number): boolean {
    const ahead = Math.min(this.memory.buffer.byteLength >>> 18, (this.limit - this.memory.buffer.byteLength) / PAGE);
    return this.#tryGrow(Math.max(pages, Math.floor(ahead))) || this.#tryGrow(pages);
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

  /** The last resort: joins free blocks of all classes with their neighbors, and cuts them again. */
  #fromStretches(bytes: number): Block | undefined {
    const size = bytesOfClass(classOf(bytes));
    const stretches = this.#stretches();
    this.#free.length = 0;
    const last = stretches.at(-1);
    if (last?.end === this.#top) this.#top = stretches.pop()!.start;
    let address: number | undefined;
    for (const stretch of stretches) {
      if (address === undefined && stretch.end - stretch.start >= size) {
        address = stretch.start;
        stretch.start += size;
      }
      this.#cut(stretch);
    }
    return address === undefined ? this.#fresh(classOf(bytes)) : blockOf(address, classOf(bytes));
  }

  /** The free stretches in order of address, neighbors joined. */
  #stretches(): { start: number; end: number }[] {
    const blocks = this.#free.flatMap((list, c) => list.map((start) => ({ start, end: start + bytesOfClass(c) })));
    const joined: { start: number; end: number }[] = [];
    for (const block of blocks.toSorted((a, b) => a.start - b.start)) {
      const before = joined.at(-1);
      if (before?.end === block.start) before.end = block.end;
      else joined.push(block);
    }
    return joined;
  }

  /** Puts a stretch into the lists, as few large blocks. */
  #cut({ start, end }: { start: number; end: number }): void {
    while (start < end) {
      let c = classOf(end - start);
      if (bytesOfClass(c) > end - start) c--;
      (this.#free[c] ??= []).push(start);
      start += bytesOfClass(c);
    }
  }

  #room(): number {
    return this.#free.reduce((n, list, c) => n + list.length * bytesOfClass(c), 0);
  }

  free(block: Block): void {
    this.#used -= block.bytes;
    (this.#free[block.class] ??= []).push(block.address);
  }

  /** Copies the bytes of a block to an array and frees the block; it has no address until it is restored. */
  evict(block: Block): Uint8Array {
    const data = this.u8.slice(block.address, block.address + block.bytes);
    this.free(block);
    return data;
  }

  restore(block: Block, data: Uint8Array): void {
    const { address, bytes, class: c } = this.allocate(data.length);
    this.u8.set(data, address);
    block.address = address;
    block.bytes = bytes;
    block.class = c;
  }

  write(block: Block, data: TypedArray): void {
    this.check();
    this.u8.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), block.address);
  }

  view(block: Block, offset: number, length: number, dtype: DType): TypedArray {
    this.check();
    const { array, bytes } = dtypeInfo[dtype];
    return new array(this.memory.buffer, block.address + offset * bytes, length);
  }

  read(block: Block, offset: number, length: number, dtype: DType): TypedArray {
    this.check();
    const start = block.address + offset * dtypeInfo[dtype].bytes;
    const out = new Uint8Array(length * dtypeInfo[dtype].bytes);
    out.set(this.u8.subarray(start, start + out.byteLength));
    return new dtypeInfo[dtype].array(out.buffer);
  }
}
