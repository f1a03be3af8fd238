// The report of a training that was killed after its end, before the report was written: a resumed model takes no step,
// and the report is the one that it would have been.
import { parseTree } from "@weft/data";
import { expect, test } from "vitest";
import type { Program } from "../src/training/program.ts";
import { learner as gpt } from "../src/programs/gpt.ts";
import { learner as gru } from "../src/programs/gru.ts";
import { learner as linreg } from "../src/programs/linreg.ts";
import { learner as pos } from "../src/programs/pos.ts";
import { learner as rnnlm } from "../src/programs/rnnlm.ts";
import { learner as seq2seq } from "../src/programs/seq2seq.ts";
import { learner as shakespeare } from "../src/programs/shakespeare.ts";
import { learner as tagger } from "../src/programs/tagger.ts";
import { learner as treenn } from "../src/programs/treenn.ts";
import { programs } from "../src/programs.ts";
import { reportOn, trained, type Start } from "./runs.ts";
import { classes, sentences } from "./tagged-sentences.ts";
import { smallText } from "./text.ts";

const epochs = 1;
const seed = 1;
const limit = Infinity;

/** A program that needs no data but the digits that are shipped. */
const shipped =
  (program: Program, options = {}): Start =>
  (backend) =>
    program.start({ backend, seed, epochs, data: "digits", limit: 200, quick: true, options });

const tree = parseTree("(3 (2 not) (1 (1 bad) (2 film)))", { label: Number });
const tagged = { train: sentences, validation: sentences, classes };
const reviews = (count: number) => ({
  inputs: {
    data: Int32Array.from({ length: 6 * count }, (_, i) => (7 * i) % 5),
    shape: [count, 6],
    dtype: "i32" as const,
  },
  labels: { data: Int32Array.from({ length: count }, (_, i) => i % 2), shape: [count], dtype: "i32" as const },
});
const written = (...words: readonly (readonly number[])[]) => ({
  words: { data: new Int32Array(), shape: [0], dtype: "i32" as const },
  sentences: words.map((ids) => Int32Array.from(ids)),
});

/** One program, or two, of each kind of sections. */
const starts: Readonly<Record<string, Start>> = {
  mlp: shipped(programs.mlp),
  vae: shipped(programs.vae, { codes: "2" }),
  dcgan: shipped(programs.dcgan),
  dqn: shipped(programs.dqn),
  linreg: (backend) => {
    const [inputs, targets] = [Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(1, 3, 2)];
    return linreg(
      {
        inputs: { data: inputs, shape: [3, 2], dtype: "f32" },
        targets: { data: targets, shape: [3, 1], dtype: "f32" },
      },
      backend,
      { lr: 0.01, steps: 1 },
    );
  },
  gpt: (backend) =>
    gpt(
      smallText(200),
      {
        layers: 1,
        heads: 2,
        features: 8,
        contextLength: 8,
        dropout: 0.1,
        batchSize: 4,
        parts: 1,
        batches: 4,
        warmup: 1,
      },
      { backend, seed, epochs },
    ),
  shakespeare: (backend) =>
    shakespeare(smallText(100), { features: 8, layers: 1, hidden: 8, batchSize: 4, steps: 4 }, { backend, epochs }),
  rnnlm: (backend) => {
    const vocabulary = ["<eos>", "the", "cat", "dog", "sleeps", "<unk>"];
    const text = written([1, 2, 4, 0], [1, 3, 4, 0]);
    return rnnlm(
      { train: text, validation: text, test: text, vocabulary },
      { backend, seed, limit, epochs, batchSize: 1 },
    );
  },
  seq2seq: (backend) =>
    seq2seq(["ab", "ba", "aa", "bc", "cb", "ca", "ac"], { backend, seed, batchSize: 2, batches: 4, epochs }),
  tagger: (backend) => tagger(tagged, { backend, seed, limit }),
  pos: (backend) => pos(tagged, { backend, seed, kind: "birnn" }, [4, 4]),
  treenn: (backend) =>
    treenn(
      {
        train: [tree],
        validation: [tree],
        test: [tree],
        classes: ["--", "-", "0", "+", "++"],
        vocabulary: ["bad", "film"],
      },
      { backend, seed, limit, epochs },
    ),
  gru: (backend) =>
    gru({ train: reviews(8), test: reviews(6), vocabulary: ["a", "b", "c", "d", "e"] }, backend, seed, 4),
};

test.each(Object.entries(starts))("%s", { timeout: 120_000 }, async (_, start) => {
  const length = start === starts["dqn"] ? { epochs, steps: 2 } : { epochs }; // episodes
  const whole = await trained(start, length);
  const again = await trained(start, { ...length, folder: whole.folder, resume: true });
  expect(again.taken).toBe(0);
  expect(again.result).toEqual(whole.result);
  expect(await reportOn(again)).toBe(await reportOn(whole));
});
