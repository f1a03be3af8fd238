// The tagger on small sentences: it learns them, with letters and without, resumes, and computes its formula.
import { describe, expect, test } from "vitest";
import { learner } from "../src/programs/tagger.ts";
import { elements } from "./html.ts";
import { lstm, surprise, tanh, times, type Matrix, type Vector } from "./plain.ts";
import { expectResumes, firstWeights, lastMean, reportOn, trained, type Start } from "./runs.ts";
import { classes, sentences, tagged } from "./tagged-sentences.ts";

const start =
  (chars: boolean, train = sentences): Start =>
  (backend) =>
    learner({ train, validation: sentences, classes }, { backend, seed: 1, limit: Infinity, chars });

describe.each([false, true])("letter by letter: %s", (chars) => {
  test("learns to find names", async () => {
    const run = await trained(start(chars), { epochs: 8 });
    expect(run.losses[0]).toBeGreaterThan(4);
    expect(lastMean(run.losses, sentences.length)).toBeLessThan(0.1);
    expect(run.result).toEqual({ wordAccuracy: 1, sentenceAccuracy: 1 });
    const html = await reportOn(run);
    expect(elements(html)).toContain("small");
    expect(html).toContain("Ann <small");
  });

  test("resumes to the same bits", () => expectResumes(start(chars), sentences.length + 7, { epochs: 2 }));

  test("the loss is that of the formula in float64", async () => {
    // In three copies of it, `la` comes six times, and so is known; the other words are rare.
    const sentence = tagged("la Rosa/1 ama la Roma/2 .");
    const copies = start(chars, [sentence, sentence, sentence]);
    const w = await firstWeights(copies);
    const both = (name: string, xs: Matrix) =>
      ["l0", "l0_reverse"].map((at) => {
        const [forward, backward] = [xs, xs.toReversed()];
        const [x, h, b] = ["weight_ih", "weight_hh", "bias_ih"].map((kind) => w(`${name}.${kind}_${at}`));
        return lstm(at === "l0" ? forward : backward, x!, h!, b![0]!);
      }) as [Matrix, Matrix];

    const letters = ["<*>", "<unk>", "a", "R", "l", "m", "o", ".", "s"]; // the commonest first
    const vectorOf = (word: string): Vector => {
      if (word === "la" || !chars) return w("embed.weight")[word === "la" ? 1 : 0]!;
      const spelling = ["<*>", ...word, "<*>"].map((letter) => w("letters.weight")[letters.indexOf(letter)]!);
      return both("spelling", spelling).flatMap((states) => states.at(-1)!);
    };
    const [forward, backward] = both("lstm", sentence.words.map(vectorOf));
    const scores = forward.map((h, at) => {
      const y = [...h, ...backward.at(-1 - at)!];
      return times(w("output.weight"), tanh(times(w("hidden.weight"), y)));
    });
    const loss = scores.reduce((sum, s, at) => sum + surprise(s, sentence.labels[at]!), 0);
    const { losses } = await trained(copies, { epochs: 1 });
    expect(Math.abs(losses[0]! / loss - 1)).toBeLessThan(1e-6);
  });
});

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)("learns the same on WebGPU", async () => {
  const few = start(false, sentences.slice(0, 3));
  const [cpu, gpu] = [await trained(few, { epochs: 1 }), await trained(few, { epochs: 1 }, "webgpu")];
  expect(gpu.losses).toHaveLength(3);
  for (const [at, loss] of gpu.losses.entries()) expect(Math.abs(loss / cpu.losses[at]! - 1)).toBeLessThan(1e-4);
});
