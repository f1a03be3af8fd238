// PyTorch's normalizations and attention, values and gradients.
import { golden } from "@weft/conformance";
import { goldenFunctions } from "../../nn/test/golden-functions.ts";
import { open } from "../src/index.node.ts";
import { describeOnDevice, onDevice } from "./device.ts";

describeOnDevice("PyTorch's normalizations and attention", () => {
  const files = ["norm", "norm-more"];
  for (const { name, run } of golden(() => open({}), { functions: goldenFunctions, files, known: true }))
    onDevice(name, run);
});
