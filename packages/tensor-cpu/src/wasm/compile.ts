// Functions written for WebAssembly, as the bytes of a module.
import { WasmModule, type Machine, type Module } from "./emitter.ts";

/** The module that `write` fills, for a memory that is shared or not. */
export function wasmBytes(
  write: (module: Module, machine: Machine) => void,
  machine: Machine,
  shared: boolean,
): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared });
  write(module, machine);
  return module.bytes();
}
