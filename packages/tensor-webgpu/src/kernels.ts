// For packages that bring a kernel of a fused operation: how one is written for this backend.
export {
  kernel,
  prepared,
  stage,
  type Call,
  type CallText,
  type StageOperand,
  type StageText,
  type Words,
} from "./calls/call.ts";
export type { DeviceTraits, Stage, Staged } from "./forms/stage.ts";
export { constant } from "./translate/scalar.ts";
