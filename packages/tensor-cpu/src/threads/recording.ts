// The memory that calls are prepared for when their ranges run on several threads: what they would do is recorded.
import type { Machine, WriteModule } from "@weft/kernel/machine";
import type { CallMemory, Routine } from "../calls/call.ts";
import type { Heap } from "../heap.ts";
import { wasmBytes } from "../wasm/compile.ts";
import { Unrecordable, type Pool } from "./worker-pool.ts";

export class Recording implements CallMemory {
  readonly memory: CallMemory["memory"];
  readonly shared = true;
  readonly machine: Machine;
  readonly threads: number;
  readonly wasm: Recording;
  readonly #heap: Heap;
  readonly #pool: Pool;

  /** With `wasm`, code is WebAssembly whatever the heap has. */
  constructor(heap: Heap, pool: Pool, threads: number, wasm = false) {
    this.memory = heap.memory;
    this.machine = (wasm ? heap.wasm : heap).machine;
    this.#heap = heap;
    this.#pool = pool;
    this.threads = threads;
    this.wasm = wasm ? this : new Recording(heap, pool, threads, true);
  }

  compile(name: string, write: WriteModule): Record<string, Routine> {
    const numbers = this.numbers(name, write);
    if (numbers === undefined) throw new Unrecordable();
    return Object.fromEntries(
      Object.entries(numbers).map(([routine, number]) => [
        routine,
        (...args: number[]): undefined => {
          this.#pool.call(number, args);
        },
      ]),
    );
  }
  /** The numbers of its routines; undefined if workers can know no more, or if there is no more memory for machine code. */
  numbers(name: string, write: WriteModule): Record<string, number> | undefined {
    const native = this.wasm === this ? undefined : this.#heap.native;
    if (native === undefined) return this.#pool.learn(wasmBytes(true, (module) => write(module, this.machine)));
    const module = native.compile(name, write);
    return "reason" in module ? undefined : this.#pool.learnNative(module);
  }
  clear(address: number, bytes: number): void {
    this.#pool.other(-1, address, bytes);
  }
  put(address: number, value: number): void {
    this.#pool.other(-2, address, value);
  }
  flag(word: number, byte: number): void {
    this.#pool.other(-3, word, byte);
  }

  // A call that works on memory in JavaScript runs on the main thread.
  get f32(): never {
    throw new Unrecordable();
  }
  get f64(): never {
    throw new Unrecordable();
  }
  get i32(): never {
    throw new Unrecordable();
  }
  get u8(): never {
    throw new Unrecordable();
  }
  get u16(): never {
    throw new Unrecordable();
  }
}
