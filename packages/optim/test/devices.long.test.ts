// New rules, and L-BFGS, on WebGPU, merged and unmerged.
import { param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { matmul, mean, square, sub, type Creation } from "@weft/tensor";
import { open } from "@weft/tensor-webgpu";
import { expect, test } from "vitest";
import { lbfgs } from "../src/index.ts";
import { compare, rules } from "./device-steps.ts";

const onDevice = test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined);

onDevice("L-BFGS on WebGPU", { timeout: 120_000 }, async () => {
  const values = async ({ tensor, randn }: Creation) => {
    const [w, x] = [param(tensor([[1], [-1]])), randn([8, 2], { seed: 1 })];
    const y = matmul(x, tensor([[2], [3]]));
    await lbfgs({ iterations: 4 }).update(() => mean(square(sub(matmul(x, w), y))));
    return [...((await w.value.data()) as Float32Array)];
  };
  const wanted = (await values(openSync({}))).map((a) => expect.closeTo(a, 4));
  expect(await values(await open({}))).toEqual(wanted);
  expect(await values(await open({ fuse: false }))).toEqual(wanted);
});

onDevice.each(Object.keys(rules))("%s on WebGPU", { timeout: 120_000 }, async (name) => {
  await compare(await open({}), rules[name]!);
  await compare(await open({ fuse: false }), rules[name]!);
});
