// What the first steps of the agents and of the generator change, beside the formulas in plain numbers.
import { training } from "@weft/autograd";
import { digits } from "@weft/data";
import { clone, place, readSafetensors, seed, toBytes } from "@weft/nn";
import { mul, scope, sub, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openBackend } from "../src/backends.ts";
import { episode, sampled, type Transition } from "../src/reinforcement-learning/episodes.ts";
import type { ActorCritic } from "../src/models/actor-critic.ts";
import type { Discriminator, Generator } from "../src/models/dcgan.ts";
import type { Policy } from "../src/models/reinforce.ts";
import type { Learner } from "../src/training/program.ts";
import { programs } from "../src/programs.ts";
import { learner as drawing } from "../src/programs/dcgan.ts";

const gamma = 0.99;
/** 1 + γ + γ² + …, of so many steps. */
const discounted = (steps: number): number => (1 - gamma ** steps) / (1 - gamma);
/** Numbers from n down to 1: the steps that are left at each of n steps. */
const countdown = (n: number): number[] => Array.from({ length: n }, (_, i) => n - i);
const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);

async function started(name: "reinforce" | "actor-critic", first: number) {
  const backend = await openBackend("cpu", first);
  seed(first);
  const { start, epochs } = programs[name];
  const learner = await start({ backend, seed: first, epochs, data: "", limit: Infinity, quick: false, options: {} });
  await place(learner.model!, backend);
  const episodes = (learner.epoch() as AsyncIterable<{ readonly return: number }>)[Symbol.asyncIterator]();
  const play = async (): Promise<number> => (await episodes.next()).value!.return;
  return { backend, learner, play };
}

/** Adam's average of the gradients of a parameter so far: m ← 0.9 m + 0.1 g. */
async function averageGradient({ model, state }: Learner, path: string): Promise<number[]> {
  const { optimizer } = state as { readonly optimizer: object };
  const { tensors } = readSafetensors(await toBytes({ model, optimizer }));
  const { bytes } = tensors.get(path) ?? expect.fail(`no ${path}, only ${[...tensors.keys()].join(", ")}`);
  return [...new Float32Array(bytes.slice().buffer)];
}

test("REINFORCE keeps the mean of returns discounted by 0.99, and follows −Σ A log π", async () => {
  const { backend, learner, play } = await started("reinforce", 1);
  const { baseline } = learner.state as { readonly baseline: { readonly mean: number; readonly square: number } };
  const first = countdown(await play()).map(discounted);
  expect(baseline.mean).toBeCloseTo(sum(first) / first.length, 9);
  expect(baseline.square).toBeCloseTo(sum(first.map((x) => x ** 2)) / first.length, 8);

  const policy = clone(learner.model as ReturnType<typeof Policy>);
  const { mean, square } = baseline;
  const stream = { ...backend.stream };
  const steps = await play();
  const gradient = await averageGradient(learner, "optimizer.model.2.bias.m");

  Object.assign(backend.stream, stream); // the same episode again
  const transitions: Transition[] = [];
  for await (const transition of episode(backend, sampled(policy, backend))) transitions.push(transition);
  expect(transitions).toHaveLength(steps);
  const logits = (await policy(backend.tensor(transitions.map(({ state }) => state))).array()) as number[][];
  const wanted = [0, 1].map((k) =>
    sum(
      transitions.map(({ action }, t) => {
        const advantage = (discounted(steps - t) - mean) / Math.sqrt(square - mean ** 2);
        const [a, b] = logits[t]!.map(Math.exp) as [number, number];
        return advantage * ([a, b][k]! / (a + b) - Number(k === action));
      }),
    ),
  );
  for (const k of [0, 1]) expect(gradient[k]! / (0.1 * wanted[k]!)).toBeCloseTo(1, 3);
});

test("the actor-critic's returns go on with what the critic expects, but for the end of an episode", async () => {
  const expected = 1000;
  const { backend, learner, play } = await started("actor-critic", 1);
  const { critic } = learner.model as ReturnType<typeof ActorCritic>;
  critic[2].weight.value = backend.zeros([1, 128]);
  critic[2].bias!.value = backend.full([1], expected); // which a step changes by less than a thousandth
  let [steps, average] = [0, 0];
  while (steps <= 20) {
    steps = await play();
    for (let begun = 0; begun < steps; begun += 20) {
      const known = Math.min(20, steps - begun);
      const rest = begun + known < steps ? expected : 0;
      // The gradient of A² / 2 for V(s) is −A.
      const advantages = countdown(known).map((left) => discounted(left) + gamma ** left * rest - expected);
      average = 0.9 * average - 0.1 * sum(advantages);
    }
  }
  const [found] = await averageGradient(learner, "optimizer.model.critic.2.bias.m");
  expect(found! / average).toBeCloseTo(1, 2);
});

test("a step of the GAN: the discriminator tells drawings better, and the generator's pass better", async () => {
  const backend = await openBackend("cpu", 1);
  seed(1);
  const data = digits({ train: 100, test: 10 });
  const { model, epoch } = drawing(data, { backend, seed: 1 });
  await place(model, backend);
  const before = clone(model);
  for await (const _ of epoch()) break;

  const noise = backend.randn([100, 100], { seed: 7 });
  const { images } = data.train;
  const real = sub(mul(backend.tensor(images.data, { shape: [100, 1, 28, 28] }), 2 / 255), 1);
  /** −log of the probability that the discriminator gives to what is said of pictures. */
  const surprise = (
    x: () => Tensor,
    isReal: boolean,
    { discriminator }: { discriminator: ReturnType<typeof Discriminator> },
  ) =>
    // prettier-ignore
    scope(async () => {
      const logits = (await training(true, () => discriminator(x())).data()) as Float32Array;
      return sum(Array.from(logits, (z) => Math.log1p(Math.exp(isReal ? -z : z)))) / logits.length;
    });
  const drawnBy = ({ generator }: { generator: ReturnType<typeof Generator> }) => () => training(true, () => generator(noise)); // prettier-ignore
  const ofDiscriminator = async (judge: typeof model) =>
    (await surprise(() => real, true, judge)) + (await surprise(drawnBy(before), false, judge));
  expect(await ofDiscriminator(model)).toBeLessThan(await ofDiscriminator(before));
  expect(await surprise(drawnBy(model), true, model)).toBeLessThan(await surprise(drawnBy(before), true, model));
});
