// A variational autoencoder (Kingma and Welling 2014): an encoder says which codes z a picture x may stand for, as a
// normal distribution, and a decoder says which picture a code stands for. Random codes then give new pictures.
import { add, div, exp, flatten, mul, neg, relu, split, square, sub, sum, type Tensor } from "@weft/tensor";
import { Chain, Linear, bceWithLogits } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { minibatch, type Split } from "@weft/data";
import { dataset, digitNames, type DataName } from "../datasets.ts";
import { meanOf } from "../evaluation.ts";
import type { Learner, Program, Setting } from "../program.ts";
import { codeSections } from "../report/codes.ts";
import { count } from "../words.ts";

export const vae: Program = {
  title: "Variational autoencoder",
  about: "to draw digits, from codes of 20 numbers",
  time: "15 s; 1.5 min on MNIST",
  reaches: "an evidence lower bound of -105 nats a picture on MNIST",
  epochs: 10,
  quick: {},
  data: digitNames,
  cases: "pictures",
  options: { codes: { value: "n", about: "how many numbers a code has", choices: ["2", "5", "10", "20"] } },
  async start(setting) {
    const learner = coding(await dataset(setting.data as DataName, setting.limit), setting);
    return { ...learner, from: `${learner.from} of ${setting.data}` };
  },
};

/** The encoder gives the mean and log σ² of a code, the decoder a score for each pixel. */
export function autoencoder(codes: number) {
  const encoder = Chain(flatten, Linear(784, 400), relu, Linear(400, 2 * codes));
  const decoder = Chain(Linear(codes, 400), relu, Linear(400, 784));
  const encode = (x: Tensor) => split(encoder(x), 2, { axis: 1 }) as [mean: Tensor, logVariance: Tensor];
  return { encoder, decoder, encode };
}

/**
 * What is maximized, for z = mean + σ noise: log p(x | z) − KL(q(z | x) ‖ p(z)), in nats a picture. In the mean over noise it
 * is at most log p(x).
 */
export function lowerBound({ encode, decoder }: ReturnType<typeof autoencoder>, x: Tensor, noise: Tensor): Tensor {
  const [mean, logVariance] = encode(x);
  const z = add(mean, mul(exp(div(logVariance, 2)), noise));
  const likelihood = neg(bceWithLogits(decoder(z), flatten(x), { reduction: "sum" }));
  const divergence = mul(0.5, sum(sub(add(square(mean), exp(logVariance)), add(logVariance, 1))));
  return div(sub(likelihood, divergence), x.shape[0]!);
}

/** The autoencoder at work on pictures. */
function coding({ train, test }: Split, { backend, seed, options }: Pick<Setting, "backend" | "seed" | "options">) {
  const codes = Number(options["codes"] ?? 20);
  const model = autoencoder(codes);
  const loss = (x: Tensor) => neg(lowerBound(model, x, backend.randn([x.shape[0]!, codes])));
  const optimizer = adam();
  const size = Math.min(100, train.labels.data.length, test.labels.data.length);
  const batches = minibatch([train.images], size, { backend, shuffle: true, seed });
  return {
    from: `${count(train.labels.data.length)} pictures`,
    model,
    state: { optimizer, batches },
    epoch: () => minimize(loss, batches, optimizer),
    of: "nats a new picture: the evidence lower bound",
    async evaluate() {
      return { evidenceLowerBound: -(await meanOf(loss, minibatch([test.images], size, { backend }))) };
    },
    sections: () => codeSections({ encode: (x) => model.encode(x)[0], decode: model.decoder, codes }, test, backend),
  } satisfies Learner;
}
