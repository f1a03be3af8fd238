// Trees with a label at every node: their words, their nodes, and how often a model finds the labels.
import { slice, type Creation, type Tensor } from "@weft/tensor";
import type { Tree } from "@weft/data";
import { evaluate, metrics } from "@weft/train";
import { accuracyOfPart } from "../training/evaluation.ts";
import { patient } from "../progress.ts";

/** The words of a tree, in order. */
export const wordsOf = ({ word, children }: Tree<unknown>): readonly string[] =>
  word === undefined ? children.flatMap(wordsOf) : [word];

/** The nodes of a tree, each after its children: the root is the last. */
export const nodesOf = <Label>(tree: Tree<Label>): readonly Tree<Label>[] => [
  ...tree.children.flatMap((child) => nodesOf(child)),
  tree,
];

/** The labels of all nodes of a tree, in the order of `nodesOf`. */
export const labelsOf = (tree: Tree<number>): Int32Array => Int32Array.from(nodesOf(tree), ({ label }) => label);

/** Words as a tree in which each word is joined to all that come after it: there is always one such tree. */
export function branchingRight(words: readonly string[]): Tree<unknown> {
  const leaves = words.map((word): Tree<unknown> => ({ label: undefined, word, children: [] }));
  return leaves.reduceRight((after, leaf) => ({ label: undefined, children: [leaf, after] }));
}

/** The guessed labels of all nodes of a tree, in the order of `nodesOf`. */
export type Guesses = (tree: Tree<number>) => Promise<readonly number[]>;

/** The accuracy at roots, which are whole sentences, and at all nodes, by the logits of the nodes of a tree. */
export async function treeAccuracy(
  trees: readonly Tree<number>[],
  logits: (tree: Tree<number>) => Tensor,
  { tensor }: Creation,
) {
  async function* cases() {
    for await (const tree of patient(trees, "evaluation")) yield [tree, tensor(labelsOf(tree))] as const;
  }
  const root = (x: Tensor) => slice(x, { starts: [-1] });
  const rootAccuracy = accuracyOfPart((y, labels) => [root(y), root(labels)]);
  const { loss: _, ...found } = await evaluate(logits, cases(), {
    metrics: { rootAccuracy, nodeAccuracy: metrics.accuracy() },
  });
  return found;
}
