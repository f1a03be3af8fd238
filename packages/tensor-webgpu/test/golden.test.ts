// PyTorch's values and gradients of the functions of `nn`.
import { golden } from "@weft/conformance";
import { goldenFiles, goldenFunctions } from "../../nn/test/golden-functions.ts";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

const cases = golden(() => open({}), { functions: goldenFunctions, files: goldenFiles, known: true });
for (const { name, run } of cases) onDevice(name, run);
