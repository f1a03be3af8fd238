// The memory of calls whose code is WebAssembly, whatever else the processor can run: the heap's, seen through it.
import type { Machine, WriteModule } from "@weft/kernel/machine";
import type { CallMemory, Routine } from "./calls/call.ts";
import { link } from "./translate/index.ts";
import { wasmBytes } from "./wasm/compile.ts";
import { relaxedSimd } from "./wasm/features.ts";
import { wasmMachine } from "./wasm/machine.ts";

type Seen = Omit<CallMemory, "memory" | "machine" | "compile" | "wasm"> & { readonly memory: WebAssembly.Memory };

export class WasmMemory implements CallMemory {
  readonly machine: Machine = wasmMachine(relaxedSimd());
  readonly #heap: Seen;

  constructor(heap: Seen) {
    this.#heap = heap;
  }
  compile(_name: string, write: WriteModule): Record<string, Routine> {
    const bytes = wasmBytes(this.shared, (module) => write(module, this.machine));
    return link(new WebAssembly.Module(bytes), this.#heap.memory);
  }
  get wasm(): CallMemory {
    return this;
  }
  get memory(): WebAssembly.Memory {
    return this.#heap.memory;
  }
  get shared(): boolean {
    return this.#heap.shared;
  }
  get threads(): number {
    return this.#heap.threads;
  }
  // The heap has other views when it has grown.
  get f32(): Float32Array {
    return this.#heap.f32;
  }
  get f64(): Float64Array {
    return this.#heap.f64;
  }
  get i32(): Int32Array {
    return this.#heap.i32;
  }
  get u8(): Uint8Array {
    return this.#heap.u8;
  }
  get u16(): Uint16Array {
    return this.#heap.u16;
  }
  clear(address: number, bytes: number): void {
    this.#heap.clear(address, bytes);
  }
  put(address: number, value: number): void {
    this.#heap.put(address, value);
  }
  flag(word: number, byte: number): void {
    this.#heap.flag(word, byte);
  }
}
