// PyTorch's losses, values and gradients.
import { golden } from "@weft/conformance";
import { goldenFunctions } from "../../nn/test/golden-functions.ts";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describeOnDevice, onDevice } from "./device.ts";

describeOnDevice("PyTorch's losses", () => {
  const files = ["loss", "loss-more"];
  for (const { name, run } of golden(() => openWebGpu({}), { functions: goldenFunctions, files, known: true }))
    onDevice(name, run);
});
