// The taggers of blocks on small text: what sees more of a sentence makes fewer mistakes.
import { expect, test } from "vitest";
import { taggingBlocks } from "../src/models/pos.ts";
import { expectResumes, reportOn, trained, type Start } from "./runs.ts";
import { classes, sentences, tagged } from "./tagged-sentences.ts";

const text = Array.from({ length: 12 }, () => sentences).flat();
const validation = [tagged("then Zoe/1 said so ."), tagged("they said so .")];
const start =
  (kind: "mlp" | "rnn" | "birnn"): Start =>
  (backend) =>
    taggingBlocks({ train: text, validation, classes }, { backend, seed: 1, kind }, [4, 8]);

test("the network that sees both sides beats that which sees one, and both beat that which sees none", async () => {
  const accuracies: number[] = [];
  for (const kind of ["birnn", "rnn", "mlp"] as const) {
    const { result, learner } = await trained(start(kind), { epochs: 3 });
    accuracies.push(result!["wordAccuracy"]!);
    const report = await reportOn({ learner });
    expect(report).toMatch(/>Zoe <small[^>]*>(I-PER|I-LOC, not I-PER|O, not I-PER)</); // a word that it has not seen
    expect(report).not.toContain("they");
  }
  expect(accuracies).toEqual(accuracies.toSorted((a, b) => b - a));
  expect(accuracies[0]).toBeGreaterThan(0.95);
  expect(accuracies[2]).toBeLessThan(0.95);
});

test("resumes to the same bits", () => expectResumes(start("birnn"), 40, { epochs: 2 }));
