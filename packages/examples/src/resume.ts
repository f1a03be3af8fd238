// AdamW with groups, dropout and shuffled batches, saved every 50 steps: killed at any time, it goes on to the same bits.
import { existsSync } from "node:fs";
import { flatten, relu } from "@weft/tensor";
import { cycle, digits, minibatch, takeFirst } from "@weft/data";
import { Chain, Dropout, Linear, crossEntropy, load, params, save, seed } from "@weft/nn";
import { adamw, minimize } from "@weft/optim";
import { open } from "@weft/tensor-cpu";

const [file = "resume.safetensors", last = "300"] = process.argv.slice(2);
const backend = await open();
seed(1);
const model = Chain(flatten, Linear(784, 64), relu, Dropout(0.2), Linear(64, 10));
const biases = params(model, (p) => p.shape.length === 1);
const groups = [{ params: params(model, (p) => !biases.includes(p)) }, { params: biases, weightDecay: 0, lr: 1e-3 }];
const optimizer = adamw({ lr: (step) => 0.003 / (1 + step / 100), weightDecay: 0.1, groups });
const batches = minibatch(digits().train, 100, { backend, shuffle: true });

const run = { model, optimizer, batches, random: backend.stream, step: 0 };
if (existsSync(file)) await load(file, run);
const steps = minimize((x, y) => crossEntropy(model(x), y), cycle(batches), optimizer);
for await (const loss of takeFirst(steps, () => Number(last) - run.step)) {
  if (++run.step % 50 !== 0) continue;
  await save(file, run);
  console.log(`step ${run.step}, loss ${await loss.item()}`);
}
