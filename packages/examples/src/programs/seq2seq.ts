// Words written backwards, as in Knet's tutorial of sequence to sequence.
import { ArgumentError, concat, flip, type Tensor } from "@weft/tensor";
import { adam, cosineDecay, minimize } from "@weft/optim";
import { minibatch, ragged, split, vocabulary } from "@weft/data";
import { Seq2Seq, seq2seqLoss } from "../models/seq2seq.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { reversalsSection } from "../report/reversals.ts";
import { answersOf, shareRight } from "../text/reversals.ts";
import { sameLength } from "../text/same-length.ts";
import { refuseUnknown } from "../training/vocabularies.ts";
import { wordList } from "../text/word-list.ts";
import { count } from "../format.ts";

/** An epoch has as many batches as there are in Knet's list of 102,305 words. */
const whole = { batchSize: 128, batches: 792 };
const [greedy, beams] = [1, 5];
const end = "\n"; // the end of a word, which is also what is read before its first letter

type Batching = Pick<Setting, "backend" | "seed" | "epochs"> & typeof whole;

/** Learns all of the words but a tenth, and at most 1,000, which measure it. */
export function learner(list: readonly string[], { backend, epochs, ...batching }: Batching): Learner {
  const known = vocabulary(list.join(""), { specials: [end] });
  const held = Math.min(1000, Math.ceil(list.length / 10));
  const [train, rest] = split(list, [list.length - held, held], { seed: batching.seed });
  const test = rest.filter((word) => word.length <= 10);
  if (test.length === 0) throw new ArgumentError(`none of the ${held} that measure it has 10 letters or fewer.`);
  const codes = train.map((word) => known.encode(word));
  const lengths = codes.map(({ length }) => length);
  const sampler = sameLength(lengths, batching);
  const data = minibatch([ragged(codes, { batchFirst: false })], batching.batchSize, { backend, sampler });

  const model = Seq2Seq(known.size);
  // Knet's rate is constant. On a short list Adam then leaps now and then, when hardly a mistake is left.
  const optimizer = adam({ lr: cosineDecay(0.001, { steps: epochs * batching.batches }) });
  const answers = answersOf(model, known, backend);
  function loss(x: Tensor): Tensor {
    const ends = backend.zeros([1, x.shape[1]!], { dtype: "i32" });
    return seq2seqLoss(model, x, concat([ends, flip(x, { axis: 0 }), ends]));
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
    metrics: { exactMatch: "share", exactMatchOfBeams: "share" },
    async sections() {
      const shown = test.slice(0, 40);
      return [reversalsSection(shown, await answers(shown, greedy), await answers(shown, beams))];
    },
  };
}

export const seq2seq: Program = program({
  title: "Words backwards",
  source: "words of Hiawatha",
  about: "to write words backwards, with an LSTM that reads and one that writes",
  time: "70 s",
  reaches: "an exact match of 97.2%: the part of new words that it writes without a mistake",
  epochs: 10,
  quick: { steps: 500 },
  async start({ backend, seed, epochs }) {
    const { words: all, from } = await wordList();
    try {
      const made = learner(all, { backend, seed, epochs, ...whole });
      return { ...made, from: `${made.from} of ${from}` };
    } catch (cause) {
      if (!(cause instanceof ArgumentError)) throw cause;
      throw new ArgumentError(`${from} cannot be learned from (${count(all.length)} words): ${cause.message}`, {
        cause,
      });
    }
  },
  answers(found, { backend }) {
    const known = found("characters");
    const model = Seq2Seq(known.size);
    return {
      model,
      async answer(text) {
        const words = text.trim().split(/\s+/); // a list may have words with commas or points
        refuseUnknown(words.join(""), known.tokens);
        return (await answersOf(model, known, backend)(words, beams)).join(" ");
      },
    };
  },
});
