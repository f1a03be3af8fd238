// The losses of the models and their gradients, beside the formulas in plain numbers.
import { valueAndGrad } from "@weft/autograd";
import { matmul, type Tensor } from "@weft/tensor";
import { seed } from "@weft/nn";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { actorCriticLoss } from "../src/models/actor-critic.ts";
import { discriminatorLoss, generatorLoss } from "../src/models/dcgan.ts";
import { temporalDifferenceLoss } from "../src/models/dqn.ts";
import { GPT, gptLoss } from "../src/models/gpt.ts";
import { LanguageModel, languageModelLoss } from "../src/models/language-model.ts";
import { policyGradientLoss } from "../src/models/reinforce.ts";
import { Seq2Seq, seq2seqLoss } from "../src/models/seq2seq.ts";
import { surprise, type Matrix, type Vector } from "./plain.ts";

const backend = await open({ seed: 1 });
const { tensor } = backend;
const integers = (x: readonly number[] | Matrix) => tensor(x as number[], { dtype: "i32" });

/** The value and the gradient of a loss. */
async function valueAndGradient(x: Matrix, loss: (x: Tensor) => Tensor) {
  const [value, gradient] = valueAndGrad(loss)(tensor(x as number[][]));
  return { value: Number(await value.item()), gradient: await gradient.array() };
}

/** Numbers but for rounding, however deep in lists. */
const near = (x: unknown): unknown =>
  typeof x === "number" ? expect.closeTo(x, 5) : Array.isArray(x) ? x.map(near) : x;

/** Row i of the logits is chosen by a state that is row i of the unit matrix. */
const chooses = (table: Tensor) => (states: Tensor) => matmul(states, table);
const states = () => backend.eye(3);
const softmax = (logits: Vector) => {
  const sum = logits.reduce((all, x) => all + Math.exp(x), 0);
  return logits.map((x) => Math.exp(x) / sum);
};
const logits = [
  [0, Math.log(3)], // probabilities 1/4, 3/4
  [0.5, -0.3],
  [2, 1],
];
const actions = [1, 0, 1];

test("the policy gradient is −Σ A log π(a | s), and a row of advantage 0 does not count", async () => {
  const advantages = [2, -0.5, 0];
  const { value, gradient } = await valueAndGradient(logits, (table) =>
    policyGradientLoss(chooses(table), {
      states: states(),
      actions: integers(actions),
      advantages: tensor(advantages),
    }),
  );
  expect(value).toBeCloseTo(-2 * Math.log(3 / 4) + 0.5 * Math.log(1 / (1 + Math.exp(-0.8))), 5);
  // ∂(−log π(a)) / ∂ logits = π − [k = a]
  const wanted = logits.map((row, i) => softmax(row).map((p, k) => advantages[i]! * (p - Number(k === actions[i]))));
  expect(wanted[0]).toEqual(near([0.5, -0.5]));
  expect(gradient).toEqual(near(wanted));
});

test("the actor-critic's loss is Σ −A log π + A² / 2 − β H, with a gradient of A for the critic alone", async () => {
  const [returns, mask, beta] = [[5, 1, 9], [1, 1, 0], 0.1];
  const values = [3, 1.5, 0];
  const loss = (actor: Tensor, critic: Tensor, coefficient?: number) =>
    actorCriticLoss(
      { actor: chooses(actor), critic: chooses(critic) },
      { states: states(), actions: integers(actions), returns: tensor(returns), mask: tensor(mask) },
      coefficient,
    );
  const entropy = (p: Vector) => -p.reduce((sum, x) => sum + x * Math.log(x), 0);
  const advantages = [2, -0.5];
  const rows = advantages.map((a, i) => ({ a, p: softmax(logits[i]!), action: actions[i]! }));
  const total = (weight: number) =>
    rows.reduce((sum, { a, p, action }) => sum - a * Math.log(p[action]!) + a ** 2 / 2 - weight * entropy(p), 0);

  const column = values.map((v) => [v]);
  const ofActor = await valueAndGradient(logits, (actor) => loss(actor, tensor(column), beta));
  expect(ofActor.value).toBeCloseTo(total(beta), 5);
  expect(entropy([0.5, 0.5])).toBeCloseTo(Math.LN2, 12);
  // ∂H / ∂ logits = −π (log π + H)
  const wanted = rows.map(({ a, p, action }) =>
    p.map((x, k) => a * (x - Number(k === action)) + beta * x * (Math.log(x) + entropy(p))),
  );
  expect(ofActor.gradient).toEqual(near([...wanted, [0, 0]]));
  const ofCritic = await valueAndGradient(column, (critic) => loss(tensor(logits), critic, beta));
  expect(ofCritic.gradient).toEqual(near([[-2], [0.5], [0]]));
  expect(await loss(tensor(logits), tensor(column)).item()).toBeCloseTo(total(0.01), 5);
});

