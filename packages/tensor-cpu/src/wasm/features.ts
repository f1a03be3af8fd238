// Which features this platform's WebAssembly has, tested by validating or creating the smallest thing that needs each.
import { WasmModule, VECTOR, floats } from "./emitter.ts";

let relaxed: boolean | undefined;

type Vector = ReturnType<typeof floats.add>;

/** Whether a function of a vector is valid here. */
function valid(y: (x: Vector) => Vector): boolean {
  const m = new WasmModule({ shared: false });
  const f = m.func("f", [VECTOR], VECTOR);
  f.result(y(f.param(0, VECTOR)));
  return WebAssembly.validate(m.bytes());
}

const validates = (): boolean => valid((x) => floats.madd(x, x, x));

/** The required feature that this platform lacks; undefined if it has all. */
export function lacking(): string | undefined {
  if (typeof WebAssembly === "undefined") return "WebAssembly (switched off here, say by a lockdown mode or --jitless)";
  return valid((x) => floats.add(x, x)) ? undefined : "WebAssembly with SIMD";
}

/** What is used of Node's `process`; there is none in a page. */
interface NodeProcess {
  getBuiltinModule?(name: string): { setFlagsFromString?(flags: string): void } | undefined;
}

/**
 * Whether fused multiply-adds (relaxed SIMD) may be used. Node 20 and 21 have them behind a flag, which may be set at
 * run time as long as it happens before a module that needs it is compiled.
 */
export function relaxedSimd(): boolean {
  if (relaxed === undefined) {
    relaxed = validates();
    const node = (globalThis as { process?: NodeProcess }).process;
    if (!relaxed && node?.getBuiltinModule !== undefined) {
      try {
        node.getBuiltinModule("node:v8")?.setFlagsFromString?.("--experimental-wasm-relaxed-simd");
        relaxed = validates();
      } catch {
        relaxed = false; // a runtime that imitates Node without V8's flags
      }
    }
  }
  return relaxed;
}

/** Whether a memory can be shared with workers (in a page: only if it is cross-origin isolated). */
export function sharedMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  if ((globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === false) return false;
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}
