// The GPT over the characters of Shakespeare, with the sizes and the optimizer of nanoGPT (docs/results.md says what
// differs).
import type { Tensor } from "@weft/tensor";
import { params } from "@weft/nn";
import { accumulate, adamw, chain, clipGlobalNorm, cosineDecay, minimize, warmup } from "@weft/optim";
import { shakespeare, type CharacterText } from "@weft/data";
import { bestOf } from "../training/best-model.ts";
import { meanOf } from "../training/evaluation.ts";
import { GPT, gptLoss } from "../models/gpt.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { textSection } from "../report/text.ts";
import { allWindows, randomWindows } from "../text/windows.ts";
import { count } from "../format.ts";
import { byWindows, write } from "../text/writing.ts";

/** The model, and how it learns: an update reads `parts` batches of `batchSize` windows, an epoch is 250 updates. */
const model = { layers: 6, heads: 6, features: 384, contextLength: 256, dropout: 0.2 };
const large = { ...model, batchSize: 16, parts: 4, batches: 1000, warmup: 100 };
const small = { ...large, layers: 4, heads: 4, features: 128, contextLength: 64, dropout: 0 };
const quick = { ...small, batchSize: 12, parts: 1, batches: 250 };

/** Learns the first nine tenths of a text; the rest measures it. */
export function learner(
  { ids, characters }: CharacterText,
  sizes: typeof large,
  { backend, seed, epochs }: Pick<Setting, "backend" | "seed" | "epochs">,
): Learner {
  const learning = GPT(characters.length, sizes);
  const best = bestOf(learning); // long before the end it begins to know its text by heart
  const nine = Math.floor(0.9 * ids.data.length);
  const batches = randomWindows(ids.data.subarray(0, nine), { ...sizes, backend, seed });
  const validation = allWindows(ids.data.subarray(nine), { ...sizes, backend });

  const groups = [
    { params: params(learning, ({ shape }) => shape.length > 1), weightDecay: 0.1 },
    { params: params(learning, ({ shape }) => shape.length < 2), weightDecay: 0 },
  ];
  const updates = (epochs * sizes.batches) / sizes.parts;
  const rate = warmup(cosineDecay(1e-3, { steps: updates - sizes.warmup, end: 1e-4 }), { steps: sizes.warmup });
  const rule = adamw({ lr: rate, beta1: 0.9, beta2: 0.99, groups });
  const optimizer = chain(accumulate(sizes.parts), clipGlobalNorm(1), rule);
  const loss = (x: Tensor, y: Tensor) => gptLoss(learning, x, y);
  const text = (model: typeof learning, length: number): Promise<string> =>
    write(byWindows(model, sizes.contextLength, backend), characters, { length });
  return {
    from: `${count(ids.data.length)} characters`,
    model: best.model,
    vocabularies: { characters: { tokens: characters } },
    state: { learning, optimizer, batches, best: best.state },
    epoch: () => minimize(loss, batches, optimizer),
    of: "nats a character, of text that it has not seen",
    async evaluate(epoch) {
      const validationLoss = await meanOf(loss, validation);
      best.offer(validationLoss, epoch !== undefined);
      // In the middle of the first epoch there is no best yet, and the model as it is was kept.
      const bestValidationLoss = best.state.loss === Infinity ? validationLoss : best.state.loss;
      return { bestValidationLoss, validationLoss };
    },
    metrics: { validationLoss: "loss", bestValidationLoss: "best" },
    says: () => text(learning, 100),
    sections: async () => [textSection(await text(best.model, 600))],
  };
}

export const gpt: Program = program({
  title: "GPT",
  source: "Shakespeare's plays",
  about: "Shakespeare, letter by letter, with a transformer of 10.7 million parameters",
  time: "20 h; on a graphics processor 8 min",
  reaches: "a validation loss of 1.47 nats a character",
  epochs: 20,
  quick: { epochs: 2 },
  start: async (setting) => learner(await shakespeare(), setting.quick ? quick : large, setting),
  answers(known, { backend, quick: less }) {
    const [{ size, tokens }, sizes] = [known("characters"), less ? quick : large];
    const model = GPT(size, sizes);
    const begin = byWindows(model, sizes.contextLength, backend);
    return { model, writes: true, answer: (first, how) => write(begin, tokens, { first, ...how }) };
  },
});
