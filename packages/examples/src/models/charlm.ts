// A language model over characters, as in the first table of Knet's benchmarks: an LSTM reads The Song of Hiawatha in
// 128 places at once, and says at each character which one comes next. Its state goes on from window to window.
import { state as box } from "@weft/autograd";
import { reshape, squeeze, type Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, crossEntropy, freeze, normal, zeros } from "@weft/nn";
import { adam, chain, clipGlobalNorm, minimize, sgd } from "@weft/optim";
import { gutenberg, minibatch } from "@weft/data";
import { blocksOf } from "../blocks.ts";
import { count } from "../words.ts";
import type { Program } from "../program.ts";
import { meanOf } from "../evaluation.ts";
import { textSection } from "../report/text.ts";
import { write } from "../writing.ts";

const [rows, steps, units] = [128, 100, 256];
const init = normal({ std: 0.3 });
const start = { init, biasInit: zeros() };

export const charlm: Program = {
  title: "Character language model",
  about: "The Song of Hiawatha, letter by letter, with an LSTM of 256 units",
  time: "15 s; with --epochs 50 --optimizer adam 12 min",
  reaches: "a loss of about 3 nats a character; with --epochs 50 --optimizer adam of 1.5, and it writes words",
  epochs: 1,
  quick: {},
  options: { optimizer: { value: "name", about: "how it learns", choices: ["sgd", "adam"] } },
  async start({ backend, options }) {
    const { ids, characters } = await gutenberg(19);
    const blocks = blocksOf(ids.data, rows, steps);
    const batches = minibatch([blocks.x, blocks.y], 1, { backend });

    const model = {
      embed: Embedding(characters.length, units, { init }),
      lstm: LSTM({ in: units, hidden: units, ...start, forgetBias: 1 }),
      output: Linear(units, characters.length, start),
    };
    freeze(model.lstm.bias_hh_l0); // the definition has one bias; the LSTM of PyTorch, and so this one, has two

    /** A reader that goes on from window to window where it was. */
    const reader = (places: number) => {
      const nothing = () => backend.zeros([1, places, units]);
      const state = { h: box(nothing()), c: box(nothing()) };
      return {
        state,
        reset: () => void ([state.h.value, state.c.value] = [nothing(), nothing()]),
        /** The scores of what comes after each character of x `[T, B]`. */
        read(x: Tensor): Tensor {
          const { y, h, c } = model.lstm.run(model.embed(x), state);
          [state.h.value, state.c.value] = [h, c];
          return model.output(reshape(y, [-1, units]));
        },
      };
    };
    const [reading, tested] = [reader(rows), reader(rows)];
    const lossOf =
      ({ read }: typeof reading) =>
      (x: Tensor, y: Tensor) =>
        crossEntropy(read(squeeze(x, 0)), reshape(y, [-1]));
    const optimizer = chain(clipGlobalNorm(3), options["optimizer"] === "adam" ? adam() : sgd({ lr: 4 }));

    return {
      from: `${count(ids.data.length)} characters`,
      model,
      state: { optimizer, batches, reading: reading.state },
      epoch() {
        if (batches.position.batch === 0) reading.reset();
        return minimize(lossOf(reading), batches, optimizer);
      },
      of: "nats a character, of the text that it has read",
      async evaluate() {
        tested.reset();
        return { loss: await meanOf(lossOf(tested), minibatch([blocks.x, blocks.y], 1, { backend })) };
      },
      sections: async () => [textSection(await write(reader(1).read, characters, backend, { first: "By the " }))],
    };
  },
};
