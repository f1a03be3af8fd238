// The law for every backend, on this one, merged, on tensors, on another kind of view than conformance.test.ts
// (WEFT_LONG=1: on each), and with fallbacks. There are no known gaps.
import { conformance } from "@weft/conformance";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

const views = process.env["WEFT_LONG"] === "1" ? "each" : "another";
for (const { name, run } of conformance("tensor-webgpu", open, { settings: { merged: {} }, views }))
  onDevice(name, run);
