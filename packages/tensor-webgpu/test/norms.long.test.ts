// PyTorch's normalizations and attention, values and gradients, and blocks of transformers that it saved.
import { golden } from "@weft/conformance";
import { expect } from "vitest";
import { goldenFunctions } from "../../nn/test/golden-functions.ts";
import { called, cases } from "../../nn/test/transformers.ts";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describeOnDevice, onDevice } from "./device.ts";

describeOnDevice("PyTorch's normalizations and attention", () => {
  const files = ["norm", "norm-more"];
  for (const { name, run } of golden(() => openWebGpu({}), { functions: goldenFunctions, files, known: true }))
    onDevice(name, run);
  for (const c of cases)
    onDevice(c.name, async () => {
      const { y } = called(await openWebGpu({}), c);
      expect([...(await y.data())]).toEqual(c.y.data.map((v) => expect.closeTo(v, 4)));
    });
});
