// New rules on WebGPU, merged and unmerged.
import { open } from "@weft/tensor-webgpu";
import { test } from "vitest";
import { compare, rules } from "./device-steps.ts";

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined).each(Object.keys(rules))(
  "%s on WebGPU",
  { timeout: 120_000 },
  async (name) => {
    await compare(await open({}), rules[name]!);
    await compare(await open({ fuse: false }), rules[name]!);
  },
);
