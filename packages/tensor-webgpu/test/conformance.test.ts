// The law for every backend, on this one: merged; and with every operation by itself, without the checks of WebGPU. There are
// no known gaps.
import { conformance } from "@weft/conformance";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

const settings = { merged: {}, unmerged: { fuse: false, trusted: true } };
for (const { name, run } of conformance("tensor-webgpu", open, { settings, half: true })) onDevice(name, run);
