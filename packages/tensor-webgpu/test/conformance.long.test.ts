// The law for every backend, on this one, merged, on tensors, on one kind of view per sample (WEFT_LONG=1: on each), and
// with fallbacks. There are no known gaps.
import { conformance } from "@weft/conformance";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

const views = process.env["WEFT_LONG"] === "1" ? "each" : "one";
for (const { name, run } of conformance("tensor-webgpu", open, { settings: { merged: {} }, views }))
  onDevice(name, run);
