// Which kernels are machine code of the processor where there is any. WebAssembly has them all.
import type { Kernel } from "@weft/kernel";
import { dtypeInfo } from "@weft/tensor/internals";
import type { CallMemory } from "../calls/call.ts";
import { isDouble } from "./levels.ts";
import { hasLanes } from "./vector.ts";

/** Below so many elements a call of machine code takes longer than it saves. */
const FEW = 1024;

/**
 * Whether a kernel that has so many elements to do is machine code, where a memory has any. That is for numbers of 32
 * bits side by side, and for what needs no function of JavaScript's.
 */
export const fits = (kernel: Kernel, elements: number, memory: Pick<CallMemory, "machine">): boolean =>
  elements >= FEW && inLanes(kernel) && memory.machine.partial; // the machine last: to ask for it loads its package

const inLanes = (kernel: Kernel): boolean =>
  kernel.rank > 0 &&
  !isDouble(kernel) &&
  kernel.operands.every((o) => o.use === "index" || (o.step !== "stride" && dtypeInfo[o.dtype].bytes === 4)) &&
  kernel.code.every((c) => c.kind !== "apply" || hasLanes(c.fn, kernel.code[c.args.at(-1)!]!.type));
