// Trains on a backend, saves after each step, resumes what it finds, and prints the steps and then the bits of the run:
// dropout, a shuffle, schedules of which one has a memory, an average of the model, tied weights.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { diff, scope } from "@weft/autograd";
import { cycle, minibatch, takeFirst } from "@weft/data";
import { BatchNorm, Chain, Dropout, ema, Linear, load, mse, save, seed, toBytes } from "@weft/nn";
import { adamw, chain, clipGlobalNorm, reduceOnPlateau, warmup } from "@weft/optim";
import { relu } from "@weft/tensor";

const [name = "cpu", file = "run.safetensors"] = process.argv.slice(2);
const { open } = (await import(`@weft/tensor-${name}`)) as typeof import("@weft/tensor-cpu");
const backend = await open({ seed: 7 });
seed(1);
const [wide, narrow] = [Linear(3, 8), Linear(8, 3)];
const again = Object.assign(Linear(8, 3), { weight: narrow.weight });
const model = Chain(wide, BatchNorm(8), relu, Dropout(0.5), narrow, Linear(3, 8), Dropout(0.2), again);
const plateau = reduceOnPlateau(0.05, { patience: 1, factor: 0.5 });
const data = Float32Array.from({ length: 23 * 3 }, (_, i) => Math.sin(i * i));
const run = {
  model,
  average: ema(model, { decay: 0.8, warmup: true }),
  optimizer: chain(clipGlobalNorm(1), adamw({ lr: warmup(plateau, { steps: 3 }), weightDecay: 0.1 })),
  plateau,
  batches: minibatch({ data, shape: [23, 3], dtype: "f32" }, 4, { backend, shuffle: true, seed: 2 }),
  random: backend.stream,
  step: 0,
  losses: [] as number[],
};
if (existsSync(file)) await load(file, run);
for await (const x of takeFirst(cycle(run.batches), 13 - run.step)) {
  const loss = await scope(async () => {
    const tape = diff(() => mse(model(x), x));
    run.optimizer.update(tape);
    run.average.update();
    return await tape.value.item();
  });
  plateau.observe(loss);
  run.losses.push(loss);
  run.step++;
  await save(file, run);
  console.log(run.step);
}
console.log(
  createHash("sha256")
    .update(await toBytes(run))
    .digest("hex"),
  ...run.losses,
  plateau.state.scale,
);
