// The functions of this package on the CPU, as the law has it for those of `@weft/tensor`: values and gradients of both
// orders are the reference's, merged and unmerged, on views, in f64; and on the reference those of finite differences.
import { derivatives, samplesOn } from "@weft/conformance";
import { open } from "@weft/tensor-cpu";
import { test } from "vitest";
import { views } from "../../../test/extent.ts";
import { collections } from "./samples.ts";

const settings = { merged: {}, unmerged: { fuse: false } };
for (const { name, run } of samplesOn("nn on tensor-cpu", open, collections, { settings, views, double: true }))
  test(name, run);
for (const { name, run } of derivatives(collections)) test(name, run);
