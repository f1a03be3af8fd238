// The conformance suite in a page, on navigator.gpu, with PyTorch's values. There are no known gaps. The page runs the
// same backend that Node runs whole (conformance.long.test.ts), so it takes every twentieth case: each takes the software
// driver .5 s to compile.
import { conformance } from "@weft/conformance";
import { open } from "@weft/tensor-webgpu";
import { test } from "vitest";

const cases = conformance("tensor-webgpu in a page", open, { settings: { merged: {} }, views: "one" });
for (const { name, run } of cases.filter((_, i) => i % 20 === 0)) test(name, run);
