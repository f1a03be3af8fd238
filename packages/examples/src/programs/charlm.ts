// The language model over characters of the first table of Knet's benchmarks: it reads The Song of Hiawatha in 128 rows at
// once, and its state goes on from window to window.
import { normal, zeros } from "@weft/nn";
import { adam, chain, clipGlobalNorm, minimize, sgd } from "@weft/optim";
import { gutenberg, minibatch } from "@weft/data";
import { blocksOf } from "../text/blocks.ts";
import { meanOf } from "../training/evaluation.ts";
import { LanguageModel } from "../models/language-model.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { reader } from "../text/stateful-reader.ts";
import { textSection } from "../report/text.ts";
import type { Text } from "../text/text-files.ts";
import { count } from "../format.ts";
import { byState, write, type WritingOptions } from "../text/writing.ts";

const [batchSize, steps, hidden] = [128, 100, 256];
const init = normal({ std: 0.3 });
const network = (characters: number) =>
  LanguageModel(characters, { features: hidden, hidden, init, embedInit: init, biasInit: zeros(), forgetBias: 1, recurrentBias: false }); // oxfmt-ignore

const usual = "By the ";

/** Goes on with a text. */
const writes = (model: ReturnType<typeof network>, characters: readonly string[], backend: Setting["backend"]) => {
  const begin = byState(model, [1, hidden], backend);
  return (first: string, how?: WritingOptions) => write(begin, characters, { first, ...how });
};

export function learner(
  { ids, characters }: Text,
  { backend, options }: Pick<Setting, "backend" | "options">,
): Learner {
  const blocks = blocksOf(ids.data, batchSize, steps, "characters");
  const batches = minibatch([blocks.x, blocks.y], 1, { backend });
  const model = network(characters.length);
  const readerOf = () => reader(model, [1, batchSize, hidden], backend);
  const [reading, tested] = [readerOf(), readerOf()];
  const first = Array.from(ids.data.subarray(0, 20), (id) => characters[id]!).join("");
  /** What the report begins with: words of the poem, or of a text that has not all of their letters. */
  const beginning = Array.from(usual).every((character) => characters.includes(character)) ? usual : first;
  const optimizer = chain(clipGlobalNorm(3), options["optimizer"] === "adam" ? adam() : sgd({ lr: 4 }));

  return {
    from: `${count(ids.data.length)} characters`,
    model,
    vocabularies: { characters: { tokens: characters } },
    state: { optimizer, batches, reading: reading.state },
    epoch() {
      if (batches.position.batch === 0) reading.reset();
      return minimize(reading.loss, batches, optimizer);
    },
    of: "nats a character, of the text that it has read",
    async evaluate() {
      tested.reset();
      return { loss: await meanOf(tested.loss, minibatch([blocks.x, blocks.y], 1, { backend })) };
    },
    metrics: { loss: "loss" },
    sections: async () => [textSection(await writes(model, characters, backend)(beginning))],
  };
}

export const charlm: Program = program({
  title: "Character language model",
  source: "Hiawatha",
  about: "The Song of Hiawatha, letter by letter, with an LSTM of 256 units",
  time: "5 s; with --epochs 50 --optimizer adam 3 min",
  reaches: "a loss of 2.6 nats a character; with --epochs 50 --optimizer adam of 1.8, and it writes words",
  epochs: 1,
  quick: {},
  options: { optimizer: { value: "name", about: "how it learns", choices: ["sgd", "adam"], default: "sgd" } },
  start: async (setting) => learner(await gutenberg(19), setting),
  answers(known, { backend }) {
    const { size, tokens } = known("characters");
    const model = network(size);
    return { model, writes: true, answer: writes(model, tokens, backend) };
  },
});
