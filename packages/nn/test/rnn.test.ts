// Plain recurrent networks against their own formula step by step, in values, gradients of both orders and continued
// sequences.
import { diff, grad, param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import {
  add,
  concat,
  matmul,
  mul,
  relu,
  slice,
  square,
  stack,
  sum,
  tanh,
  transpose,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { RNN, rnn, seed } from "../src/index.ts";

const { randn, zeros } = openSync({});
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[]) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 9));
};
const [T, B, I, H] = [4, 3, 4, 2];
const shapes = [[T, B, I], [1, B, H], [H, I], [H, H], [H], [H]] as const;
const values = () => shapes.map((shape, k) => randn([...shape], { seed: k + 1 }));
const functions = { relu, tanh };
type CellFunction = (...args: [Operand, Operand, Operand, Operand, Operand, Operand]) => Tensor[];

describe.each(["relu", "tanh"] as const)("%s", (activation) => {
  /** The formula, nothing else. */
  const plain: CellFunction = (x, h0, wih, whh, bih, bhh) => {
    const row = (v: Operand, t: number) => slice(v, { starts: [t], ends: [t + 1] }).reshape([B, -1]);
    let h = row(h0, 0);
    const ys: Tensor[] = [];
    for (let t = 0; t < T; t++) {
      const a = add(add(matmul(row(x, t), transpose(wih)), bih), add(matmul(h, transpose(whh)), bhh));
      ys.push((h = functions[activation](a)));
    }
    return [stack(ys), stack([h])];
  };
  const ours: CellFunction = (x, h, ...weights) => {
    const { y, h: end } = rnn(x, h, weights, { activation });
    return [y, end];
  };
  /** A scalar to which every element of every result contributes differently. */
  const weighed = (form: CellFunction, args: readonly Operand[]): Tensor =>
    form(...(args as unknown as Parameters<CellFunction>))
      .map((y, k) => sum(mul(square(y), randn(y.shape, { seed: 90 + k }))))
      .reduce((a, b) => add(a, b));

  test("values are those of the formula", async () => {
    const [a, b] = [ours, plain].map((form) => form(...(values() as unknown as Parameters<CellFunction>)));
    for (const k of [0, 1]) near(await list(a![k]!), await list(b![k]!));
  });

  test("gradients of all six operands are those of the formula", async () => {
    const ps = values().map((x) => param(x));
    const [a, b] = [ours, plain].map((form) => diff(() => weighed(form, ps)));
    for (const p of ps) near(await list(a!.grad(p)), await list(b!.grad(p)));
  });

  test("so are gradients of gradients", async () => {
    const all = values();
    const second = (form: CellFunction, i: number) =>
      grad((v: Tensor) => sum(square(grad((w: Tensor) => weighed(form, all.with(i, v).with(3, w)))(all[3]!))))(all[i]!);
    for (const i of [0, 1, 2, 4]) near(await list(second(ours, i)), await list(second(plain, i)));
  });

  test("a sequence run in two pieces gives the same results", async () => {
    seed(1);
    const net = RNN({ type: activation, in: I, hidden: H, layers: 2 });
    const x = randn([T, B, I], { seed: 1 });
    const whole = net.run(x);
    const first = net.run(slice(x, { ends: [2] }));
    const second = net.run(slice(x, { starts: [2] }), first);
    near(await list(concat([first.y, second.y])), await list(whole.y));
    near(await list(second.h), await list(whole.h));
  });
});

test("tanh is the default, as in PyTorch", async () => {
  const [x, h, ...weights] = values() as [Tensor, Tensor, ...Tensor[]];
  near(await list(rnn(x, h, weights).y), await list(rnn(x, h, weights, { activation: "tanh" }).y));
});

const [x, h, wih, whh, bih, bhh] = values() as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
const wrong: [string, () => unknown, string][] = [
  ["too few weights", () => rnn(x, h, [wih, whh]), "rnn: wanted 4 weights for 1 layers in 1 directions, got 2"],
  [
    "another activation",
    () => rnn(x, h, [wih, whh, bih, bhh], { activation: "sigmoid" as "tanh" }),
    'rnn: wanted "relu" or "tanh" as activation, got "sigmoid"',
  ],
  [
    "a recurrent weight that is not square",
    () => rnn(x, h, [wih, zeros([4, H]), bih, bhh]),
    "rnn: x [4, 3, 4] and 2 hidden units want the recurrent weight of shape [2, 2], got [4, 2]",
  ],
  [
    "a projection",
    () => rnn(x, h, [wih, whh, bih, bhh, wih], { projection: true } as object),
    "rnn: projection and peepholes are for an LSTM",
  ],
];
test.each(wrong)("refuses %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));
