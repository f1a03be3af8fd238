// For packages that bring a kernel of a fused operation: how to write one for this backend.
export type { FusedKernel } from "@weft/kernel";
export { kernel, prepared, type Call, type CallForm } from "./calls/call.ts";
export { epilogueOf } from "./forms/epilogue.ts";
export { stageOf, type Stage, type Staged, type StageForm, type StageOperand, type Words } from "./forms/stage.ts";
export type { DeviceTraits } from "./forms/device-traits.ts";
export { constant } from "./translate/scalar.ts";
