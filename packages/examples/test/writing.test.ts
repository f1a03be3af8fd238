// Text that models go on with: a beginning is read at once, and each text begins anew.
import { seed } from "@weft/nn";
import { slice, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { GPT } from "../src/models/gpt.ts";
import { LanguageModel } from "../src/models/language-model.ts";
import { byState, byWindows, draw, write, type Next } from "../src/text/writing.ts";

const backend = await open({ seed: 1 });
seed(1);
const characters = [..."\nabcd"];
const gpt = GPT(5, { layers: 1, heads: 2, features: 8, contextLength: 64, dropout: 0 });
const lstm = LanguageModel(5, { features: 4, hidden: 6, layers: 2 });

/** How many tokens each call of the models reads. */
let passes: number[] = [];
const writers: Readonly<Record<string, () => Next>> = {
  windows: byWindows((x: Tensor) => (passes.push(x.shape[1]!), gpt(x)), 64, backend),
  state: byState((x, state) => (passes.push(x.shape[0]!), lstm(x, state)), [2, 6], backend),
};

test.each([
  ["windows", [64, 64]],
  ["state", [45, 1]],
])("with %s, a beginning of 45 characters is read in one pass", async (name, wanted) => {
  passes = [];
  const first = "abcda".repeat(9);
  const told: string[] = [];
  const text = await write(writers[name]!, characters, { first, length: 2, told: (one) => told.push(one) });
  expect(passes).toEqual(wanted);
  expect(text).toHaveLength(47);
  expect(text.startsWith(first)).toBe(true);
  expect(told.join("")).toBe(text);
});

test.each(Object.keys(writers))("with %s, each text begins anew", async (name) => {
  const [one, other] = [await write(writers[name]!, characters, {}), await write(writers[name]!, characters, {})];
  expect(one).toHaveLength(601);
  expect(other).toBe(one);
});

test.each(Object.keys(writers))("with %s, what was read at once is what was read token by token", async (name) => {
  const tokens = [1, 2, 3, 4, 1, 0, 2];
  const [whole, parts] = [writers[name]!(), writers[name]!()];
  const wanted = await whole(tokens).data();
  let last: Tensor | undefined;
  for (const token of tokens) last = parts([token]);
  expect(last!.shape).toEqual([1, 5]);
  for (const [i, logit] of (await last!.data()).entries()) expect(logit).toBeCloseTo(Number(wanted[i]), 5);
});

test("a text ends with what ends it, but not within the beginning", async () => {
  const logits = backend.tensor([[0, 0, 1e4]]);
  const begin = (): Next => () => slice(logits, {});
  expect(await draw(begin, [2, 1, 2], { most: 10, end: 2, seed: 1 })).toEqual([2, 1, 2, 2]);
  expect(await draw(begin, [2, 1, 2], { most: 2, end: 2, seed: 1 })).toEqual([2, 1, 2]);
});
