// Functions written for WebAssembly, as the bytes of a module.
import { WasmModule, type Module } from "./emitter.ts";

/** The module that `write` fills, for a memory that is shared or not. */
export function wasmBytes(shared: boolean, write: (module: Module) => void): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared });
  write(module);
  return module.bytes();
}
