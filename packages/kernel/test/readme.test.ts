// The example of the package's README: its program has the plan that stands there.
import { readFileSync } from "node:fs";
import { add, matmul, mul, relu, sub, sum, transpose, type Tensor } from "@weft/tensor";
import { showPlan } from "@weft/kernel";
import { expect, test } from "vitest";
import { planOf, type Program } from "./planned.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const block = (language: string): string => new RegExp(`^\`\`\`${language}\n([^]*?)\n\`\`\``, "m").exec(readme)![1]!;

test("the plan in the README is that of the program in the README", () => {
  const functions = { add, matmul, mul, relu, sub, sum, transpose };
  const inputs = ["x", "w1", "b1", "w2", "target"];
  const program = new Function(...Object.keys(functions), ...inputs, `${block("ts")}\nreturn loss;`);
  const given: Program = (leaf) =>
    program(...Object.values(functions), leaf(4, 3), leaf(3, 8), leaf(8), leaf(2, 8), leaf(4, 2)) as Tensor;
  const plan = planOf(given, { traits: { matmul: { epilogue: true, accepts: () => true } } });
  expect(showPlan(plan)).toBe(block("text"));
});
