// What an encoder and a decoder write when they are asked for words backwards, and how much of it is right.
import { scope, squeeze, unsqueeze, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { minibatch, ragged, type Vocabulary } from "@weft/data";
import { beamSearch } from "./beam-search.ts";
import type { Seq2Seq, Seq2SeqState } from "../models/seq2seq.ts";

/** Asks for words backwards, all in one batch. The end of a word is character 0. */
export const answersOf =
  (model: ReturnType<typeof Seq2Seq>, known: Vocabulary, backend: Backend & Creation) =>
  async (asked: readonly string[], width: number): Promise<string[]> => {
    const codes = ragged(
      asked.map((word) => known.encode(word)),
      { batchFirst: false },
    );
    const [[x, lengths]] = [...minibatch([codes], asked.length, { backend })] as [[Tensor, Tensor]];
    const start = scope(() => model.encode(x, lengths));
    const read = (last: Tensor, before: Seq2SeqState) => {
      const { logits, state } = model.decode(unsqueeze(last, 0), before);
      return { logits: squeeze(logits, 0), state };
    };
    const found = await beamSearch({ width, start, read, end: 0, longest: 2 * x.shape[0]! }, backend);
    return found.map((word) => known.decode(word).join(""));
  };

export const backwards = (word: string): string => Array.from(word).toReversed().join("");

/** The share of the answers that are the words backwards. */
export const shareRight = (words: readonly string[], answers: readonly string[]): number =>
  words.filter((word, i) => answers[i] === backwards(word)).length / words.length;
