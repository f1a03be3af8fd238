// The law for every backend, on this one, in full: merged, on tensors and on views, and with fallbacks. There are no
// known gaps.
import { conformance } from "@weft/conformance";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

for (const { name, run } of conformance("tensor-webgpu", open, { settings: { merged: {} } })) onDevice(name, run);
