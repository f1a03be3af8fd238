// Sequence to sequence (Sutskever, Vinyals and Le 2014), as in Knet's tutorial: one LSTM reads a word, and from what it
// remembers another one writes the word backwards.
import { broadcastTo, concat, flip, readTensors, reshape, type Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, crossEntropy, parameter, xavier } from "@weft/nn";
import { adam, cosineDecay, minimize } from "@weft/optim";
import { minibatch, ragged, split, vocabulary, words } from "@weft/data";
import type { Learner, Program, Setting } from "../program.ts";
import { reversalsSection } from "../report/reversals.ts";
import { answersOf, shareRight, type States } from "../reversals.ts";
import { sameLength } from "../same-length.ts";
import { wordList } from "../word-list.ts";
import { count } from "../words.ts";

const units = 128;
/** An epoch has as many batches as there are in Knet's list of 102,305 words. */
const whole = { size: 128, batches: 792 };
const [greedy, beams] = [1, 5];
const end = "\n"; // the end of a word, which is also what is read before its first letter

type Batching = Pick<Setting, "backend" | "seed" | "epochs"> & typeof whole;

/** An encoder and a decoder of words `[T, N]`. */
export function Reverser(letters: number) {
  const init = xavier(); // of all, also of biases, of which there are two a gate, as in PyTorch; the tutorial has one
  const part = () => ({
    embed: Embedding(letters, units, { init }),
    lstm: LSTM({ in: units, hidden: units, init, biasInit: init }),
  });
  const parts = {
    start: { h: parameter([1, units], init), c: parameter([1, units], init) },
    encoder: part(),
    decoder: { ...part(), output: Linear(units, letters, { init, bias: false }) },
  };
  const { start, encoder, decoder } = parts;
  return {
    ...parts,
    /** What is remembered of words. */
    encode(x: Tensor, lengths?: Tensor): States {
      const [, h, c] = readTensors("encode", [x, start.h, start.c]) as [Tensor, Tensor, Tensor];
      const all = (first: Tensor): Tensor => broadcastTo(first, [1, x.shape[1]!, units]);
      const read = encoder.lstm.run(encoder.embed(x), { h: all(h), c: all(c), ...(lengths && { lengths }) });
      return { h: read.h, c: read.c };
    },
    /** The scores of what comes after each of y, and what is remembered then. */
    decode(y: Tensor, states: States) {
      const { y: found, ...memory } = decoder.lstm.run(decoder.embed(y), states);
      return { scores: decoder.output(found), memory };
    },
  };
}

/** Learns all of the words but a tenth, and at most 1,000, which measure it. */
export function reversing(list: readonly string[], { backend, epochs, ...batching }: Batching): Learner {
  const known = vocabulary(list.join(""), { specials: [end] });
  const held = Math.min(1000, Math.ceil(list.length / 10));
  const [train, rest] = split(list, [list.length - held, held], { seed: batching.seed });
  const test = rest.filter((word) => word.length <= 10);
  const codes = train.map((word) => known.encode(word));
  const lengths = codes.map(({ length }) => length);
  const sampler = sameLength(lengths, batching);
  const data = minibatch([ragged(codes, { batchFirst: false })], batching.size, { backend, sampler });

  const model = Reverser(known.size);
  // Knet's rate is constant. On a short list Adam then leaps now and then, when hardly a mistake is left.
  const optimizer = adam({ lr: cosineDecay(0.001, { steps: epochs * batching.batches }) });
  const answers = answersOf(model, known, backend);
  /** The mean of −log p over the letters and the end of each word. */
  function loss(x: Tensor): Tensor {
    const [ends, backwards] = [backend.zeros([1, x.shape[1]!], { dtype: "i32" }), flip(x, { axis: 0 })];
    const { scores } = model.decode(concat([ends, backwards]), model.encode(x));
    return crossEntropy(reshape(scores, [-1, known.size]), reshape(concat([backwards, ends]), [-1]));
  }
  return {
    from: `${count(list.length)} words`,
    model,
    vocabularies: { characters: known },
    state: { optimizer, data },
    epoch: () => minimize(loss, data, optimizer),
    of: `of ${count(test.length)} new words of up to 10 letters written backwards without a mistake`,
    evaluate: async () => ({
      exactMatch: shareRight(test, await answers(test, greedy)),
      exactMatchOfBeams: shareRight(test, await answers(test, beams)),
    }),
    async sections() {
      const shown = test.slice(0, 40);
      return [reversalsSection(shown, await answers(shown, greedy), await answers(shown, beams))];
    },
  };
}

export const seq2seq: Program = {
  title: "Words backwards",
  about: "to write words backwards, with an LSTM that reads and one that writes",
  time: "10 min",
  reaches: "an exact match of 95 %",
  epochs: 10,
  quick: { steps: 500 },
  async start({ backend, seed, epochs }) {
    const { words: all, from } = await wordList();
    const learner = reversing(all, { backend, seed, epochs, ...whole });
    return { ...learner, from: `${learner.from} of ${from}` };
  },
  answers(found, { backend }) {
    const known = found("characters");
    const model = Reverser(known.size);
    return { model, answer: async (text) => (await answersOf(model, known, backend)(words(text), beams)).join(" ") };
  },
};
