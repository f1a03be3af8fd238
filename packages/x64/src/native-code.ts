// Machine code for kernels: compiled for the vectors of this processor, kept in the memory of the process.
import { BoundedCache } from "@weft/kernel";
import type { NativeCode, NativeModule } from "@weft/kernel/machine";
import { compile } from "./compiler/compile.ts";
import { X64Module } from "./compiler/statements.ts";
import { machines } from "./machines.ts";
import { callerCode, callerIn, openCodeMemory, type CodeMemory, type Routine } from "./memory/code-memory.ts";
import { koffiAt } from "./memory/system.ts";
import { readProcessor, type Processor } from "./processor.ts";
import type { Refusal } from "./refusal.ts";
import { trial } from "./trial.ts";

/** How many modules are kept. What uses one holds it. */
const MOST_MODULES = 4096;

/** The memory for code of this process, and its processor. */
interface Here {
  readonly memory: CodeMemory;
  readonly processor: Processor;
  readonly caller: Routine;
}
let here: Here | Refusal | undefined;

function find(): Here | Refusal {
  const memory = openCodeMemory();
  if ("reason" in memory) return memory;
  const processor = readProcessor(memory);
  if ("reason" in processor) return processor;
  const caller = memory.add(callerCode());
  return "reason" in caller ? caller : { memory, processor, caller };
}

class Compiled implements NativeModule {
  readonly entries: readonly string[];
  readonly #routine: Routine;

  constructor(routine: Routine, entries: readonly string[]) {
    this.#routine = routine;
    this.entries = entries;
  }
  get address(): number {
    return this.#routine.address;
  }
}

/** Machine code for the widest vectors that this processor has, or for those that are named; or why there is none. */
export function nativeCode(vectors?: keyof typeof machines): NativeCode | Refusal {
  here ??= find();
  if ("reason" in here) return here;
  const { memory, processor, caller } = here;
  const wanted = vectors === undefined ? Object.values(machines) : [machines[vectors]];
  const found = wanted.find(({ target }) => target.needs.every((feature) => processor.features.has(feature)));
  if (found === undefined) {
    const { name, needs } = wanted.at(-1)!.target;
    const missing = needs.filter((feature) => !processor.features.has(feature));
    return { reason: `${name} needs ${missing.join(", ")}, which this processor or its system lacks` };
  }
  const { target, machine } = found;
  const modules = new BoundedCache<string, NativeModule>(MOST_MODULES);
  const { platform } = (globalThis as unknown as { readonly process: { readonly platform: string } }).process;
  const koffi = koffiAt();
  const native: NativeCode = {
    machine,
    compile(name, write) {
      let compiled = modules.get(name);
      if (compiled === undefined) {
        const module = new X64Module();
        write(module, machine);
        const { code, entries } = compile(module, target);
        const routine = memory.add(code);
        if ("reason" in routine) throw new Error(`x64: ${routine.reason}`);
        compiled = new Compiled(routine, entries);
        modules.add(name, compiled);
      }
      return compiled;
    },
    addressOf: (view) => memory.addressOf(view),
    call: memory.callerOf(caller),
    callInWorker: `(${callerIn})(require(${JSON.stringify(koffi)}), ${caller.address}, ${JSON.stringify(platform)})`,
  };
  return trial(native) ?? native;
}
