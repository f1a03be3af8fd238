// Trains on a backend for some epochs, saves and logs each, resumes what it finds, and prints the bits of the model.
import { minibatch } from "@weft/data";
import { Chain, Dropout, Linear, mse, params, seed } from "@weft/nn";
import { adam } from "@weft/optim";
import { relu } from "@weft/tensor";
import { evaluate, fit, jsonl, metrics, tensorBoard } from "@weft/train";

const [name = "cpu", folder = "run", epochs = "8"] = process.argv.slice(2);
const { open } = (await import(`@weft/tensor-${name}`)) as typeof import("@weft/tensor-cpu");
const backend = await open({ seed: 1 });
seed(1);
const model = Chain(Linear(3, 4), relu, Dropout(0.3), Linear(4, 1));
const batches = minibatch([backend.randn([12, 3]), backend.randn([12, 1])], 5, { backend, partial: true });
await fit(model, batches, {
  loss: mse,
  optimizer: adam({ lr: (step) => 0.1 / (1 + step) }),
  epochs: Number(epochs),
  validation: batches,
  metrics: { r2: metrics.r2() },
  checkpoints: { folder, best: true, keep: 2, resume: true },
  log: [jsonl(`${folder}/log.jsonl`), tensorBoard(folder)],
  onEpoch: ({ epoch }) => console.log(`epoch ${epoch}`),
});
const values = await Promise.all(params(model).map((p) => p.value.data()));
// Measured anew: a run that was killed after its last epoch has no epoch left to report.
const { loss } = await evaluate(model, batches, { loss: mse });
console.log(JSON.stringify({ values: values.map((x) => [...x]), loss }));
