// The conformance suite in a page, on navigator.gpu, with PyTorch's values. There are no known gaps.
import { conformance } from "@weft/conformance";
import { open } from "@weft/tensor-webgpu";
import { test } from "vitest";

for (const { name, run } of conformance("tensor-webgpu in a page", open, { settings: { merged: {} }, views: "one" }))
  test(name, run);
