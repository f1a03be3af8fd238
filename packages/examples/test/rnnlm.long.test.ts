// The language model over words on small sentences: padding counts nothing, it learns, and resumes.
import { expect, test } from "vitest";
import { learner } from "../src/programs/rnnlm.ts";
import { lstm, plus, surprise, times } from "./plain.ts";
import { expectResumes, firstWeights, lastMean, reportOn, trained, type Start } from "./runs.ts";

const vocabulary = ["<eos>", "the", "cat", "dog", "sleeps", "eats", "and", "again", "<unk>"];
const texts = [
  "the cat sleeps",
  "the dog eats",
  "the cat sleeps and sleeps again",
  "the dog eats and eats again",
  "again the cat sleeps",
  "again the dog eats and the cat sleeps",
  "the dog eats again and again and again",
];
const sentences = texts.map((text) =>
  Int32Array.from([...text.split(" "), "<eos>"], (word) => vocabulary.indexOf(word)),
);
const all = { words: { data: new Int32Array(), shape: [0], dtype: "i32" }, sentences } as const;
const start =
  (train = sentences, size = 2): Start =>
  (backend) =>
    learner(
      {
        train: { ...all, sentences: train },
        validation: all,
        test: { ...all, sentences: sentences.slice(1) },
        vocabulary,
      },
      { backend, seed: 1, limit: Infinity, epochs: 30, batchSize: size },
    );

test("learns what comes next, and writes sentences", async () => {
  const run = await trained(start(), { epochs: 30 });
  expect(run.losses).toHaveLength(4 * 30);
  const { nllPerWord, perplexity } = run.result as { nllPerWord: number; perplexity: number };
  expect(nllPerWord).toBeLessThan(0.8);
  expect(perplexity / Math.exp(nllPerWord)).toBeCloseTo(1, 6);
  expect(run.result!["testPerplexity"]! / Math.exp(run.result!["testNllPerWord"]!)).toBeCloseTo(1, 6);
  expect(run.result!["testNllPerWord"]).not.toBe(nllPerWord);
  const tested = run.record.evaluations.map(({ values }) => "testNllPerWord" in values);
  expect(tested).toEqual(Array.from({ length: 30 }, (_, i) => i === 29)); // once, at the end
  expect(lastMean(run.losses, 4)).toBeLessThan(run.losses[0]! / 2);
  const written = /<pre class="text">([^<]*)<\/pre>/.exec(await reportOn(run))![1]!.split("\n");
  expect(written).toHaveLength(12);
  for (const line of written) for (const word of line.replace(/\.$/, "").split(" ")) expect(vocabulary).toContain(word);
});

test("resumes to the same bits", () => expectResumes(start(), 6, { epochs: 3 }));

test("the loss is the sum over the words of all sentences of a batch, in float64", async () => {
  const together = start(sentences, sentences.length);
  const w = await firstWeights(together);
  const [embed, output, bias] = [w("embed.weight"), w("output.weight"), w("output.bias")[0]!];
  const one = (words: Int32Array): number => {
    const read = [0, ...words.subarray(0, -1)].map((id) => embed[id]!);
    const states = lstm(read, w("lstm.weight_ih_l0"), w("lstm.weight_hh_l0"), w("lstm.bias_ih_l0")[0]!);
    return states.reduce((sum, h, at) => sum + surprise(plus(times(output, h), bias), words[at]!), 0);
  };
  const wanted = sentences.reduce((sum, words) => sum + one(words), 0);
  const { losses } = await trained(together, { epochs: 1 });
  expect(losses).toHaveLength(1);
  expect(Math.abs(losses[0]! / wanted - 1)).toBeLessThan(1e-6);
});
