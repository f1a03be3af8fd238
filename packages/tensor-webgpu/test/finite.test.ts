// `finite` on a backend that reads by promises.
import { exp, finite, log, mul, sum } from "@weft/tensor";
import { expect } from "vitest";
import { open } from "../src/index.node.ts";
import { describeOnDevice, onDevice } from "./device.ts";

describeOnDevice("finite", () => {
  onDevice("names the first operation that gave NaN or an infinity", async () => {
    const { tensor } = await open({});
    const f = (x: number) => sum(exp(mul(log(tensor([1, x])), 2)));
    expect(await (await finite(() => f(2))).item()).toBeCloseTo(5, 4);
    await expect(finite(() => f(-2))).rejects.toThrow("log: gave NaN or an infinity in 1 of 2 elements");
  });
});