test("the temporal difference is Huber's loss between Q(s, a) and r + γ max Q'(s', a'), or r at an end", async () => {
  const older = tensor([
    [0, 4],
    [10, 2],
    [-1, -3],
  ]);
  const batch = {
    states: states(),
    actions: integers(actions.map((a) => [a])),
    rewards: tensor([[1], [1], [0.5]]),
    nextStates: tensor([
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]),
    dones: tensor([[0], [1], [0]]),
  };
  // Targets: 1 + 0.5 · 10 = 6; 1, since it ended; 0.5 + 0.5 · 4 = 2.5. Q(s, a): 5.8, 1.5, 0.
  const q = [
    [1, 5.8],
    [1.5, 7],
    [9, 0],
  ];
  const { value, gradient } = await valueAndGradient(q, (table) =>
    temporalDifferenceLoss(chooses(table), chooses(older), batch, 0.5),
  );
  // Huber's loss is d² / 2 up to |d| = 1, and |d| − 1/2 beyond.
  expect(value).toBeCloseTo((0.2 ** 2 / 2 + 0.5 ** 2 / 2 + (2.5 - 0.5)) / 3, 5);
  expect(gradient).toEqual(near([[0, -0.2 / 3], [0.5 / 3, 0], [0, -1 / 3]])); // prettier-ignore
  const usual = await temporalDifferenceLoss(chooses(tensor(q)), chooses(older), batch).item();
  expect(usual).toBeCloseTo((1 + 9.9 - 5.8 - 0.5 + 0.5 ** 2 / 2 + (0.5 + 3.96 - 0.5)) / 3, 5);
});

// A discriminator whose logit of a picture of two pixels is 2 x₁ − x₂.
const weights = [2, -1];
const discriminator = (x: Tensor) => matmul(x, tensor(weights.map((w) => [w])));
const logitOf = (x: Vector) => 2 * x[0]! - x[1]!;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const mean = (x: Vector) => x.reduce((a, b) => a + b, 0) / x.length;
const fake = [
  [0.5, 0.2],
  [-0.4, 0.3],
];
const real = [
  [1, -1],
  [0.3, 0.9],
];

test("the generator's loss is −log D(fake): it falls where the discriminator takes drawings for real", async () => {
  const { value, gradient } = await valueAndGradient(fake, (x) => generatorLoss(discriminator, x));
  expect(value).toBeCloseTo(mean(fake.map((x) => -Math.log(sigmoid(logitOf(x))))), 5);
  expect(gradient).toEqual(near(fake.map((x) => weights.map((w) => (-sigmoid(-logitOf(x)) * w) / fake.length))));
});

test("the discriminator's loss is −log D(real) − log(1 − D(fake)), without a gradient for the generator", async () => {
  const loss = (x: Tensor) => discriminatorLoss(discriminator, tensor(real), x);
  const { value, gradient } = await valueAndGradient(fake, loss);
  const [ofReal, ofFake] = [real.map(logitOf).map(sigmoid), fake.map(logitOf).map(sigmoid)];
  expect(value).toBeCloseTo(mean(ofReal.map((p) => -Math.log(p))) + mean(ofFake.map((p) => -Math.log(1 - p))), 5);
  expect(gradient).toEqual(fake.map(() => [0, 0]));
  const ofWeights = await valueAndGradient([[2], [-1]], (w) => {
    return discriminatorLoss((x) => matmul(x, w), tensor(real), tensor(fake));
  });
  const slope = (k: number) =>
    mean(real.map((x, i) => (ofReal[i]! - 1) * x[k]!)) + mean(fake.map((x, i) => ofFake[i]! * x[k]!));
  expect(ofWeights.gradient).toEqual(near([[slope(0)], [slope(1)]]));
});

test("the losses of language models are the mean of −log p of what comes after each token", async () => {
  seed(1);
  const x = [
    [1, 2, 3],
    [4, 0, 2],
  ];
  const y = [
    [2, 3, 4],
    [0, 2, 1],
  ];
  const gpt = GPT(5, { layers: 1, heads: 2, features: 8, contextLength: 4, dropout: 0 });
  const ofGPT = (await gpt(integers(x)).array()) as Matrix[];
  const wanted = mean(ofGPT.flatMap((rows, n) => rows.map((row, t) => surprise(row, y[n]![t]!))));
  expect(await gptLoss(gpt, integers(x), integers(y)).item()).toBeCloseTo(wanted, 5);

  const model = LanguageModel(5, { features: 3, hidden: 4 });
  const losses = ((await model(integers(x)).logits.array()) as Matrix).map((row, i) => surprise(row, y.flat()[i]!));
  expect(await languageModelLoss(model, integers(x), integers(y)).item()).toBeCloseTo(mean(losses), 5);
  const sum = await languageModelLoss(model, integers(x), integers(y), { reduction: "sum" }).item();
  expect(sum).toBeCloseTo(6 * mean(losses), 4);
});

test("the loss of sequence to sequence is the same for padded sequences as for each alone", async () => {
  seed(1);
  const [model, padding] = [Seq2Seq(6, 4), 5];
  const column = (tokens: readonly number[]) => integers(tokens.map((token) => [token]));
  const long = await seq2seqLoss(model, column([1, 2, 3]), column([0, 3, 2, 1, 0])).item();
  const short = await seq2seqLoss(model, column([4]), column([0, 4, 0])).item();
  const { logits } = model.decode(column([0, 4]), model.encode(column([4])));
  const rows = ((await logits.array()) as Matrix[]).map(([row]) => row!);
  expect(short).toBeCloseTo((surprise(rows[0]!, 4) + surprise(rows[1]!, 0)) / 2, 5);

  const x = [[1, 4], [2, padding], [3, padding]]; // prettier-ignore
  const y = [[0, 0], [3, 4], [2, 0], [1, padding], [0, padding]]; // prettier-ignore
  const options = { lengths: [3, 1], ignoreIndex: padding };
  const both = await seq2seqLoss(model, integers(x), integers(y), options).item();
  expect(both).toBeCloseTo((4 * Number(long) + 2 * Number(short)) / 6, 5);
});
