// PyTorch's values and gradients of the functions of `nn`; one case of every third where little is tested.
import { golden } from "@weft/conformance";
import { everything, halfOf } from "../../../test/extent.ts";
import { goldenFiles, goldenFunctions } from "../../nn/test/golden-functions.ts";
import { openWebGpu } from "../../../test/webgpu.ts";
import { onDevice } from "./device.ts";

const cases = golden(() => openWebGpu({}), { functions: goldenFunctions, files: goldenFiles, known: true });
const first = cases.filter(({ name }) => name.endsWith("#0"));
for (const { name, run } of everything ? halfOf(cases, 0) : first.filter((_, i) => i % 8 === 0)) onDevice(name, run);
