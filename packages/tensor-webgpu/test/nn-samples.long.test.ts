// Samples of the functions and layers of `nn`, merged, on another kind of view than nn-samples.test.ts (WEFT_LONG=1:
// on each), and with fallbacks.
import { samplesOn } from "@weft/conformance";
import { collections, layers } from "../../nn/test/samples.ts";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

const all = [...collections, ...layers];
const views = process.env["WEFT_LONG"] === "1" ? "each" : "another";
const settings = { merged: {} };
for (const { name, run } of samplesOn("nn on tensor-webgpu", open, all, { settings, views })) onDevice(name, run);
