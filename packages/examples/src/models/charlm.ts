// A language model over characters, as in the first table of Knet's benchmarks: an LSTM reads The Song of Hiawatha in
// 128 places at once, and says at each character which one comes next. Its state goes on from window to window.
import { Embedding, LSTM, Linear, normal, zeros } from "@weft/nn";
import { adam, chain, clipGlobalNorm, minimize, sgd } from "@weft/optim";
import { gutenberg, minibatch } from "@weft/data";
import { blocksOf } from "../blocks.ts";
import { count } from "../words.ts";
import type { Program, Setting } from "../program.ts";
import { meanOf } from "../evaluation.ts";
import { reader } from "../reader.ts";
import { textSection } from "../report/text.ts";
import { write } from "../writing.ts";

const [rows, steps, units] = [128, 100, 256];
const init = normal({ std: 0.3 });
const start = { init, biasInit: zeros() };

function network(characters: number) {
  const model = {
    embed: Embedding(characters, units, { init }),
    lstm: LSTM({ in: units, hidden: units, ...start, forgetBias: 1, recurrentBias: false }),
    output: Linear(units, characters, start),
  };
  return model;
}

/** Goes on with a text. */
const writes = (model: ReturnType<typeof network>, characters: readonly string[], backend: Setting["backend"]) => {
  const { next } = reader(model, [1, 1, units], backend);
  return (first: string) => write(next, characters, { first });
};

export const charlm: Program = {
  title: "Character language model",
  about: "The Song of Hiawatha, letter by letter, with an LSTM of 256 units",
  time: "30 s; with --epochs 50 --optimizer adam 20 min",
  reaches: "a loss of about 3 nats a character; with --epochs 50 --optimizer adam of 1.9, and it writes words",
  epochs: 1,
  quick: {},
  options: { optimizer: { value: "name", about: "how it learns", choices: ["sgd", "adam"] } },
  async start({ backend, options }) {
    const { ids, characters } = await gutenberg(19);
    const blocks = blocksOf(ids.data, rows, steps);
    const batches = minibatch([blocks.x, blocks.y], 1, { backend });

    const model = network(characters.length);
    const readerOf = () => reader(model, [1, rows, units], backend);
    const [reading, tested] = [readerOf(), readerOf()];
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
      sections: async () => [textSection(await writes(model, characters, backend)("By the "))],
    };
  },
  answers(known, { backend }) {
    const { size, tokens } = known("characters");
    const model = network(size);
    return { model, answer: writes(model, tokens, backend) };
  },
};
