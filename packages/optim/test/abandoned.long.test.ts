// Optimizers, models and their states that a program no longer refers to: their memory is found in time, in programs
// that read values and in those that never do.
import { diff, scope } from "@weft/autograd";
import { Linear, mse, place } from "@weft/nn";
import type { Backend, Creation } from "@weft/tensor";
import * as cpu from "@weft/tensor-cpu";
import * as webgpu from "@weft/tensor-webgpu";
import { describe, expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import { adam } from "../src/index.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const memoryLimit = 2 ** 25;

const backends: Record<string, () => Promise<Backend & Creation & { stats(): { bytes: number } }>> = {
  CPU: () => cpu.open({ memoryLimit }),
  ...(longOn("webgpu") && { WebGPU: () => webgpu.open({ memoryLimit }) }),
};

describe.each(Object.entries(backends))("on the %s", (_, open) => {
  test.each(["reads its losses", "reads nothing"])("memory stays bounded in a loop that %s", async (kind) => {
    const backend = await open();
    const model = Linear(400, 400); // 0.6 MB, and the states of an optimizer are 1.3 MB
    await place(model, backend);
    const x = backend.ones([2, 400]);
    for (let i = 0; i < 40; i++) {
      const optimizer = adam();
      const loss = scope(() => {
        const tape = diff(() => mse(model(x), x));
        optimizer.update(tape);
        return tape.value;
      });
      if (kind === "reads nothing") await turn();
      else expect(await loss.item()).toBeGreaterThan(0);
      loss.release();
      expect(backend.stats().bytes).toBeLessThan(memoryLimit);
    }
  });
});
