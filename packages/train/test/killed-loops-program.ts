// Trains in loops around loops, with dropout, saves every third step, resumes what it finds, and prints the bits.
import { cycle, minibatch, takeFirst } from "@weft/data";
import { Chain, Dropout, Linear, mse, params, place, seed } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { relu } from "@weft/tensor";
import { checkpoints, earlyStopping, evaluate, evaluateEvery, jsonl, logTo, stopOnNaN } from "@weft/train";

const [name = "cpu", folder = "run"] = process.argv.slice(2);
const { open } = (await import(`@weft/tensor-${name}`)) as typeof import("@weft/tensor-cpu");
const backend = await open({ seed: 1 });
seed(1);
const model = Chain(Linear(3, 4), Dropout(0.3), relu, Linear(4, 1));
const data = [backend.randn([14, 3]), backend.randn([14, 1])] as const;
const [batches, validation] = [minibatch(data, 4, { shuffle: true }), minibatch(data, 7)];
const optimizer = adam({ lr: 0.05 });
const left = takeFirst(cycle(batches), () => 40 - optimizer.steps);
const steps = minimize((x, y) => mse(model(x), y), left, optimizer);
const logged = logTo(stopOnNaN(steps), jsonl(`${folder}/log.jsonl`), { every: 5 });
const evaluated = evaluateEvery(logged, 4, () => evaluate(model, validation, { loss: mse }));
const monitor = () => evaluated.current?.loss;
const stopping = earlyStopping(evaluated, { monitor, patience: 3, restore: model });
const run = { model, optimizer, batches, random: backend.stream, logged, evaluated, stopping };
const saved = checkpoints(stopping, { model: run, folder, every: 3, monitor, resume: true });
for await (const _ of saved) console.log(`step ${saved.step}`);
await place(model, backend); // where it was loaded, and no step was left to do that
const values = await Promise.all(params(model).map((p) => p.value.data()));
const { step, best, bestStep, waited } = stopping;
console.log(
  JSON.stringify({ values: values.map((x) => [...x]), step, best, bestStep, waited, steps: optimizer.steps }),
);
