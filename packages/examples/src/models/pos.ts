// Networks that tag each word of a text: one sees the word alone, one what came before it, too, and one also what comes after
// it (Schuster and Paliwal 1997).
import { relu, reshape, type Tensor } from "@weft/tensor";
import { Chain, Embedding, Linear, RNN, xavier, zeros } from "@weft/nn";

const units = 128;
const start = { init: xavier(), biasInit: zeros() };

/** What becomes of the vectors of words `[T, B, units]`, and how many features that has. */
const bodies = {
  mlp: () => [Chain(Linear(units, units, start), relu), units] as const,
  rnn: () => [RNN({ type: "relu", in: units, hidden: units, ...start }), units] as const,
  birnn: () => [RNN({ type: "relu", in: units, hidden: units, bidirectional: true, ...start }), 2 * units] as const,
};

/** From words `[T, B]` to scores of their tags, `[T B, classes]`. Its loss is `crossEntropy`. */
export function SequenceTagger(kind: keyof typeof bodies, words: number, classes: number) {
  const [body, features] = bodies[kind]();
  return Chain(
    Embedding(words, units, { init: xavier() }),
    body,
    Linear(features, classes, start),
    (y: Tensor) => reshape(y, [-1, classes]), // a row for each word
  );
}
