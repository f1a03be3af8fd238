// Training is repeatable: on either backend the same seed gives the same losses to the bit; merging does not show in them, and
// they are those of the float64 reference as far as single precision goes.
import { open as reference } from "@weft/conformance";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "./webgpu.ts";
import { describe, expect, test, vi } from "vitest";
import { longOn } from "./extent.ts";
import { convolutional, gated, mlp, recurrent, type Open } from "./losses.ts";

vi.setConfig({ testTimeout: 300_000 });

function expectClose(got: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((loss, step) => {
    const off = Math.abs(loss - wanted[step]!) / Math.max(1e-2, Math.abs(wanted[step]!));
    if (!(off <= tolerance)) expect.fail(`step ${step}: the loss is ${loss}, wanted ${wanted[step]}`);
  });
}

type Train = typeof mlp;
const models: readonly (readonly [string, Train])[] = [
  ["an MLP", mlp],
  ["a convolutional net", convolutional],
  ["a net with an LSTM", recurrent],
  ["a net with a GRU", gated],
];
type OpenWith = (options: { readonly seed: number; readonly fuse?: boolean }) => ReturnType<Open>;
const backends: readonly (readonly [string, OpenWith, boolean])[] = [
  ["the CPU", openCpu, true],
  ["WebGPU", openWebGpu, longOn("webgpu")],
];

for (const [name, open, here] of backends)
  describe.skipIf(!here).each(models)(`%s on ${name}`, (_, train) => {
    let first: Promise<number[]> | undefined;
    const losses = (): Promise<number[]> => (first ??= train(open));

    test("gives the same losses twice, to the bit", async () => {
      const found = await losses();
      expect(found.at(-1)).toBeLessThan(found[0]!);
      expect(await train(open)).toEqual(found);
    });

    test("gives the same losses with every operation by itself", async () => {
      expectClose(await train((options) => open({ ...options, fuse: false })), await losses(), 1e-5);
    });

    test("gives the losses of the reference", async () => {
      expectClose(await losses(), await train((options) => reference(options)), 1e-4);
    });
  });
