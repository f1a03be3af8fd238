// A network that reads trees, a Tree-LSTM (Tai, Socher and Manning 2015) in the form of DyNet's benchmark: what a phrase
// means is computed from what its two parts mean. The network has the form of each tree that it reads.
import { ArgumentError, add, concat, mul, sigmoid, split, tanh, tensorSplit, type Tensor } from "@weft/tensor";
import { Embedding, Linear, crossEntropy, parameter, perGate, uniform, xavier, zeros } from "@weft/nn";
import type { Tree } from "@weft/data";

/** The state of phrases, as of an LSTM: h goes into logits and gates, c is the cell; both `[phrases, hidden]`. */
export interface Phrase {
  readonly h: Tensor;
  readonly c: Tensor;
}

export function TreeLSTM(vocabulary: number, classes: number, hidden = 128) {
  const weights = { init: xavier(), bias: false };
  const gateWeights = { init: perGate(3, xavier()), bias: false };
  const self = {
    embed: Embedding(vocabulary, hidden, { init: uniform(Math.sqrt(3 / hidden)) }), // Glorot, for a vector
    leaf: Linear(hidden, 3 * hidden, gateWeights), // the gates i, o, u of a word
    inner: Linear(2 * hidden, 3 * hidden, gateWeights), // and of a phrase of two parts
    bias: parameter([3 * hidden], zeros()), // of both
    left: Linear(hidden, hidden, weights), // the forget gate of the first part
    right: Linear(hidden, hidden, weights), // and of the second
    forget: parameter([hidden], zeros()),
    output: Linear(hidden, classes, weights),
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
   * From a tree, whose nodes have two parts or are words, and its words `[W]` to the logits of all nodes,
   * `[2 W − 1, classes]`, each after its parts.
   */
  function logits(tree: Tree<unknown>, ids: Tensor): Tensor {
    const found = wordCount(tree);
    const got = Number.isNaN(found) ? "a node with another number of parts" : `${found} words`;
    if (found !== ids.size)
      throw new ArgumentError(`TreeLSTM: wanted ${ids.size} words, and two parts in each node above them, got ${got}`);
    const { h, c } = words(ids); // all at once
    const [hs, cs] = [tensorSplit(h, ids.size), tensorSplit(c, ids.size)];
    const phrases: Phrase[] = [];
    let word = 0;
    const read = ({ children }: Tree<unknown>): Phrase => {
      const [a, b] = children.map(read);
      const state = a && b ? phrase(a, b) : { h: hs[word]!, c: cs[word++]! };
      phrases.push(state);
      return state;
    };
    read(tree);
    return self.output(concat(phrases.map(({ h }) => h)));
  }
  return { ...self, logits };
}

/** The number of words of a tree; NaN if a node has other than two parts. */
const wordCount = ({ children: [a, b, ...others] }: Tree<unknown>): number =>
  a === undefined ? 1 : b === undefined || others.length > 0 ? NaN : wordCount(a) + wordCount(b);

/** The sum of −log p over all nodes of a tree, whose labels are in the order of the logits. */
export function treeLoss({ logits }: ReturnType<typeof TreeLSTM>, tree: Tree<unknown>, ids: Tensor, labels: Tensor) {
  return crossEntropy(logits(tree, ids), labels, { reduction: "sum" });
}
