// New rules on the CPU, merged and unmerged, and how many launches their steps take.
import { scope } from "@weft/autograd";
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { compare, problem, rules } from "./device-steps.ts";

const names = Object.keys(rules);

test.each(names)("%s on the CPU, merged and unmerged", async (name) => {
  await compare(openSync({}), rules[name]!);
  await compare(openSync({ fuse: false }), rules[name]!);
});

/** Of muon, 15 are products: each of five iterations has three. */
const launches: Record<string, number> = { AMSGrad: 1, lion: 1, adafactor: 14, muon: 19 };
test.each(Object.keys(launches))("a step of %s on a matrix is few launches", (name) => {
  const backend = openSync({});
  const [rule, { all, gradients }] = [rules[name]!(), problem(backend)];
  const step = (k: number) => {
    scope(() => rule.apply(gradients(k).slice(0, 1)));
    all[0]!.value.dataSync();
  };
  step(1);
  step(2);
  const before = backend.stats();
  step(3);
  expect(backend.stats().launches - before.launches).toBeLessThanOrEqual(launches[name]!);
  expect(backend.stats().plans).toBe(before.plans);
});
