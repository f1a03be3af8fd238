// The taggers of blocks on small text: what sees more of a sentence makes fewer mistakes.
import { shuffle, type TaggedSentence } from "@weft/data";
import { expect, test } from "vitest";
import { learner } from "../src/programs/pos.ts";
import { expectResumes, reportOn, trained, type Start } from "./runs.ts";
import { classes, sentences, tagged } from "./tagged-sentences.ts";

/** What a name stands for is said by what comes before it, or only by what comes after it. */
const about = (name: string) => [
  tagged(`then ${name}/1 said so .`),
  tagged(`they live in ${name}/2 .`),
  tagged(`${name}/1 said so .`),
  tagged(`${name}/2 is far .`),
];
/** In an order that says nothing. */
const mixed = (all: readonly TaggedSentence[]) => [...shuffle(all, { seed: 1 })];
/** Four different words each, which come too seldom for vectors of their own. */
const rare = [..."abcdefghijklmnop"].flatMap((letter) => ["w", "x", "y", "z"].map((end, at) => about(`Zo${letter}${end}`)[at]!)); // oxfmt-ignore
const text = mixed([
  ...Array.from({ length: 12 }, () => [...sentences, ...about("Ann"), ...about("Rome")]).flat(),
  ...rare,
]);
const validation = mixed(
  [..."abcdefghijklmnop"].flatMap((letter) => [...about(`Ne${letter}`), tagged("nobody said so .")]),
);
const start =
  (kind: "mlp" | "rnn" | "birnn"): Start =>
  (backend) =>
    learner({ train: text, validation, classes }, { backend, seed: 1, kind }, [4, 16]);

test("the network that sees both sides beats that which sees one, and both beat that which sees none", async () => {
  const accuracies: number[] = [];
  for (const kind of ["birnn", "rnn", "mlp"] as const) {
    const { result, learner } = await trained(start(kind), { epochs: 6 });
    accuracies.push(result!["wordAccuracy"]!);
    const report = await reportOn({ learner });
    expect(report).toMatch(/>Ne[a-p] <small[^>]*>(I-PER|I-LOC, not I-PER|O, not I-PER)</); // a word that it has not seen
    expect(report).not.toContain("nobody");
  }
  const [birnn, rnn, mlp] = accuracies as [number, number, number];
  expect(birnn).toBeGreaterThan(rnn);
  expect(rnn).toBeGreaterThan(mlp);
  expect(accuracies[0]).toBeGreaterThan(0.95);
  expect(accuracies[2]).toBeLessThan(0.95);
});

test("says how much text its blocks need", async () => {
  const few: Start = (backend) =>
    learner({ train: sentences.slice(0, 1), validation, classes }, { backend, seed: 1, kind: "mlp" });
  await expect(trained(few, { epochs: 1 })).rejects.toThrow("64 rows of 32 words need 2,112 of them, and there are 4.");
});

test("resumes to the same bits", () => expectResumes(start("birnn"), 40, { epochs: 2 }));
