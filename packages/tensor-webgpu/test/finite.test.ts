// `finite` on a backend that reads by promises.
import { exp, finite, log, mul, softmax, sum, where } from "@weft/tensor";
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

  onDevice("lets a mask of infinities pass, and finds NaN that is made of one", async () => {
    const { tensor } = await open({});
    const f = (mask: boolean[]) => softmax(where(tensor(mask), tensor([1, 2]), -Infinity));
    expect(await (await finite(() => f([true, false]))).array()).toEqual([1, 0]);
    await expect(finite(() => f([false, false]))).rejects.toThrow("softmax: gave NaN in 2 of 2 elements");
  });
});
