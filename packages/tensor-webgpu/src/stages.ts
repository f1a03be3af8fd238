// From a launch to its stages: kernels are translated, calls are written by hand, and the links of a chain are joined.
import type { Launch } from "@weft/kernel";
import type { Calls } from "./calls/call.ts";
import { stagesOfChain } from "./chain.ts";
import type { DeviceTraits } from "./forms/device-traits.ts";
import { stagesOfKernel } from "./forms/kernel.ts";
import { ofCall, type Staged } from "./forms/stage.ts";

export function stagesOf(launch: Launch, calls: Calls, machine: DeviceTraits): Staged {
  if (launch.kind === "kernel") return stagesOfKernel(launch, machine);
  if (launch.kind === "chain") return { stages: stagesOfChain(launch, calls, machine), workspace: 0 };
  const { op } = launch;
  const { stages, workspace } = calls.get(op)!.prepare(launch, machine);
  return { stages: stages.map((stage) => ofCall(op, stage, calls.foreign.has(op))), workspace };
}
