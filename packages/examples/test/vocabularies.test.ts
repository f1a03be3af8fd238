// What the numbers of a model stand for is kept with it, and data of which they are others is refused.
import { join } from "node:path";
import { vocabulary } from "@weft/data";
import { readMetadata } from "@weft/nn";
import { expect, test } from "vitest";
import { learner as reading } from "../src/programs/shakespeare.ts";
import { learner as tagging } from "../src/programs/pos.ts";
import { vocabulariesIn } from "../src/training/vocabularies.ts";
import { expectResumes, trained, type Start } from "./runs.ts";
import { classes, sentences } from "./tagged-sentences.ts";
import { smallText } from "./text.ts";

const sizes = { features: 8, layers: 1, hidden: 8, batchSize: 4, steps: 4 };
const start =
  (text: ReturnType<typeof smallText>): Start =>
  (backend) =>
    reading(text, sizes, { backend, epochs: 2 });
const text = smallText(20);

test("both files have them, with what stands for the unknown", async () => {
  const tagger: Start = (backend) =>
    tagging({ train: sentences, validation: sentences, classes }, { backend, seed: 1, kind: "mlp" }, [2, 8]);
  const { folder } = await trained(tagger, { steps: 1 });
  for (const name of ["model.safetensors", "training.safetensors"]) {
    const file = join(folder, name);
    const { words, tags } = vocabulariesIn(await readMetadata(file), file)!;
    expect(tags!.tokens).toEqual(classes);
    expect(words!.tokens).toEqual(
      vocabulary(
        sentences.map(({ words }) => words),
        { minCount: 2, unknown: "<unk>" },
      ).tokens,
    );
    expect([...words!.encode(["never seen"])]).toEqual([0]);
  }
});

test("a training goes on with its own text, and with no other", async () => {
  await expectResumes(start(text), 3, { steps: 6 });
  const { folder } = await trained(start(text), { steps: 3 });
  const file = join(folder, "training.safetensors");
  const onWith = (characters: readonly string[]) =>
    trained(start({ ...text, characters: [...characters] }), { steps: 6, folder, resume: true });
  const advice = "Go on with the data that it began with, or begin another training with --out <folder>.";
  const { length } = text.characters;
  await expect(onWith(text.characters.with(2, "%"))).rejects.toThrow(
    `${file} is of other data: number 2 of its characters is "${text.characters[2]}" of ${length}, and of the data here "%" of ${length}. ${advice}`,
  );
  await expect(onWith([...text.characters, "%"])).rejects.toThrow(
    `number ${length} of its characters is none of ${length}, and of the data here "%" of ${length + 1}.`,
  );
  const { taken } = await trained(start(text), { steps: 6, folder, resume: true });
  expect(taken).toBe(3);
});

test.each(["{", "null", '{ "words": ["a"] }', '{ "words": { "tokens": ["a", "a"] } }'])(
  "a file in which they are broken is refused: %s",
  (vocabularies) => {
    expect(() => vocabulariesIn({ vocabularies }, "model.safetensors")).toThrow(
      "model.safetensors: its vocabularies cannot be read. It was changed after it was saved.",
    );
  },
);

test("a file without any of them is refused by name", () => {
  const metadata = { vocabularies: JSON.stringify({ words: { tokens: [] } }) };
  expect(() => vocabulariesIn(metadata, "model.safetensors")).toThrow(
    "model.safetensors: its vocabularies cannot be read. It was changed after it was saved.",
  );
});
