// The law for every backend, on this one, merged, on tensors and on another kind of view than conformance.test.ts, and
// with fallbacks. There are no known gaps.
import { conformance } from "@weft/conformance";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

for (const { name, run } of conformance("tensor-webgpu", open, { settings: { merged: {} }, views: "another" }))
  onDevice(name, run);
