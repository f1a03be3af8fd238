// The memory that calls are prepared for when their ranges run on several threads: what they would do is recorded.
import type { Machine } from "@weft/kernel/machine";
import type { CallMemory, Routine } from "../calls/call.ts";
import { Unrecordable, type Pool } from "./worker-pool.ts";

export class Recording implements CallMemory {
  readonly memory: CallMemory["memory"];
  readonly shared = true;
  readonly machine: Machine;
  readonly threads: number;
  readonly #pool: Pool;

  constructor(heap: CallMemory, pool: Pool, threads: number) {
    this.memory = heap.memory;
    this.machine = heap.machine;
    this.#pool = pool;
    this.threads = threads;
  }

  load(bytes: Uint8Array<ArrayBuffer>): Record<string, Routine> {
    const numbers = this.#pool.learn(bytes);
    if (numbers === undefined) throw new Unrecordable();
    return Object.fromEntries(
      Object.entries(numbers).map(([name, number]) => [
        name,
        (...args: number[]): undefined => {
          this.#pool.call(number, args);
        },
      ]),
    );
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
