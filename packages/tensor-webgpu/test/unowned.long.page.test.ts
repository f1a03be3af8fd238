// A loop without a scope in a page: it stays within memory that a few of its steps would fill.
import { diff, keep, scope } from "@weft/autograd";
import { Linear, mse, seed } from "@weft/nn";
import { sgd } from "@weft/optim";
import { expect, test } from "vitest";
import { open } from "../src/index.ts";

test("diff and update by hand", async () => {
  const backend = await open({ memoryLimit: 1 << 22, seed: 1 });
  seed(1);
  const model = Linear(64, 128);
  const [x, y] = scope(() => keep([backend.randn([64, 64]), backend.randn([64, 128])] as const));
  const optimizer = sgd({ lr: 0.1 });
  const losses: number[] = [];
  for (let i = 0; i < 160; i++) {
    const tape = diff(() => mse(model(x), y));
    optimizer.update(tape);
    losses.push(await tape.value.item());
  }
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
  expect(backend.stats().reserved).toBeLessThanOrEqual(1 << 22);
  backend.destroy();
});
