// The steps of a plan: kernels and calls, with where their arguments lie.
import { dtypeInfo, sizeOf } from "@weft/tensor/internals";
import { layout, type CallLaunch, type CallOperand, type KernelLaunch } from "@weft/kernel";
import type { Common, Prepared } from "./calls/call.ts";
import type { KernelRun } from "./translate/index.ts";

/** A kernel and the offset of its arguments in the block of its plan; loop 0 counts to `end`. */
export interface KernelStep {
  readonly launch: KernelLaunch;
  readonly run: KernelRun;
  /** Whether its code is WebAssembly, whatever the heap has. */
  readonly wasm: boolean;
  readonly args: number;
  readonly end: number;
}

export interface CallStep {
  readonly call: Prepared;
  /** Whether all of its code is WebAssembly, whatever the heap has. */
  readonly wasm: boolean;
  readonly launch: CallLaunch;
  /** Addresses, computed at each run. */
  readonly outs: [number, ...number[]];
  readonly inputs: number[];
  /** The offset in the block of the word for a wrong index; the call's tables follow it. */
  readonly fault: number;
  /** The offset, in the memory of its level, of what its `first` writes. */
  readonly first: number;
  /** How many units run before the epilogue does. */
  readonly stretch: number;
  /** The epilogue, and its steps of loop 0 for all units. */
  readonly after: (KernelStep & { readonly total: number }) | undefined;
}

export type Step = KernelStep | CallStep;

/** How often the body of a kernel runs. */
export const roundsOf = ({ kernel, words }: KernelLaunch): number => {
  let size = words[layout.end]!;
  for (let loop = 1; loop < kernel.rank; loop++) size *= words[layout.size(loop)]!;
  return size;
};

/** Bytes of a result that stay in the cache until its epilogue has run. */
const NEAR = 1 << 16;

/** How many units of a call run before its epilogue: whole steps of its first axis. */
export function stretchOf({ units, grain = 1 }: Prepared, { shape, dtype }: CallOperand): number {
  const step = units / shape[0]!;
  const near = (NEAR * units) / (sizeOf(shape) * dtypeInfo[dtype].bytes);
  return Math.ceil(Math.max(grain, near) / step) * step;
}

/** The addresses of operands in this run. */
function locate(into: number[], operands: readonly CallOperand[], address: Float64Array): void {
  for (let k = 0; k < into.length; k++) into[k] = address[operands[k]!.slot]! + operands[k]!.bytes;
}

/** Finds where the operands of a call lie, and what its ranges have in common; `first`: the address of what its `first` writes. */
export function located(step: CallStep, address: Float64Array, base: number, first: number): Common {
  locate(step.outs, step.launch.outs, address);
  locate(step.inputs, step.launch.inputs, address);
  const fault = base + step.fault;
  return { fault, tables: fault + 4, first };
}

/** Runs a step. `base`: the plan's block; `memory`: what `first` of its calls write. */
export function runStep(step: Step, address: Float64Array, base: number, memory: number, scratch: number): void {
  if ("end" in step) step.run(base + step.args, 0, step.end);
  else runCall(step, address, base, memory, scratch);
}

/** Runs a call, in stretches if it has an epilogue. */
function runCall(step: CallStep, address: Float64Array, base: number, memory: number, scratch: number): void {
  const { call, outs, inputs, stretch, after } = step;
  const common = located(step, address, base, memory + step.first);
  const { first, units } = call;
  first?.run([common.first], inputs, scratch, 0, first.units, common);
  for (let begin = 0; begin < units; begin += stretch) {
    const end = Math.min(begin + stretch, units);
    call.run(outs, inputs, scratch, begin, end, common);
    after?.run(base + after.args, (begin * after.total) / units, (end * after.total) / units);
  }
}
