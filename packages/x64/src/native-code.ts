// Machine code for kernels: compiled for the vectors of this processor, kept in the memory of the process.
import type { NativeCode, NativeModule, Refusal } from "@weft/kernel/machine";
import { compile } from "./compiler/compile.ts";
import { X64Module } from "./compiler/statements.ts";
import type { Target } from "./compiler/target.ts";
import { machines } from "./machines.ts";
import { callerCode, callerIn, openCodeMemory, type CodeMemory, type Routine } from "./memory/code-memory.ts";
import { koffiAt } from "./memory/system.ts";
import { readProcessor, type Processor } from "./processor.ts";
import { trial } from "./trial.ts";

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

/** What is compiled stays for as long as the process: threads may run it, and there are few names. */
const codes = new Map<Target, NativeCode | Refusal>();

/** Machine code for the widest vectors that this processor has, or for those that are named; or why there is none. */
export function nativeCode(vectors?: keyof typeof machines): NativeCode | Refusal {
  here ??= find();
  if ("reason" in here) return here;
  const { processor } = here;
  const wanted = vectors === undefined ? Object.values(machines) : [machines[vectors]];
  const found = wanted.find(({ target }) => target.needs.every((feature) => processor.features.has(feature)));
  if (found === undefined) {
    const { name, needs } = wanted.at(-1)!.target;
    const missing = needs.filter((feature) => !processor.features.has(feature));
    return { reason: `${name} needs ${missing.join(", ")}, which this processor or its system lacks` };
  }
  const { target } = found;
  let code = codes.get(target);
  if (code === undefined) codes.set(target, (code = codeFor(found, here)));
  return code;
}

function codeFor({ target, machine }: (typeof machines)[keyof typeof machines], { memory, caller }: Here) {
  const modules = new Map<string, NativeModule & { readonly routine: Routine }>();
  const { platform } = (globalThis as unknown as { readonly process: { readonly platform: string } }).process;
  const koffi = koffiAt();
  const native: NativeCode = {
    machine,
    compile(name, write) {
      const known = modules.get(name);
      if (known !== undefined) return known;
      const module = new X64Module();
      write(module, machine);
      const { code, entries } = compile(module, target);
      const routine = memory.add(code);
      if ("reason" in routine) throw new Error(`x64: ${routine.reason}`);
      const compiled = { entries, address: routine.address, routine };
      modules.set(name, compiled);
      return compiled;
    },
    addressOf: (view) => memory.addressOf(view),
    call: memory.callerOf(caller),
    callInWorker: `(${callerIn})(require(${JSON.stringify(koffi)}), ${caller.address}, ${JSON.stringify(platform)})`,
  };
  return trial(native) ?? native;
}
