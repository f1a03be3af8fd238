// The law for every backend, on this one: merged and with every operation by itself.
import { conformance } from "@weft/conformance";
import { test } from "vitest";
import { open } from "../src/index.node.ts";

const settings = { merged: {}, unmerged: { fuse: false } };
for (const { name, run } of conformance("tensor-webgpu", open, { settings })) test(name, run);
