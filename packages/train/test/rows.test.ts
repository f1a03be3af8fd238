// How many rows a batch counts for: in time-major data, in ragged data, and where its parts are nested.
import { param } from "@weft/autograd";
import { constant, Linear, mse } from "@weft/nn";
import { minibatch, ragged } from "@weft/data";
import { sgd } from "@weft/optim";
import type { Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { evaluate, fit } from "../src/index.node.ts";

const cpu = await open({ seed: 1 });
const { tensor } = cpu;

/** y = w x with w = 1 at first. */
const line = () => Linear(1, 1, { init: constant(1), bias: false });
/** Batches of two rows and of one, for y = 3 x. */
const data = [
  [tensor([[1], [2]]), tensor([[3], [6]])],
  [tensor([[4]]), tensor([[12]])],
] as const;

test("batches with time first have as many rows as targets", async () => {
  // [T, N, 1], of which the model takes the last step: the same losses as those of `data`.
  const timed = data.map(([x, y]) => [cpu.zeros([5, ...x.shape]).add(x), y] as const);
  const model = line();
  const last = (x: Tensor) => model(x.take(4));
  const { loss } = await evaluate(line(), data, { loss: mse });
  expect((await evaluate(last, timed, { loss: mse })).loss).toBeCloseTo(loss, 4);
  const history = await fit(last, timed, { loss: mse, optimizer: sgd({ lr: 0 }), validation: timed });
  expect(history.loss[0]).toBeCloseTo(loss, 4);
  expect(history.valLoss[0]).toBeCloseTo(loss, 4);
});

test("batches of sequences with time first have as many rows as lengths", async () => {
  const words = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 9], [1]]; // prettier-ignore
  const options = { dtype: "f32", batchFirst: false } as const;
  const sequences = [ragged(words, options), ragged(words, { ...options, lengths: false })] as const;
  const batches = minibatch(sequences, 2, { backend: cpu, partial: true });
  // The loss of a batch is the number of its sequences.
  const loss = (y: Tensor) => y.sum().mul(0).add(y.shape[1]!);
  const model = Object.assign(
    (x: Tensor, lengths: Tensor) => x.slice({ ends: [x.shape[0]!, lengths.shape[0]!] }).mul(model.scale),
    { scale: param(tensor(1)) },
  );
  const wanted = (2 * 2 + 2 * 2 + 1 * 1) / 5;
  expect((await evaluate(model, batches, { loss })).loss).toBeCloseTo(wanted, 5);
  expect((await fit(model, batches, { loss, optimizer: sgd() })).loss[0]).toBeCloseTo(wanted, 5);
});

test("a batch counts by its rows, however its target and inputs are nested", async () => {
  const identity = (x: Tensor) => x;
  const rows = (n: number, value: number) => cpu.full([n], value);
  const squares = (y: Tensor) => y.square().mean();
  // Squares 1 1 1 1 | 16: by hand their mean is 4, and 8.5 if batches count alike.
  const targets = {
    tensor: (n: number) => rows(n, 0),
    list: (n: number) => [rows(n, 0), rows(n, 1)],
    object: (n: number) => ({ y: rows(n, 0), w: rows(n, 1) }),
    map: (n: number) => new Map([["y", rows(n, 0)]]),
    deep: (n: number) => [[{ scale: tensor(2), y: [rows(n, 0)] }]],
    host: (n: number) => [{ data: new Float32Array(2 * n), shape: [n, 2], dtype: "f32" }],
    numbers: (n: number) => Array.from({ length: n }, () => [0, 0]),
    labels: (n: number) => Array.from({ length: n }, () => "a"),
    scalar: () => 0,
  };
  for (const [name, target] of Object.entries<(n: number) => unknown>(targets)) {
    const nested = [[rows(4, 1), target(4)] as const, [rows(1, 4), target(1)] as const];
    expect([name, (await evaluate(identity, nested, { loss: squares })).loss]).toEqual([name, 4]);
    const model = Object.assign((x: Tensor) => x.mul(model.w), { w: param(tensor(1)) });
    const history = await fit(model, nested, { loss: squares, optimizer: sgd({ lr: 0 }), validation: nested });
    expect([name, history.loss, history.valLoss]).toEqual([name, [4], [4]]);
  }
  // Of nested sources, and of lengths in a nested part.
  const sources = [tensor([1, 1, 1, 1, 4]), [tensor([0, 0, 0, 0, 0]), tensor([1, 1, 1, 1, 1])]] as const;
  const cut = minibatch(sources, 4, { partial: true });
  expect((await evaluate(identity, cut, { loss: squares })).loss).toBe(4);
  const timed = ragged([[1, 1], [1], [1], [4]], { dtype: "f32", batchFirst: false }); // prettier-ignore
  const deep = minibatch([[timed], tensor([0, 0, 0, 0])], 3, { backend: cpu, partial: true });
  const count = ([x]: readonly [Tensor, Tensor]) => x.sum().mul(0).add(x.shape[1]!);
  expect((await evaluate(count, deep, { loss: (y) => y })).loss).toBe((3 * 3 + 1) / 4);
});
