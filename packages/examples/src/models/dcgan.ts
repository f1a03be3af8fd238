// A deep convolutional generative adversarial network (Radford, Metz and Chintala 2016): a generator draws digits from
// noise, and a discriminator learns to tell them from real ones. Each learns from the mistakes of the other.
import { diff, stopGradient } from "@weft/autograd";
import { add, flatten, leakyRelu, mul, relu, reshape, scope, sub, tanh, type Tensor } from "@weft/tensor";
import { BatchNorm, Chain, Conv, ConvTranspose, Linear, bceWithLogits, normal, zeros } from "@weft/nn";
import { adam } from "@weft/optim";
import { minibatch, type Pictures } from "@weft/data";
import { dataset, digitNames, type DataName } from "../datasets.ts";
import { gallery } from "../gallery.ts";
import type { Learner, Program, Setting } from "../program.ts";
import { count } from "../words.ts";
import { lenet } from "./lenet.ts";

export const dcgan: Program = {
  title: "DCGAN",
  about: "to draw digits that pass for real, by two networks that compete",
  time: "5 min; 30 min on MNIST",
  reaches: "40 or more of 1,000 drawings of each digit, as LeNet reads them",
  epochs: 20,
  quick: { epochs: 2 },
  data: digitNames,
  cases: "pictures",
  async start(setting) {
    const learner = drawing(await dataset(setting.data as DataName, setting.limit), setting);
    return { ...learner, from: `${learner.from} of ${setting.data}` };
  },
};

const start = { init: normal({ std: 0.02 }), biasInit: zeros() };
const doubling = { kernel: 4, stride: 2, padding: 1, ...start };
const leaky = (x: Tensor) => leakyRelu(x, { negativeSlope: 0.2 });
const noise = 100;

const networks = () => ({
  generator: Chain(
    Linear(noise, 64 * 7 * 7, start),
    (x: Tensor) => reshape(x, [-1, 64, 7, 7]),
    BatchNorm(64),
    relu,
    ConvTranspose({ in: 64, out: 32, ...doubling }), // [N, 32, 14, 14]
    BatchNorm(32),
    relu,
    ConvTranspose({ in: 32, out: 1, ...doubling }), // [N, 1, 28, 28]
    tanh,
  ),
  discriminator: Chain(
    Conv({ in: 1, out: 32, ...doubling }), // [N, 32, 14, 14]
    leaky,
    Conv({ in: 32, out: 64, ...doubling }), // [N, 64, 7, 7]
    BatchNorm(64),
    leaky,
    flatten,
    Linear(64 * 7 * 7, 1, start), // the logit of "it is real"
  ),
});

/** The networks at work on pictures. */
export function drawing(split: Pictures, { backend, seed }: Pick<Setting, "backend" | "seed">) {
  const { generator, discriminator } = networks();
  const rate = { lr: 2e-4, beta1: 0.5 };
  const optimizers = [adam({ ...rate, params: generator }), adam({ ...rate, params: discriminator })] as const;
  const pictures = split.train.labels.data.length;
  const size = Math.min(100, pictures);
  const batches = minibatch([split.train.images], size, { backend, shuffle: true, seed });
  const show = gallery(lenet, (count) => generator(backend.randn([count, noise], { seed: 1 })), split, backend);

  const called = (real: number, x: Tensor) => bceWithLogits(discriminator(x), backend.full([size, 1], real));
  const drawn = () => generator(backend.randn([size, noise]));
  const step = (real: Tensor) =>
    scope(async () => {
      const telling = diff(() => add(called(1, sub(mul(real, 2), 1)), called(0, stopGradient(drawn()))));
      optimizers[1].update(telling);
      const passing = diff(() => called(1, drawn()));
      optimizers[0].update(passing);
      return { loss: await passing.value.item(), discriminatorLoss: await telling.value.item() };
    });
  return {
    from: `${count(pictures)} pictures`,
    model: { generator, discriminator },
    state: { optimizers, batches, show: show.state },
    async *epoch() {
      for (const [x] of batches) yield await step(x);
      await show.keep();
    },
    of: "of 1,000 drawings are of the rarest digit, as LeNet reads them",
    evaluate: () => show.evaluate(),
    sections: () => show.sections(),
  } satisfies Learner;
}
