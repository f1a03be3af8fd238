// What a saved model of text answers, from its folder alone: the data that it learned from is not needed.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseTree, vocabulary, vocabularyFrom, type Vocabulary } from "@weft/data";
import { load, readMetadata, save } from "@weft/nn";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { charlm } from "../src/programs/charlm.ts";
import { gpt } from "../src/programs/gpt.ts";
import { pos, learner as posLearner } from "../src/programs/pos.ts";
import { rnnlm, learner as rnnlmLearner } from "../src/programs/rnnlm.ts";
import { learner as reversing, seq2seq } from "../src/programs/seq2seq.ts";
import { tagger, learner as taggerLearner } from "../src/programs/tagger.ts";
import { learner as treennLearner, treenn } from "../src/programs/treenn.ts";
import type { Program, Setting } from "../src/training/program.ts";
import { vocabulariesIn } from "../src/training/vocabularies.ts";
import { trained, type Start } from "./runs.ts";
import { temporaryFolder, weft } from "./session.ts";
import { classes, sentences } from "./tagged-sentences.ts";
import { smallText } from "./text.ts";

/** A program that answers with the file of a training. */
async function answering(program: Program, folder: string, options: Setting["options"] = {}) {
  const file = join(folder, "model.safetensors");
  const all = vocabulariesIn(await readMetadata(file), file)!;
  const backend = await open({});
  const { model, answer } = program.answers!((name) => all[name]!, { backend, quick: false, options });
  await load(file, model);
  return answer;
}

const data = { train: sentences, validation: sentences.slice(0, 2), classes };
const sentence = "then Ann said that they live in Rome .";
const tagged = "then Ann/I-PER said that they live in Rome/I-LOC .";

test.each([false, true])("the tagger tags a sentence; with letters: %s", async (chars) => {
  const start: Start = (backend) => taggerLearner(data, { backend, seed: 1, limit: Infinity, chars });
  const { folder } = await trained(start, { epochs: 8 });
  const answer = await answering(tagger, folder, chars ? { chars: true } : {});
  expect(await answer(sentence)).toBe(tagged);
});

test("the tagger of blocks, too, whichever network it is", async () => {
  const many = { ...data, train: Array.from({ length: 12 }, () => sentences).flat(), validation: sentences };
  const start: Start = (backend) => posLearner(many, { backend, seed: 1, kind: "birnn" }, [4, 8]);
  const { folder } = await trained(start, { epochs: 3 });
  expect(await (await answering(pos, folder))(sentence)).toBe(tagged);
  await expect(answering(pos, folder, { kind: "mlp" })).rejects.toThrow("the names are not those of the model");
});

test("the language model of words goes on with a sentence", async () => {
  const words = ["<eos>", "the", "cat", "sleeps", "<unk>"];
  const ids = (text: string) => Int32Array.from([...text.split(" "), "<eos>"], (word) => words.indexOf(word));
  const text = { data: new Int32Array(), shape: [0], dtype: "i32" } as const;
  const train = { words: text, sentences: Array.from({ length: 8 }, () => ids("the cat sleeps")) };
  const start: Start = (backend) =>
    rnnlmLearner(
      { train, validation: train, test: train, vocabulary: words },
      { backend, seed: 1, limit: Infinity, epochs: 40, batchSize: 2 },
    );
  const { folder } = await trained(start, { epochs: 40 });
  const answer = await answering(rnnlm, folder);
  expect(await answer("The cat")).toBe("the cat sleeps.");
  expect(await answer("Zoe the")).toMatch(/^<unk> the/);
});

