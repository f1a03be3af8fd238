// The language model over characters of Knet's tutorial: it reads the works of Shakespeare, or any text, and its state goes
// on from window to window. It stops when it gets no better on a part of the text that it does not learn, and is then
// measured on another one.
import { ArgumentError } from "@weft/tensor";
import { adam, converge, minimize } from "@weft/optim";
import { gutenberg, minibatch } from "@weft/data";
import type { Scalars } from "@weft/train";
import { blocksOf } from "../text/blocks.ts";
import { meanOf } from "../training/evaluation.ts";
import { heldOut, leastToHoldOut } from "../text/held-out.ts";
import { LanguageModel } from "../models/language-model.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { reader } from "../text/stateful-reader.ts";
import { textSection } from "../report/text.ts";
import { textIn, type Text } from "../text/text-files.ts";
import { count } from "../format.ts";
import { byState, write } from "../text/writing.ts";

/** `batchSize` rows of the text are read at once, `steps` characters at a time. An epoch is 100 updates. */
const plays = { features: 168, layers: 1, hidden: 334, batchSize: 256, steps: 100 };
const sources = { features: 512, layers: 2, hidden: 512, batchSize: 64, steps: 64 };
const small = { features: 64, layers: 1, hidden: 128, batchSize: 64, steps: 50 };
const updates = 100;

const network = (characters: number, { features, hidden, layers }: typeof plays) =>
  LanguageModel(characters, { features, hidden, layers });

const sizesOf = (text: string | undefined, quick: boolean) => (quick ? small : text === undefined ? plays : sources);

/** Learns nine tenths of a text; half of the rest says when it ends, and the other half measures it then. */
export function learner(
  { ids, characters }: Text,
  sizes: typeof plays,
  { backend, epochs }: Pick<Setting, "backend" | "epochs">,
): Learner {
  const { layers, hidden, batchSize, steps } = sizes;
  const parts = heldOut(ids.data);
  const train = blocksOf(parts.train, batchSize, steps, "characters");
  const windows = train.x.shape[0]!;
  /** Window after window, and again from the first one: pass n has the next 100. */
  const sampler = {
    length: updates,
    pass: (n: number) => Int32Array.from({ length: updates }, (_, i) => (n * updates + i) % windows),
  };
  const batches = minibatch([train.x, train.y], 1, { backend, sampler });

  const model = network(characters.length, sizes);
  const readerOf = (rows: number) => reader(model, [layers, rows, hidden], backend);
  const reads = readerOf(batchSize);
  const optimizer = adam();
  /** The perplexity of a part that it does not learn, read from its beginning. */
  function measuring(ids: Int32Array): () => Promise<number> {
    const { x, y } = blocksOf(ids, batchSize / 2, steps, "characters"); // as long rows as those of a tenth of the text in all of them
    const { reset, loss } = readerOf(batchSize / 2);
    return async () => {
      reset();
      return Math.exp(await meanOf(loss, minibatch([x, y], 1, { backend })));
    };
  }
  const [validation, test] = [measuring(parts.validation), measuring(parts.test)];
  /** What was measured last, and a loop that takes note of it, one turn for each epoch: until it stops falling. */
  const latest = [NaN];
  const falling = converge(latest, { alpha: 0.1 });
  const text = (length: number) => write(byState(model, [layers, hidden], backend), characters, { length });

  return {
    from: `${count(ids.data.length)} characters`,
    model,
    vocabularies: { characters: { tokens: characters } },
    state: { optimizer, batches, reading: reads.state, falling },
    epoch: () => minimize(reads.loss, batches, optimizer),
    of: "perplexity of a character, in text that it has not seen",
    async evaluate(epoch): Promise<Scalars> {
      const validationPerplexity = await validation();
      if (epoch === undefined) return { validationPerplexity };
      latest[0] = validationPerplexity;
      for await (const _ of falling);
      if (!falling.stopped && epoch < epochs) return { validationPerplexity };
      return { testPerplexity: await test(), validationPerplexity }; // once, at the end
    },
    finished: () => falling.stopped,
    says: () => text(100),
    sections: async () => [textSection(await text(600))],
  };
}

/** Refuses a folder with less text than it takes: half of the rows read what validates, a twentieth of it. */
function refuseShort(length: number, { batchSize, steps }: typeof plays, folder: string): void {
  const least = leastToHoldOut((batchSize / 2) * (steps + 1));
  if (length >= least) return;
  const texts = `--text ${folder} has texts of ${count(length)} characters`;
  throw new ArgumentError(`${texts}: too few to learn from and to validate, wanted ${count(least)} or more.`);
}

export const shakespeare: Program = program({
  title: "Writer",
  source: "Shakespeare's works or texts",
  about: "all of Shakespeare, or the texts of a folder, letter by letter, with an LSTM of 334 units",
  time: "8 h; on a graphics processor 7 min",
  reaches: "a test perplexity of 3.5",
  epochs: 300,
  quick: { epochs: 4 },
  options: {
    text: {
      value: "folder",
      about: "learn the texts in this folder: its files *.ts, *.js, *.jl, *.py, *.md and *.txt",
    },
  },
  async start({ options: { text }, ...setting }) {
    const sizes = sizesOf(text, setting.quick);
    if (text === undefined) return learner(await gutenberg(100, { body: true }), sizes, setting);
    const from = await textIn(text);
    refuseShort(from.ids.data.length, sizes, text);
    return learner(from, sizes, setting);
  },
  answers(known, { backend, quick, options }) {
    const { size, tokens } = known("characters");
    const sizes = sizesOf(options["text"], quick);
    const model = network(size, sizes);
    const begin = byState(model, [sizes.layers, sizes.hidden], backend);
    return { model, writes: true, answer: (first, how) => write(begin, tokens, { first, ...how }) };
  },
});
