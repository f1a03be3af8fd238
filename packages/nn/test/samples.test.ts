// The functions and layers of this package on the CPU, as the law has it for those of `@weft/tensor`: values and
// gradients of both orders are the reference's, merged and unmerged, on views, in the whole suite also in f64; and on
// the reference they are those of finite differences.
import { derivatives, samplesOn } from "@weft/conformance";
import { open } from "@weft/tensor-cpu";
import { test } from "vitest";
import { everything, views } from "../../../test/extent.ts";
import { collections, layers } from "./samples.ts";

const settings = { merged: {}, unmerged: { fuse: false } };
for (const { name, run } of samplesOn("nn on tensor-cpu", open, collections, { settings, views, double: everything }))
  test(name, run);
// The parameters of layers are f32.
for (const { name, run } of samplesOn("layers on tensor-cpu", open, layers, { settings, views })) test(name, run);
for (const { name, run } of derivatives([...collections, ...layers])) test(name, run);
