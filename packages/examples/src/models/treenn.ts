// A network that reads trees (a Tree-LSTM, as in DyNet's benchmark): what a phrase means is computed from what its two
// parts mean, and from that how positive it is. The network has the form of each tree that it reads.
import { add, chunk, concat, mul, sigmoid, tanh, tensorSplit } from "@weft/tensor";
import type { Creation, Tensor } from "@weft/tensor";
import { Embedding, Linear, crossEntropy, parameter, perGate, uniform, xavier, zeros } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { shuffle, sst, vocabulary, type Tree, type Treebank } from "@weft/data";
import { counting } from "../counting.ts";
import { guessing } from "../evaluation.ts";
import type { Learner, Program } from "../program.ts";
import { count } from "../words.ts";
import { agreement, nodesOf, wordsOf } from "../trees.ts";
import { treeSection } from "../report/trees.ts";

const units = 128;

/** Says of sentences of film reviews, and of each phrase in them, how positive they are. */
export const treenn: Program = {
  title: "Tree network",
  about: "how positive film reviews are, phrase by phrase, with an LSTM over trees",
  time: "10 min",
  reaches: "a root accuracy of 42 %, from the first epoch on",
  epochs: 4,
  quick: { epochs: 1, limit: 2500 },
  cases: "sentences",
  start: async ({ backend, seed, limit }) => readingTrees(await sst(), backend, seed, limit),
};

/** What is known of phrases: h goes into scores and gates, c is remembered; both `[phrases, units]`. */
interface Meaning {
  readonly h: Tensor;
  readonly c: Tensor;
}

export function readingTrees(bank: Omit<Treebank, "test">, { tensor }: Creation, seed: number, limit = Infinity) {
  const [train, validation] = [bank.train.slice(0, limit), bank.validation.slice(0, limit)];
  const { classes } = bank;
  const known = vocabulary(bank.vocabulary, { unknown: "<unk>" });
  const weights = { init: xavier(), bias: false };
  const gateWeights = { init: perGate(3, xavier()), bias: false };
  const model = {
    embed: Embedding(known.size, units, { init: uniform(Math.sqrt(3 / units)) }), // Glorot, for a vector
    leaf: Linear(units, 3 * units, gateWeights), // the gates i, o, u of a word
    inner: Linear(2 * units, 3 * units, gateWeights), // and of a phrase of two parts
    bias: parameter([3 * units], zeros()), // of both
    left: Linear(units, units, weights), // what is kept of the first part
    right: Linear(units, units, weights), // and of the second
    forget: parameter([units], zeros()),
    output: Linear(units, classes.length, weights),
  };

  const gates = (x: Tensor) => {
    const [i, o, u] = chunk(add(x, model.bias), 3, { axis: 1 }) as [Tensor, Tensor, Tensor];
    return { o: sigmoid(o), added: mul(sigmoid(i), tanh(u)) };
  };
  const words = (ids: Tensor): Meaning => {
    const { o, added: c } = gates(model.leaf(model.embed(ids)));
    return { h: mul(o, tanh(c)), c };
  };
  const phrase = (a: Meaning, b: Meaning): Meaning => {
    const { o, added } = gates(model.inner(concat([a.h, b.h], { axis: 1 })));
    const keepA = sigmoid(add(model.left(a.h), model.forget));
    const keepB = sigmoid(add(model.right(b.h), model.forget));
    const c = add(added, add(mul(keepA, a.c), mul(keepB, b.c)));
    return { h: mul(o, tanh(c)), c };
  };

  /** The scores of all nodes, `[nodes, classes]`, in the order of `nodesOf`: the root is the last. */
  function scores(tree: Tree<number>): Tensor {
    const ids = known.encode(wordsOf(tree));
    const { h, c } = words(tensor(ids)); // all at once
    const [hs, cs] = [tensorSplit(h, ids.length), tensorSplit(c, ids.length)];
    const leaves = hs.map((h, at): Meaning => ({ h, c: cs[at]! })).values();
    const found: Tensor[] = [];
    const read = ({ children }: Tree<number>): Meaning => {
      const [a, b] = children.map(read);
      const meaning = a && b ? phrase(a, b) : leaves.next().value!;
      found.push(meaning.h);
      return meaning;
    };
    read(tree);
    return model.output(concat(found));
  }
  const labels = (tree: Tree<number>) => Int32Array.from(nodesOf(tree), ({ label }) => label);
  const loss = (tree: Tree<number>) => crossEntropy(scores(tree), tensor(labels(tree)), { reduction: "sum" });
  const guesses = guessing(scores);

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
    evaluate: () => agreement(validation, guesses),
    sections: async () => [await treeSection(validation, classes, guesses)],
  } satisfies Learner;
}
