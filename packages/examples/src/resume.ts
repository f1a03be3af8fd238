// AdamW with groups, saved and resumed: each run trains one more epoch, bit for bit like uninterrupted training.
import { existsSync } from "node:fs";
import { flatten, relu } from "@weft/tensor";
import { digits, minibatch } from "@weft/data";
import { Chain, Linear, crossEntropy, load, params, save, seed } from "@weft/nn";
import { adamw, minimize } from "@weft/optim";
import { open } from "@weft/tensor-cpu";

seed(1);
const model = Chain(flatten, Linear(784, 64), relu, Linear(64, 10));
const [weights, biases] = [2, 1].map((rank) => params(model).filter((p) => p.shape.length === rank));
const groups = [{ params: weights }, { params: biases, weightDecay: 0, lr: 1e-3 }];
const optimizer = adamw({ lr: (step) => 0.003 / (1 + step / 100), weightDecay: 0.1, groups });

const [file = "resume.safetensors"] = process.argv.slice(2);
if (existsSync(file)) await load(file, { model, optimizer });
const batches = minibatch(digits().train, 100, { backend: await open() });
const loss = await minimize((x, y) => crossEntropy(model(x), y), batches, optimizer);
await save(file, { model, optimizer });
console.log(`${optimizer.steps} steps, loss ${await loss.item()}`);
