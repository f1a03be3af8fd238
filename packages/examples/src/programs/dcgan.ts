// The generative adversarial network on digits: the discriminator takes a step, then the generator.
import { diff } from "@weft/autograd";
import { add, div, mul, scope, sub, type Tensor } from "@weft/tensor";
import { adam } from "@weft/optim";
import { minibatch, type Pictures } from "@weft/data";
import { dataset, digitNames } from "../images/datasets.ts";
import { gallery } from "../images/gallery.ts";
import { Discriminator, Generator, discriminatorLoss, generatorLoss } from "../models/dcgan.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { count } from "../format.ts";
import { lenet } from "./lenet.ts";

export const dcgan: Program = program({
  title: "DCGAN",
  about: "to draw digits that pass for real, by two networks that compete",
  time: "3 min; 17 min on MNIST",
  reaches: "40 or more of 1,000 drawings of each digit, as LeNet reads them",
  epochs: 20,
  quick: { epochs: 2 },
  data: digitNames,
  cases: "pictures",
  async start({ data, limit, ...setting }) {
    const started = learner(await dataset(data, limit), setting);
    return { ...started, from: `${started.from} of ${data}` };
  },
  draws({ backend }) {
    const [generator, discriminator] = [Generator(latent), Discriminator()];
    const noise = (count: number) => backend.randn([count, latent], { seed: 1 });
    return { model: { generator, discriminator }, draw: (count) => div(add(generator(noise(count)), 1), 2) };
  },
});

const latent = 100;

export function learner(split: Pictures, { backend, seed }: Pick<Setting, "backend" | "seed">) {
  const [generator, discriminator] = [Generator(latent), Discriminator()];
  const rate = { lr: 2e-4, beta1: 0.5 };
  const optimizers = {
    generator: adam({ ...rate, params: generator }),
    discriminator: adam({ ...rate, params: discriminator }),
  };
  const pictures = split.train.labels.data.length;
  const batchSize = Math.min(100, pictures);
  const batches = minibatch([split.train.images], batchSize, { backend, shuffle: true, seed });
  const show = gallery(lenet, (count) => generator(backend.randn([count, latent], { seed: 1 })), split, backend);

  const drawn = () => generator(backend.randn([batchSize, latent]));
  const step = (x: Tensor) =>
    scope(async () => {
      const real = sub(mul(x, 2), 1); // from −1 to 1, as what is drawn
      const telling = diff(() => discriminatorLoss(discriminator, real, drawn()));
      optimizers.discriminator.update(telling);
      const passing = diff(() => generatorLoss(discriminator, drawn()));
      optimizers.generator.update(passing);
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
    metrics: { discriminatorLoss: "loss", readerAccuracy: "share" },
    sections: () => show.sections(),
  } satisfies Learner;
}
