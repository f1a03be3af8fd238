// The tree network on small trees: it learns them, resumes, and computes the formulas of the paper.
import { parseTree, type Tree } from "@weft/data";
import { expect, test } from "vitest";
import { learner } from "../src/programs/treenn.ts";
import { nodesOf, wordsOf } from "../src/text/trees.ts";
import { elements } from "./html.ts";
import { part, plus, product, sigma, surprise, tanh, times, type Vector } from "./plain.ts";
import { expectResumes, firstWeights, lastMean, reportOn, trained, type Start } from "./runs.ts";

const classes = ["very negative", "negative", "neutral", "positive", "very positive"];
const read = (text: string): Tree<number> => parseTree(text, { label: Number });

/** "Not" turns a judgment around, and a noun changes nothing. */
const sentences = ["film", "play", "plot"].flatMap((noun) =>
  [
    [4, "great"],
    [3, "good"],
    [1, "bad"],
    [0, "awful"],
  ].flatMap(([label, word]) => [
    `(${label} (${label} ${word}) (2 ${noun}))`,
    `(${4 - Number(label)} (2 not) (${label} (${label} ${word}) (2 ${noun})))`,
  ]),
);
const trees = sentences.map(read);
/** Of the second, the root is judged otherwise than in all that is learned. */
const held = [read("(4 (4 great) (2 film))"), read("(0 (2 not) (0 (0 awful) (2 plot)))")];
const words = [...new Set(trees.flatMap(wordsOf))];
const start =
  (train = trees): Start =>
  (backend) =>
    learner(
      { train, validation: trees, test: held, classes, vocabulary: words },
      { backend, seed: 1, limit: Infinity, epochs: 8 },
    );

test("learns to judge phrases, and its report draws them", async () => {
  const run = await trained(start(), { epochs: 8 });
  expect(run.losses).toHaveLength(8 * trees.length);
  expect(run.losses[0]).toBeGreaterThan(5);
  expect(lastMean(run.losses, trees.length)).toBeLessThan(0.5);
  expect(run.result).toEqual({ rootAccuracy: 1, nodeAccuracy: 1, testRootAccuracy: 0.5, testNodeAccuracy: 7 / 8 });
  const tested = run.record.evaluations.map(({ values }) => "testRootAccuracy" in values);
  expect(tested).toEqual([...Array<boolean>(7).fill(false), true]); // once, at the end
  const html = await reportOn(run);
  expect(elements(html).filter((name) => name === "rect")).toHaveLength(
    trees.slice(0, 12).reduce((n, tree) => n + nodesOf(tree).length, 0),
  );
  expect(html).toContain("<title>great film: very positive</title>");
});

test("resumes to the same bits", () => expectResumes(start(), trees.length + 5, { epochs: 2 }));

test("the loss is that of the formulas in float64, also for words that it does not know", async () => {
  const tree = read("(3 (1 (2 not) (0 superb)) (4 (4 great) (2 (2 film) (2 plot))))");
  const known = ["<unk>", ...words.toSorted()];
  const only: Start = (backend) =>
    learner(
      { train: [tree], validation: [tree], test: [tree], classes, vocabulary: words },
      { backend, seed: 1, limit: Infinity, epochs: 1 },
    );
  const w = await firstWeights(only);

  let loss = 0;
  const meaningOf = ({ word, children, label }: Tree<number>): { h: Vector; c: Vector } => {
    const [a, b] = children.map(meaningOf);
    const sums =
      a && b
        ? times(w("inner.weight"), [...a.h, ...b.h])
        : times(w("leaf.weight"), w("embed.weight")[Math.max(0, known.indexOf(word!))]!);
    const gate = (at: number) => part(plus(sums, w("bias")[0]!), 3, at);
    const [i, o, u] = [gate(0), gate(1), gate(2)] as const;
    let c = product(sigma(i), tanh(u));
    const forget = w("forget")[0]!;
    if (a && b) {
      const kept = product(sigma(plus(times(w("left.weight"), a.h), forget)), a.c);
      c = plus(c, kept, product(sigma(plus(times(w("right.weight"), b.h), forget)), b.c));
    }
    const h = product(sigma(o), tanh(c));
    loss += surprise(times(w("output.weight"), h), label);
    return { h, c };
  };
  meaningOf(tree);
  const { losses } = await trained(only, { epochs: 1 });
  expect(losses).toHaveLength(1);
  expect(Math.abs(losses[0]! / loss - 1)).toBeLessThan(1e-6);
});

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)("learns the same on WebGPU", async () => {
  const [cpu, gpu] = [
    await trained(start(trees.slice(0, 2)), { epochs: 1 }),
    await trained(start(trees.slice(0, 2)), { epochs: 1 }, "webgpu"),
  ];
  for (const [at, loss] of gpu.losses.entries()) expect(Math.abs(loss / cpu.losses[at]! - 1)).toBeLessThan(1e-4);
});
