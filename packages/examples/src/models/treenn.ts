// A network that reads trees, a Tree-LSTM (Tai, Socher and Manning 2015) in the form of DyNet's benchmark: what a phrase
// means is computed from what its two parts mean. The network has the form of each tree that it reads.
import { ArgumentError, add, concat, mul, sigmoid, split, tanh, tensorSplit, type Tensor } from "@weft/tensor";
import { Embedding, Linear, crossEntropy, parameter, perGate, uniform, xavier, zeros } from "@weft/nn";
import type { Tree } from "@weft/data";

/** What is known of phrases: h goes into scores and gates, c is remembered; both `[phrases, units]`. */
export interface Phrase {
  readonly h: Tensor;
  readonly c: Tensor;
}

export function TreeLSTM(vocabulary: number, classes: number, units = 128) {
  const weights = { init: xavier(), bias: false };
  const gateWeights = { init: perGate(3, xavier()), bias: false };
  const self = {
    embed: Embedding(vocabulary, units, { init: uniform(Math.sqrt(3 / units)) }), // Glorot, for a vector
    leaf: Linear(units, 3 * units, gateWeights), // the gates i, o, u of a word
    inner: Linear(2 * units, 3 * units, gateWeights), // and of a phrase of two parts
    bias: parameter([3 * units], zeros()), // of both
    left: Linear(units, units, weights), // what is kept of the first part
    right: Linear(units, units, weights), // and of the second
    forget: parameter([units], zeros()),
    output: Linear(units, classes, weights),
  };
  const gates = (x: Tensor) => {
    const [i, o, u] = split(add(x, self.bias), 3, { axis: 1 });
    return { o: sigmoid(o), added: mul(sigmoid(i), tanh(u)) };
  };
  const words = (ids: Tensor): Phrase => {
    const { o, added: c } = gates(self.leaf(self.embed(ids)));
    return { h: mul(o, tanh(c)), c };
  };
  const phrase = (a: Phrase, b: Phrase): Phrase => {
    const { o, added } = gates(self.inner(concat([a.h, b.h], { axis: 1 })));
    const keepA = sigmoid(add(self.left(a.h), self.forget));
    const keepB = sigmoid(add(self.right(b.h), self.forget));
    const c = add(added, add(mul(keepA, a.c), mul(keepB, b.c)));
    return { h: mul(o, tanh(c)), c };
  };
  /**
   * From a tree, whose nodes have two parts or are words, and its words `[W]` to the scores of all nodes,
   * `[2 W − 1, classes]`, each after its parts.
   */
  function scores(tree: Tree<unknown>, ids: Tensor): Tensor {
    const { h, c } = words(ids); // all at once
    const [hs, cs] = [tensorSplit(h, ids.size), tensorSplit(c, ids.size)];
    const leaves = hs.map((h, at): Phrase => ({ h, c: cs[at]! })).values();
    const found: Tensor[] = [];
    const read = ({ children: parts }: Tree<unknown>): Phrase => {
      if (![0, 2].includes(parts.length)) throw new ArgumentError(`TreeLSTM: wanted two parts, got ${parts.length}`);
      const [a, b] = parts.map(read);
      const meaning = a && b ? phrase(a, b) : leaves.next().value;
      if (meaning === undefined) throw new ArgumentError(`TreeLSTM: got ${ids.size} words, the tree has more`);
      found.push(meaning.h);
      return meaning;
    };
    read(tree);
    if (leaves.next().done !== true) throw new ArgumentError(`TreeLSTM: got ${ids.size} words, the tree has fewer`);
    return self.output(concat(found));
  }
  return { ...self, scores };
}

/** The sum of −log p over all nodes of a tree, whose labels are in the order of the scores. */
export const treeLoss = (
  { scores }: ReturnType<typeof TreeLSTM>,
  tree: Tree<unknown>,
  ids: Tensor,
  labels: Tensor,
): Tensor => crossEntropy(scores(tree, ids), labels, { reduction: "sum" });
