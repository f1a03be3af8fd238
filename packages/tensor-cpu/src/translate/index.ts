// Kernels as WebAssembly: bytes, and from them a function that runs a launch.
import type { Fn, Kernel } from "@weft/kernel";
import { wasmBytes } from "../wasm/compile.ts";
import { F64, I32, type Imported, type Module } from "../wasm/emitter.ts";
import { isDouble } from "./levels.ts";
import { math } from "./math.ts";
import type { FunctionScope } from "./machine.ts";
import { Nest } from "./nest.ts";
import { scalarMachine } from "./scalar.ts";
import { vectorMachine } from "./vector.ts";

export interface TranslateOptions {
  /** Whether the memory is shared. */
  readonly shared: boolean;
  /** Whether fused multiply-adds may be used (`relaxedSimd()`). */
  readonly relaxed: boolean;
}

/**
 * Runs begin…end of loop 0: `args` is the byte address of the launch's argument words (`layout` of the kernel language,
 * whose first two are not read). Where loop 0 is not reduced, ranges of it may run at the same time.
 */
export type KernelRun = (args: number, begin: number, end: number) => void;

/**
 * Adds `run(args, begin, end)` to a module, which imports the memory `e.m` (with a maximum) and what the kernel calls
 * of `math`, by name (kernels in f64 do, and what is `masked`).
 */
export function writeKernel(m: Module, kernel: Kernel, relaxed: boolean): void {
  const imports = new Map<Fn, Imported<typeof F64>>();
  for (const name of mathOf(kernel))
    imports.set(
      name,
      m.import(
        name,
        Array.from({ length: math[name].length }, () => F64),
        F64,
      ),
    );
  const f = m.func("run", [I32, I32, I32]);
  const rest: Pick<FunctionScope, "relaxed" | "call"> = {
    relaxed,
    call: (name, args) => imports.get(name)!.call(...args),
  };
  const nest = isDouble(kernel) ? new Nest(kernel, f, scalarMachine, rest) : new Nest(kernel, f, vectorMachine, rest);
  nest.write();
}

/** The kernel as a module of its own. */
export const translate = (kernel: Kernel, { shared, relaxed }: TranslateOptions): Uint8Array<ArrayBuffer> =>
  wasmBytes(shared, (m) => writeKernel(m, kernel, relaxed));

/** A module on this memory: its exports, in their order. */
export const link = (
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Record<string, (...args: number[]) => number> =>
  new WebAssembly.Instance(module, { e: { m: memory, ...math } }).exports as ReturnType<typeof link>;

/** The kernel as a function on this memory. */
export const instantiate = (kernel: Kernel, memory: WebAssembly.Memory, options: TranslateOptions): KernelRun =>
  link(new WebAssembly.Module(translate(kernel, options)), memory)["run"]!;

const isMath = (fn: Fn): fn is keyof typeof math => fn in math;

/** What the kernel calls of JavaScript. */
function mathOf(kernel: Kernel): Set<keyof typeof math> {
  const names = new Set<keyof typeof math>();
  for (const c of kernel.code) if (c.kind === "apply" && isMath(c.fn)) names.add(c.fn);
  return names;
}
