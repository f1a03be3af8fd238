// Samples of the functions of `nn`, merged, on another kind of view than nn-samples.test.ts, and with fallbacks.
import { samplesOn } from "@weft/conformance";
import { collections } from "../../nn/test/samples.ts";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

const settings = { merged: {} };
for (const { name, run } of samplesOn("nn on tensor-webgpu", open, collections, { settings, views: "another" }))
  onDevice(name, run);
