// Networks that tag each word of a text: one sees the word alone, one what came before it, too, and one also what comes after
// it (Schuster and Paliwal 1997).
import { relu, reshape, type Tensor } from "@weft/tensor";
import { Chain, Embedding, Linear, RNN, xavier, zeros } from "@weft/nn";

const hidden = 128;
const start = { init: xavier(), biasInit: zeros() };

/** The layer between the vectors of the words `[T, B, hidden]` and the logits, and the width of what it gives. */
const bodies = {
  mlp: () => [Chain(Linear(hidden, hidden, start), relu), hidden] as const,
  rnn: () => [RNN({ type: "relu", in: hidden, hidden, ...start }), hidden] as const,
  birnn: () => [RNN({ type: "relu", in: hidden, hidden, bidirectional: true, ...start }), 2 * hidden] as const,
};

/** From words `[T, B]` to the logits of their tags, `[T B, classes]`. Its loss is `crossEntropy`. */
export function SequenceTagger(kind: keyof typeof bodies, words: number, classes: number) {
  const [body, width] = bodies[kind]();
  return Chain(
    Embedding(words, hidden, { init: xavier() }),
    body,
    Linear(width, classes, start),
    (y: Tensor) => reshape(y, [-1, classes]), // a row for each word
  );
}
