// Trees with a label at every node: their words, their nodes, and how often a model finds the labels.
import type { Tree } from "@weft/data";
import { patient } from "../progress.ts";

/** The words of a tree, in order. */
export const wordsOf = ({ word, children }: Tree<unknown>): readonly string[] =>
  word === undefined ? children.flatMap(wordsOf) : [word];

/** The nodes of a tree, each after its children: the root is the last. */
export const nodesOf = <Label>(tree: Tree<Label>): readonly Tree<Label>[] => [
  ...tree.children.flatMap((child) => nodesOf(child)),
  tree,
];

/** Words as a tree in which each word is joined to all that come after it: there is always one such tree. */
export function branchingRight(words: readonly string[]): Tree<unknown> {
  const leaves = words.map((word): Tree<unknown> => ({ label: undefined, word, children: [] }));
  return leaves.reduceRight((after, leaf) => ({ label: undefined, children: [leaf, after] }));
}

/** The guessed labels of all nodes of a tree, in the order of `nodesOf`. */
export type Guesses = (tree: Tree<number>) => Promise<readonly number[]>;

/** The share of right guesses: of roots, which are whole sentences, and of all nodes. */
export async function agreement(trees: readonly Tree<number>[], guesses: Guesses) {
  let [roots, right, nodes] = [0, 0, 0];
  for await (const tree of patient(trees, "evaluation")) {
    const guessed = await guesses(tree);
    const all = nodesOf(tree);
    right += all.filter(({ label }, at) => label === guessed[at]).length;
    nodes += all.length;
    if (tree.label === guessed.at(-1)) roots++;
  }
  return { rootAccuracy: roots / trees.length, nodeAccuracy: right / nodes };
}
