// The network over trees of DyNet's benchmark: how positive sentences of film reviews are, and each phrase in them.
import { ArgumentError, scope, softmax, type Creation } from "@weft/tensor";
import { adam, minimize } from "@weft/optim";
import type { Scalars } from "@weft/train";
import {
  DataError,
  parseTree,
  shuffle,
  sst,
  vocabulary,
  words,
  type Tree,
  type Treebank,
  type Vocabulary,
} from "@weft/data";
import { counting } from "../training/counted-data.ts";
import { guessing } from "../training/evaluation.ts";
import { TreeLSTM, treeLoss } from "../models/treenn.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { count, percent } from "../format.ts";
import { branchingRight, labelsOf, nodesOf, treeAccuracy, wordsOf } from "../text/trees.ts";
import { treeSection } from "../report/trees.ts";

export const treenn: Program = program({
  title: "Tree network",
  source: "SST",
  about: "how positive film reviews are, phrase by phrase, with an LSTM over trees",
  time: "2 min",
  reaches: "a root accuracy of 43%",
  epochs: 1,
  quick: { limit: 2500 },
  cases: "sentences",
  start: async (setting) => learner(await sst(), setting),
  answers(known, { backend }) {
    const [vocabulary, { tokens: classes, size }] = [known("words"), known("classes")];
    const { model, logits } = network(vocabulary, size, backend);
    return {
      model,
      /** How positive a sentence is: a tree in brackets, or words, which are read as a tree that branches to the right. */
      async answer(text) {
        const tree = treeOf(text);
        const p = await scope(() => softmax(logits(tree)).data());
        const root = Array.from(p.subarray(-size), Number);
        const guess = root.indexOf(Math.max(...root));
        const how = text.trim().startsWith("(") ? "" : ", as a tree that branches to the right";
        return `${classes[guess]} (${percent(root[guess]!)}${how})`;
      },
    };
  },
});

/** The model, and the logits that it gives the nodes of a tree, in the order of `nodesOf`. */
function network(known: Vocabulary, classes: number, { tensor }: Creation) {
  const model = TreeLSTM(known.size, classes);
  const ids = (tree: Tree<unknown>) => tensor(known.encode(wordsOf(tree)));
  return { model, ids, logits: (tree: Tree<unknown>) => model.logits(tree, ids(tree)) };
}

function inBrackets(text: string): Tree<unknown> {
  try {
    return parseTree(text);
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new ArgumentError(`the brackets cannot be read: ${cause.message.replace("parseTree: ", "")}`, { cause });
  }
}

/** A tree in brackets, whose nodes have two parts, or words, which are read as one that branches to the right. */
function treeOf(text: string): Tree<unknown> {
  const tree = text.trim().startsWith("(") ? inBrackets(text) : branchingRight(words(text));
  const odd = nodesOf(tree).find(({ children }) => children.length !== 0 && children.length !== 2);
  if (odd === undefined) return tree;
  throw new ArgumentError(
    `the phrase "${wordsOf(odd).join(" ")}" has ${odd.children.length} parts: the network reads trees with two parts ` +
      "in each bracket, as (3 (2 It) (4 works)), or words without brackets.",
  );
}

export function learner(
  { classes, ...bank }: Treebank,
  { backend, seed, limit, epochs }: Pick<Setting, "backend" | "seed" | "limit" | "epochs">,
) {
  const some = (trees: readonly Tree<number>[]) => trees.slice(0, limit);
  const [train, validation, test] = [some(bank.train), some(bank.validation), some(bank.test)];
  const known = vocabulary(bank.vocabulary, { unknown: "<unk>" });
  const { model, ids, logits } = network(known, classes.length, backend);
  const loss = (tree: Tree<number>) => treeLoss(model, tree, ids(tree), backend.tensor(labelsOf(tree)));
  const guesses = guessing(logits);

  const [optimizer, trees] = [adam(), shuffle(train, { seed })];
  const read = counting(trees, () => 1);
  return {
    from: `${count(train.length)} sentences of sst`,
    model,
    vocabularies: { words: known, classes: { tokens: classes } },
    state: { optimizer, trees },
    epoch: () => minimize(loss, read, optimizer), // one tree an update
    counted: { of: "trees", soFar: () => read.soFar },
    of: `of ${count(validation.length)} new sentences judged as people did`,
    async evaluate(epoch): Promise<Scalars> {
      const found = await treeAccuracy(validation, logits, backend);
      if (epoch !== epochs) return found;
      const { rootAccuracy, nodeAccuracy } = await treeAccuracy(test, logits, backend); // once, at the end
      return { ...found, testRootAccuracy: rootAccuracy, testNodeAccuracy: nodeAccuracy };
    },
    metrics: {
      rootAccuracy: "share",
      nodeAccuracy: "share",
      testRootAccuracy: "share",
      testNodeAccuracy: "share",
    },
    sections: async () => [await treeSection(validation, classes, guesses)],
  } satisfies Learner;
}
