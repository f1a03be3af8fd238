// Four threads on two cores, beside a process that takes one: many small steps end, with the bits of one thread, and none
// waits for a worker that has claimed nothing.
import { spawn } from "node:child_process";
import { diff, param, scope } from "@weft/autograd";
import { adam } from "@weft/optim";
import { matmul, mean, square, sub, tanh } from "@weft/tensor";
import { expect, test } from "vitest";
import { make } from "../src/open.ts";

/** Trains a small model for so many steps; gives its weights, and how long the longest step took, in ms. */
function train(threads: number, steps: number): { readonly weights: number[]; readonly longest: number } {
  const b = make({ threads, seed: 1 }, 1e9);
  const [x, y] = [b.randn([24, 8]), b.randn([24, 6])];
  const w = param(b.randn([8, 6]));
  const rule = adam({ lr: 0.001 });
  let longest = 0;
  for (let i = 0; i < steps; i++) {
    const begun = performance.now();
    scope(() => rule.update(diff(() => mean(square(sub(tanh(matmul(x, w)), y))))));
    if (i % 100 === 0) w.value.dataSync();
    longest = Math.max(longest, performance.now() - begun);
  }
  if (threads > 1) expect(b.info().running).toBeGreaterThan(1);
  return { weights: [...w.value.dataSync()], longest };
}

test("100,000 small steps beside a busy process", () => {
  const busy = spawn(process.execPath, ["--eval", "for (;;);"], { stdio: "ignore" });
  try {
    const { weights, longest } = train(4, 100_000);
    console.log(`the longest of 100,000 steps took ${longest.toFixed(1)} ms`);
    expect(weights).toEqual(train(1, 100_000).weights);
  } finally {
    busy.kill();
  }
});
