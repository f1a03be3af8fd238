// What of a batch is an input, what a target: predictions of data with and without targets, ragged data, rows left out.
import { minibatch, ncycle, progress, ragged, shuffle, takeFirst } from "@weft/data";
import { constant, crossEntropy, Embedding, Linear, LSTM, mse } from "@weft/nn";
import { sgd } from "@weft/optim";
import { add, ArgumentError, mul, permute, reshape, sum, type Operand, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { epochs, evaluate, fit, metrics, predict } from "../src/index.node.ts";

const backend = await open({ seed: 1 });
const { tensor } = backend;
const line = () => Linear(1, 1, { init: constant(1), bias: false });
const data = [
  [tensor([[1], [2]]), tensor([[3], [6]])],
  [tensor([[4]]), tensor([[12]])],
] as const;

const words = ragged([[4, 7, 1], [5], [2, 2], [3, 1, 1, 1]]);
/** Sums of sequences times their lengths, so that wrong lengths show. */
const weighed = (x: Tensor, lengths: Tensor) => mul(sum(x, { axis: 1 }), lengths);

test("lengths of ragged data are inputs, not a target", async () => {
  const wanted = [12 * 3, 5, 4 * 2, 6 * 4];
  const alone = minibatch(words, 2, { backend });
  expect(await (await predict(weighed, alone)).array()).toEqual(wanted);
  expect(await (await predict(weighed, minibatch([words], 2, { backend }))).array()).toEqual(wanted);
  expect(await (await predict(weighed, progress(alone, { display: { update() {}, close() {} } }))).array()).toEqual(
    wanted,
  );
  const doubled = minibatch(words, 2, { backend, transform: ([x, n]) => [x.mul(2), n] });
  expect(await (await predict(weighed, doubled)).array()).toEqual(wanted.map((x) => 2 * x));
  const labeled = minibatch([words, [0, 1, 0, 1]], 2, { backend });
  expect(await (await predict(weighed, labeled, { target: true })).array()).toEqual(wanted);
});

test("predictions of batches of other lengths are refused with what to do", async () => {
  const embedding = Embedding(8, 3);
  const model = Object.assign((x: Tensor) => embedding(x), { embedding });
  await expect(predict(model, minibatch(words, 2, { backend }))).rejects.toThrow(
    /^predict: predictions of two batches are \[2,3,3\] and \[2,4,3\].* as one batch, .* batch by batch/,
  );
  expect((await predict(model, minibatch(words, 4, { backend }))).shape).toEqual([4, 4, 3]);
});

test("of several parts somebody has to say whether the last one is a target", async () => {
  const model = line();
  await expect(predict(model, data)).rejects.toThrow(
    /predict: the batches have 2 parts.*\{ target: true \}.*\{ target: false \}/,
  );
  expect(await (await predict(model, data, { target: true })).array()).toEqual([[1], [2], [4]]);
  const pairs = minibatch([tensor([1, 2, 3]), tensor([10, 20, 30])], 3);
  const added = (a: Operand, b: Operand) => add(a, b);
  await expect(predict(added, pairs)).rejects.toThrow(ArgumentError);
  expect(await (await predict(added, pairs, { target: false })).array()).toEqual([11, 22, 33]);
  await expect(predict(model, [tensor([[1]])], { target: true })).rejects.toThrow("wanted batches [x, target]");
  await expect(predict(weighed, minibatch(words, 2, { backend }), { target: true })).rejects.toThrow("the lengths");
});

test("what has no target is not trained on, and ragged targets come without their lengths", async () => {
  const options = { loss: mse, optimizer: sgd({ lr: 0 }) };
  const model = (x: Tensor) => x;
  const alone = minibatch(words, 2, { backend });
  const message = /the last part of a batch is the lengths of ragged sequences.*\{ lengths: false \}/;
  await expect(fit(model, alone, options)).rejects.toThrow(message);
  await expect(evaluate(model, alone, { loss: mse })).rejects.toThrow(message);
  await expect(Promise.resolve(epochs(model, alone, options))).rejects.toThrow(message);

  const tags = ragged([[1, 0, 2], [2], [0, 1], [1, 1, 0, 2]], { lengths: false, padding: -1 });
  const net = { embedding: Embedding(8, 4), reader: LSTM({ in: 4, hidden: 3, batchFirst: true }) };
  const read = (x: Tensor, lengths: Tensor) => net.reader(net.embedding(x), { lengths });
  const tagger = Object.assign((x: Tensor, n: Tensor) => permute(read(x, n), [0, 2, 1]), net); // [B, tags, T]
  const loss = (y: Tensor, t: Tensor) => crossEntropy(y, t, { ignoreIndex: -1 });
  const accuracy = metrics.accuracy({ ignoreIndex: -1 });
  const batches = minibatch([words, tags], 2, { backend });
  const history = await fit(tagger, batches, { loss, optimizer: sgd({ lr: 1 }), epochs: 20, metrics: { accuracy } });
  expect(history.loss.at(-1)).toBeLessThan(history.loss[0]!);
  expect((await predict(tagger, takeFirst(batches, 1), { target: true })).shape).toEqual([2, 3, 3]);
});

test("predictions are of all rows, or it says which are missing", async () => {
  const x = tensor([[1], [2], [3], [4], [5]]);
  const cut = minibatch(x, 2);
  const quiet = { display: { update() {}, close() {} } };
  for (const batches of [cut, shuffle(cut), progress(cut, quiet), ncycle(cut, 2), progress(shuffle(cut), quiet)])
    await expect(predict(line(), batches)).rejects.toThrow(
      /predict: 1 rows of the data are in no batch.*partial: true/,
    );
  const whole = minibatch(x, 2, { partial: true });
  for (const batches of [whole, minibatch(x, 5), minibatch(x, 1), progress(whole, quiet)])
    expect(await (await predict(line(), batches)).array()).toEqual([[1], [2], [3], [4], [5]]);
  expect((await predict(line(), takeFirst(cut, 2))).shape).toEqual([4, 1]);
  const sampled = minibatch(x, 2, { sampler: [4, 0, 1] });
  await expect(predict(line(), sampled)).rejects.toThrow("1 rows");
});

test("a model may be an object with a method forward, as those that summary shows", async () => {
  const first = line();
  const net = { first, forward: (x: Operand) => net.first(x) };
  const { loss } = await fit(net, data, { loss: mse, optimizer: sgd({ lr: 0.01 }), epochs: 2, validation: data });
  expect(loss[1]).toBeLessThan(loss[0]!);
  expect((await evaluate(net, data, { loss: mse })).loss).toBeLessThan(28);
  expect((await predict(net, data, { target: true })).shape).toEqual([3, 1]);
  class Net {
    readonly inner = first;
    forward(x: Tensor) {
      return reshape(this.inner(x), [-1]);
    }
  }
  expect((await predict(new Net(), data, { target: true })).shape).toEqual([3]);
  // @ts-expect-error
  await expect(fit({}, data, { loss: mse })).rejects.toThrow(
    "a function as the model, or an object with a method forward",
  );
});

test("an optimizer that was not made is named", async () => {
  // @ts-expect-error
  await expect(fit(line(), data, { loss: mse, optimizer: sgd })).rejects.toThrow(
    "fit: wanted an optimizer such as adam(), got the function sgd; call it: sgd()",
  );
});
