// Four threads on two cores, beside a process that takes one: many small steps end, with the bits of one thread, and none
// waits for a worker that has claimed nothing.
import { spawn } from "node:child_process";
import { diff, param, scope } from "@weft/autograd";
import { adam } from "@weft/optim";
import { matmul, mean, square, sub, tanh } from "@weft/tensor";
import { expect, test } from "vitest";
import { make } from "../src/open.ts";
import { EAGER, joined } from "./joined.ts";

/** Trains a small model for so many steps; gives its weights, and how long the longest step took, in ms. */
async function train(
  threads: number,
  steps: number,
): Promise<{ readonly weights: number[]; readonly longest: number }> {
  const b = await joined(make({ threads }, EAGER));
  b.seed(1);
  const before = b.stats();
  const [x, y] = [b.randn([24, 8]), b.randn([24, 6])];
  const w = param(b.randn([8, 6]));
  const rule = adam({ lr: 0.001 });
  let [longest, heap] = [0, 0];
  for (let i = 0; i < steps; i++) {
    const begun = performance.now();
    scope(() => rule.update(diff(() => mean(square(sub(tanh(matmul(x, w)), y))))));
    if (i % 100 === 0) w.value.dataSync();
    longest = Math.max(longest, performance.now() - begun);
    if (2 * i === steps) ({ heap } = b.stats());
  }
  expect(b.info().running).toBe(threads);
  // Beside a busy process others have time for few of the pieces, but for some.
  if (threads > 1) expect(b.stats().helped - before.helped).toBeGreaterThan(steps / 100);
  expect(b.stats().heap).toBeLessThan(2 * heap);
  return { weights: [...w.value.dataSync()], longest };
}

test("100,000 small steps beside a busy process", async () => {
  const busy = spawn(process.execPath, ["--eval", "for (;;);"], { stdio: "ignore" });
  try {
    const { weights, longest } = await train(4, 100_000);
    console.log(`the longest of 100,000 steps took ${longest.toFixed(1)} ms`);
    expect(weights).toEqual((await train(1, 100_000)).weights);
  } finally {
    busy.kill();
  }
});
