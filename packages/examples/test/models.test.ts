// The models as they are copied: what they refuse, and what gets no gradient.
import { diff } from "@weft/autograd";
import { parseTree } from "@weft/data";
import { clone, params, toBytes } from "@weft/nn";
import { adam, sgd } from "@weft/optim";
import { ArgumentError } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { GPT, QNetwork, gptLoss, temporalDifferenceLoss, TreeLSTM } from "../src/index.ts";
import { ReplayBuffer } from "../src/reinforcement-learning/replay-buffer.ts";

test("the temporal difference has no gradient for the target network", async () => {
  const backend = await open({ seed: 3 });
  const network = QNetwork(4, 2);
  const memory = ReplayBuffer(20, 4, backend);
  network(backend.zeros([1, 4]));
  for (let i = 0; i < 20; i++)
    memory.add({ state: [i % 2, 1, 0, 0], action: i % 2, reward: 1, nextState: [1, 1, 0, 0], done: false });
  const target = clone(network);
  const before = await toBytes(target);
  for (const optimizer of [sgd({ lr: 0.1 }), adam()])
    optimizer.update(diff(() => temporalDifferenceLoss(network, target, memory.sample(16))));
  expect(await toBytes(target)).toEqual(before);
  expect(await toBytes(network)).not.toEqual(before);
});

test.each([
  ["(1 (1 a) (1 b) (1 c))", 3, "a node with another number of parts"],
  ["(1 (1 (1 a)) (1 b))", 2, "a node with another number of parts"],
  ["(1 (1 a) (1 b))", 1, "2 words"],
  ["(1 (1 a) (1 b))", 3, "2 words"],
])("the tree %s with %d words is refused", async (tree, words, found) => {
  const { zeros } = await open({ seed: 1 });
  const model = TreeLSTM(10, 2, 8);
  expect(() => model.logits(parseTree(tree), zeros([words], { dtype: "i32" }))).toThrow(
    new ArgumentError(`TreeLSTM: wanted ${words} words, and two parts in each node above them, got ${found}`),
  );
});

test("GPT reads fewer tokens than a window has, and not more", async () => {
  const backend = await open({ seed: 1 });
  const model = GPT(5, { layers: 2, heads: 2, features: 8, contextLength: 6, dropout: 0 });
  const ids = (text: number[]) => backend.tensor([text], { dtype: "i32" });
  const tape = diff(() => gptLoss(model, ids([1, 2, 3]), ids([2, 3, 4]))); // before it has any values
  expect(tape.params).toHaveLength(params(model).length);
  const [short, whole] = [await model(ids([1, 2, 3])).data(), await model(ids([1, 2, 3, 4, 0, 1])).data()];
  expect(short).toHaveLength(3 * 5);
  for (const [i, score] of short.entries()) expect(score).toBeCloseTo(Number(whole[i]), 5);
  await expect(model(ids([1, 2, 3, 4, 0, 1, 2])).data()).rejects.toThrow("Embedding: an index was outside its axis");
});
