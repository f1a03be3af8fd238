// Kernels as code for a machine: WebAssembly, or machine code of the processor.
import type { Fn, Kernel } from "@weft/kernel";
import { F64, I32, type Imported, type Machine, type Module, type WriteModule } from "../wasm/emitter.ts";
import { isDouble } from "./levels.ts";
import { math } from "./math.ts";
import type { FunctionScope } from "./machine.ts";
import { Nest } from "./nest.ts";
import { scalarMachine } from "./scalar.ts";
import { vectorMachine } from "./vector.ts";

/**
 * Runs begin…end of loop 0: `args` is the byte address of the launch's argument words (`layout` of the kernel language,
 * whose first two are not read). Where loop 0 is not reduced, ranges of it may run at the same time.
 */
export type KernelRun = (args: number, begin: number, end: number) => void;

/**
 * Adds `run(args, begin, end)` to a module, which imports the memory `e.m` (with a maximum) and what the kernel calls
 * of `math`, by name (kernels in f64 do, and what is `masked`).
 */
export function writeKernel(m: Module, kernel: Kernel, target: Machine): void {
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
  const rest: Pick<FunctionScope, "target" | "call"> = {
    target,
    call: (name, args) => imports.get(name)!.call(...args),
  };
  const nest = isDouble(kernel) ? new Nest(kernel, f, scalarMachine, rest) : new Nest(kernel, f, vectorMachine, rest);
  nest.write();
}

/** A module on this memory: its exports, in their order. */
export const link = (
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Record<string, (...args: number[]) => number> =>
  new WebAssembly.Instance(module, { e: { m: memory, ...math } }).exports as ReturnType<typeof link>;

/** What names the code of a kernel. */
export const nameOfKernel = ({ key }: Kernel): string => `kernel ${key}`;

/** Compiles functions on a memory; equal names stand for equal code. */
export interface Compiler {
  compile(name: string, write: WriteModule): Readonly<Record<string, (...args: number[]) => unknown>>;
}

/** The kernel as a function on a memory, written for its machine. */
export const instantiate = (kernel: Kernel, memory: Compiler): KernelRun =>
  memory.compile(nameOfKernel(kernel), (m, machine) => writeKernel(m, kernel, machine))["run"]!;

const isMath = (fn: Fn): fn is keyof typeof math => fn in math;

/** What the kernel calls of JavaScript. */
function mathOf(kernel: Kernel): Set<keyof typeof math> {
  const names = new Set<keyof typeof math>();
  for (const c of kernel.code) if (c.kind === "apply" && isMath(c.fn)) names.add(c.fn);
  return names;
}
