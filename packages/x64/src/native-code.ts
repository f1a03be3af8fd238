// Machine code for kernels: compiled for the vectors of this processor, kept in the memory of the process.
import type { NativeCode, NativeModule, Refusal } from "@weft/kernel/machine";
import { compile } from "./compiler/compile.ts";
import { X64Module } from "./compiler/statements.ts";
import { machines } from "./machines.ts";
import { callerCode, callerIn, openCodeMemory, type CodeMemory, type Routine } from "./memory/code-memory.ts";
import { koffiAt } from "./memory/system.ts";
import { readProcessor } from "./processor.ts";
import { trial } from "./trial.ts";

/** Kinds of vectors, the widest first. */
type Vectors = keyof typeof machines;
const kinds = Object.keys(machines) as Vectors[];

/** Finds the code for vectors of a kind; without one, for the widest that this processor has and that pass their trial. */
type Codes = (vectors?: Vectors) => NativeCode | Refusal;

let codes: Codes | Refusal | undefined;

/**
 * Machine code for the widest vectors that this processor has, or for those that are named; or why there is none. Where
 * code for the widest ones fails its trial, it is for narrower ones, and `refused` says why.
 */
export function nativeCode(vectors?: Vectors): NativeCode | Refusal {
  codes ??= openCodes();
  return "reason" in codes ? codes : codes(vectors);
}

function openCodes(): Codes | Refusal {
  const memory = openCodeMemory();
  return "reason" in memory ? memory : codesIn(memory);
}

/** Code in a memory, for the processor that runs this. */
export function codesIn(memory: CodeMemory): Codes | Refusal {
  const processor = readProcessor(memory);
  if ("reason" in processor) return processor;
  const caller = memory.add(callerCode());
  if ("reason" in caller) return caller;
  const refused = memory.seal();
  if (refused !== undefined) return refused;
  const known = new Map<Vectors, NativeCode | Refusal>();
  const missing = (kind: Vectors) => machines[kind].target.needs.filter((feature) => !processor.features.has(feature));
  const codeOf = (kind: Vectors): NativeCode | Refusal => {
    const lacks = missing(kind);
    if (lacks.length > 0)
      return {
        reason: `${machines[kind].target.name} needs ${lacks.join(", ")}, which this processor or its system lacks`,
      };
    let code = known.get(kind);
    if (code === undefined) known.set(kind, (code = codeFor(machines[kind], memory, caller)));
    return code;
  };
  const findWidest = (): NativeCode | Refusal => {
    const there = kinds.filter((kind) => missing(kind).length === 0);
    if (there.length === 0) return codeOf(kinds.at(-1)!);
    const reasons: string[] = [];
    for (const kind of there) {
      const code = codeOf(kind);
      if (!("reason" in code)) return reasons.length === 0 ? code : { ...code, refused: reasons.join("; ") };
      reasons.push(code.reason);
    }
    return { reason: reasons.join("; ") };
  };
  let widest: NativeCode | Refusal | undefined;
  return (vectors) => (vectors === undefined ? (widest ??= findWidest()) : codeOf(vectors));
}

/** What is compiled stays for as long as the process, since threads may run it: some 4 kB a module. */
const MOST_MODULES = 8192;

function codeFor({ target, machine }: (typeof machines)[Vectors], memory: CodeMemory, caller: Routine) {
  const modules = new Map<string, NativeModule & { readonly routine: Routine }>();
  const { platform } = (globalThis as unknown as { readonly process: { readonly platform: string } }).process;
  const koffi = koffiAt();
  const native: NativeCode = {
    machine,
    compile(name, write) {
      const known = modules.get(name);
      if (known !== undefined) return known;
      if (modules.size >= MOST_MODULES)
        return { reason: `${MOST_MODULES} modules are compiled, the most that one process keeps` };
      const module = new X64Module();
      write(module, machine);
      const { code, entries } = compile(module, target);
      const routine = memory.add(code);
      if ("reason" in routine) return routine;
      const refused = memory.seal();
      if (refused !== undefined) {
        routine.release();
        return refused;
      }
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
