// The page that shows how it works shows what there is: its plans are the planner's, and its WGSL is what the WebGPU
// backend makes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { showPlan } from "@weft/kernel";
import { add, mul, relu } from "@weft/tensor";
import { open } from "@weft/tensor-webgpu";
import { expect, test } from "vitest";
import { planOf } from "../../kernel/test/planned.ts";
import { ownDevice } from "../../tensor-webgpu/test/device.ts";

const page = readFileSync(join(import.meta.dirname, "../pages/guides/how-it-works.md"), "utf8");
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)\n\`\`\``, "gm"))].map(([, text]) => text!);

test("its plans are those of the planner", () => {
  const plans = blocks("text").filter((text) => text.startsWith("level"));
  expect(plans).toEqual([
    showPlan(planOf((leaf) => add(leaf(5), leaf(5)))),
    showPlan(planOf((leaf) => relu(add(mul(leaf(5), 2), leaf(5))))),
  ]);
});

const noDriver = process.env["WEFT_NO_DRIVER"];
test.skipIf(noDriver !== undefined)("its WGSL is that of the WebGPU backend", async () => {
  const device = await ownDevice();
  const programs: string[] = [];
  const make = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    programs.push(descriptor.code);
    return make(descriptor);
  };
  const { tensor } = await open({ device });
  await add(tensor([1, 2, 3, 4, 5]), tensor([5, 4, 3, 2, 1])).data();
  device.destroy();
  expect(programs).toHaveLength(1);
  expect(programs[0]).toContain(blocks("wgsl")[0]);
});
