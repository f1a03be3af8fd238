// The report of the language model over characters, on texts that have not the letters of the poem.
import { seed } from "@weft/nn";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { learner } from "../src/programs/charlm.ts";

test.each([
  ["a", "a"],
  ["abc", "abcabc"],
])("a text of %s begins its report with some of it", async (characters, beginning) => {
  const backend = await open({});
  seed(1);
  const length = 128 * 101;
  const data = Int32Array.from({ length }, (_, i) => i % characters.length);
  const text = { characters: [...characters], ids: { data, shape: [length], dtype: "i32" as const } };
  const [section] = await learner(text, { backend, options: {} }).sections!();
  expect(section!.body).toContain(`<pre class="text">${beginning}`);
});