test("the tree network judges a tree in brackets, or words", async () => {
  const [good, bad] = ["(4 (4 great) (2 film))", "(0 (0 awful) (2 film))"].map((text) => parseTree(text, { label: Number })); // oxfmt-ignore
  const trees = Array.from({ length: 10 }, () => [good!, bad!]).flat();
  const names = ["very negative", "negative", "neutral", "positive", "very positive"];
  const bank = { train: trees, validation: trees, test: trees, classes: names, vocabulary: ["great", "awful", "film"] };
  const start: Start = (backend) => treennLearner(bank, { backend, seed: 1, limit: Infinity, epochs: 4 });
  const { folder } = await trained(start, { epochs: 4 });
  const answer = await answering(treenn, folder);
  const tree = await answer("(S (JJ great) (NN film))");
  expect(tree).toMatch(/^very positive \(\d+\.\d\d%\)$/);
  expect(await answer("great film")).toBe(tree.replace(")", ", as a tree that branches to the right)"));
  expect(await answer("awful film")).toMatch(/^very negative/);
  expect(await answer("great film film")).toMatch(/^\w/);
  await expect(answer("(1 (2 great) (2 film) (2 film))")).rejects.toThrow('the phrase "great film film" has 3 parts');
  await expect(answer("(1 (2 great)")).rejects.toThrow("the brackets cannot be read: expected )");
});

test("words are written backwards", async () => {
  const list = ["ab", "ba", "aa", "bc", "cb", "ca", "ac", "bb", "cc", "ad"];
  const start: Start = (backend) => reversing(list, { backend, seed: 1, batchSize: 4, batches: 150, epochs: 1 });
  const { folder } = await trained(start, { epochs: 1 });
  const answer = await answering(seq2seq, folder);
  expect(await answer("bc cb aa")).toBe("cb bc aa");
  await expect(answer("ab a,b")).rejects.toThrow('the model does not know ",": it reads ');
});

test.each(Object.entries({ charlm, gpt }))("%s writes on", { timeout: 60_000 }, async (_, program) => {
  const known: Vocabulary = vocabulary("the queen sees a king\n");
  const { answer } = program.answers!(() => known, { backend: await open({}), quick: true, options: {} });
  const text = await answer("the k");
  expect(text).toMatch(/^the k[the qunsakig\n]{600}$/);
  await expect(answer("a fox")).rejects.toThrow('the model does not know "f": it reads');
});

test(
  "weft predict --text asks the model in a folder, and says what it cannot be asked",
  { timeout: 120_000 },
  async () => {
    const [texts, folder] = [temporaryFolder(), temporaryFolder()];
    mkdirSync(join(texts, "plays"));
    writeFileSync(join(texts, "plays", "one.txt"), smallText(2500).text);
    const train = ["train", "shakespeare", "--text", texts, "--quick", "--steps", "2", "--out", folder];
    const { out } = await weft(...train);
    expect(out).toContain(`(weft predict ${folder} --text "…")`);
    const asked = (...words: string[]) => weft("predict", folder, ...words);
    const first = await asked("--text", "the queen ");
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toMatch(/^the queen .{600}$/s);
    expect(await asked("--text", "the queen ")).toEqual(first);
    const file = join(folder, "model.safetensors");
    expect((await asked()).err).toBe(`weft: ${file}: the file holds the model shakespeare: ask it with --text "…".`);
    expect((await asked("--text", " ")).err).toBe('weft: --text is " ", wanted some words.');
    expect((await asked("--text", "a", "3")).err).toBe(
      "weft: --text asks a model of text: leave out --model, --data and the numbers of pictures.",
    );
    const metadata = await readMetadata(file);
    const { answer: _, model } = charlm.answers!(() => vocabularyFrom({ tokens: ["a"] }), { backend: await open({}), quick: false, options: {} }); // oxfmt-ignore
    await save(file, model, { ...metadata, vocabularies: "{}" });
    expect((await asked("--text", "a")).err).toBe(
      `weft: ${file}: the file does not say what its characters are: train it anew.`,
    );
    await save(file, model, { weft: "lenet" });
    expect((await asked("--text", "a")).err).toBe(
      `weft: ${file}: the file holds the model lenet; a text is for charlm, gru, gpt, shakespeare, seq2seq, treenn, tagger, rnnlm, pos.`,
    );
    // The texts that it goes on with must have the same characters.
    await weft(...train, "--overwrite");
    writeFileSync(join(texts, "two.txt"), "é");
    expect((await weft("train", "--resume", folder, "--steps", "3")).err).toMatch(
      /^weft: .*training\.safetensors is of other data: number \d+ of its characters is .* of \d+, and of the data here .*\.$/,
    );
  },
);
