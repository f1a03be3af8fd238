// The variational autoencoder on digits.
import { sigmoid, type Tensor } from "@weft/tensor";
import { adam, minimize } from "@weft/optim";
import { minibatch, type Split } from "@weft/data";
import { dataset, digitNames } from "../images/datasets.ts";
import { meanOf } from "../training/evaluation.ts";
import { VAE, vaeLoss } from "../models/vae.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { codeSections } from "../report/codes.ts";
import { count } from "../format.ts";

export const vae: Program = program({
  title: "Variational autoencoder",
  about: "to draw digits, from codes of 20 numbers",
  time: "5 s; 25 s on MNIST",
  reaches: "an evidence lower bound of -105 nats a picture on MNIST",
  epochs: 10,
  quick: {},
  data: digitNames,
  cases: "pictures",
  options: {
    codes: { value: "n", about: "how many numbers a code has", choices: ["2", "5", "10", "20"], default: "20" },
  },
  async start({ data, limit, options, ...setting }) {
    const started = learner(await dataset(data, limit), latentOf(options), setting);
    return { ...started, from: `${started.from} of ${data}` };
  },
  draws({ backend, options }) {
    const latent = latentOf(options);
    const model = VAE(latent);
    return { model, draw: (count) => sigmoid(model.decoder(backend.randn([count, latent], { seed: 1 }))) };
  },
});

const latentOf = ({ codes = "20" }: { readonly codes?: string | undefined }): number => Number(codes);

export function learner({ train, test }: Split, latent: number, { backend, seed }: Pick<Setting, "backend" | "seed">) {
  const model = VAE(latent);
  const loss = (x: Tensor) => vaeLoss(model, x, backend.randn([x.shape[0]!, latent]));
  const optimizer = adam();
  const batchSize = Math.min(100, train.labels.data.length);
  const batches = minibatch([train.images], batchSize, { backend, shuffle: true, seed });
  return {
    from: `${count(train.labels.data.length)} pictures`,
    model,
    state: { optimizer, batches },
    epoch: () => minimize(loss, batches, optimizer),
    of: "nats a new picture: the evidence lower bound, with the cross-entropy of gray pixels as their likelihood",
    async evaluate() {
      const all = minibatch([test.images], 100, { backend, partial: true });
      return { evidenceLowerBound: -(await meanOf(loss, all)) };
    },
    sections: () => codeSections({ encode: (x) => model.encode(x)[0], decode: model.decoder, latent }, test, backend),
  } satisfies Learner;
}
