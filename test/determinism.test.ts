// Training is repeatable: the same seed gives the same losses to the bit; merging does not show in them, and they are those
// of the float64 reference as far as single precision goes.
import { open as reference } from "@weft/conformance";
import { open } from "@weft/tensor-cpu";
import { open as openWebGpu } from "@weft/tensor-webgpu";
import { describe, expect, test, vi } from "vitest";
import { convolutional, mlp, recurrent } from "./losses.ts";

vi.setConfig({ testTimeout: 120_000 });
const withoutDriver = process.env["WEFT_NO_DRIVER"] !== undefined;

function expectClose(got: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((loss, step) => {
    const off = Math.abs(loss - wanted[step]!) / Math.max(1e-2, Math.abs(wanted[step]!));
    if (!(off <= tolerance)) expect.fail(`step ${step}: the loss is ${loss}, wanted ${wanted[step]}`);
  });
}

describe.each([
  ["an MLP", mlp, 1e-4],
  ["a convolutional net", convolutional, 1e-4],
  ["a recurrent net", recurrent, 1e-4],
])("%s", (_, train, tolerance) => {
  test("gives the same losses twice, to the bit", async () => {
    const losses = await train();
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    expect(await train()).toEqual(losses);
  });

  test("gives the same losses with every operation by itself", async () => {
    expectClose(await train((options) => open({ ...options, fuse: false })), await train(), 1e-5);
  });

  test.skipIf(withoutDriver)("gives the same losses twice on WebGPU, to the bit, and those of the CPU", async () => {
    const onGpu = () => train((options) => openWebGpu(options));
    const losses = await onGpu();
    expect(await onGpu()).toEqual(losses);
    expectClose(losses, await train(), tolerance);
  });

  test("gives the losses of the reference", async () => {
    expectClose(await train(), await train((options) => reference(options)), tolerance);
  });
});
