// A process that cannot tell what lives: it has no garbage collector to ask.
import type { Tensor } from "@weft/tensor";
import { expect, test, vi } from "vitest";

test("where nobody can tell what lives, as in a page, evicted values are not counted", async () => {
  vi.stubGlobal("process", { ...process, getBuiltinModule: undefined });
  try {
    const { openSync } = await import("../src/index.ts");
    const backend = openSync({ memoryLimit: 1 << 20 });
    const held: Tensor[] = [];
    for (let i = 0; i < 2000; i++) {
      held.push(backend.tensor(new Float32Array(2500).fill(i)).add(1));
      held.at(-1)!.dataSync();
    }
    held.forEach((x, i) => expect(x.dataSync()[2499]).toBe(i + 1));
  } finally {
    vi.unstubAllGlobals();
  }
});
