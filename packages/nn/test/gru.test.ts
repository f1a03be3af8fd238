// The GRU against its own formula step by step, in values, gradients of both orders and continued sequences.
import { diff, grad, param, type Param } from "@weft/autograd";
import { goldenCases, openSync } from "@weft/conformance";
import {
  add,
  concat,
  matmul,
  mul,
  sigmoid,
  slice,
  square,
  stack,
  sub,
  sum,
  tanh,
  transpose,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { expect, test } from "vitest";
import { GRU, gru, params, seed } from "../src/index.ts";

const { randn, zeros, tensor } = openSync({});
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[]) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 9));
};
const [T, B, I, H] = [5, 3, 4, 2];
const shapes = [[T, B, I], [1, B, H], [3 * H, I], [3 * H, H], [3 * H], [3 * H]] as const;
const values = () => shapes.map((shape, k) => randn([...shape], { seed: k + 1 }));
const operands = ["x", "h", "the input weight", "the recurrent weight", "the input bias", "the recurrent bias"];

/** The formula, nothing else. */
function plain(x: Operand, h0: Operand, wih: Operand, whh: Operand, bih: Operand, bhh: Operand): Tensor[] {
  const row = (v: Operand, t: number) => slice(v, { starts: [t], ends: [t + 1] }).reshape([B, -1]);
  let h = row(h0, 0);
  const ys: Tensor[] = [];
  for (let t = 0; t < T; t++) {
    const [a, q] = [add(matmul(row(x, t), transpose(wih)), bih), add(matmul(h, transpose(whh)), bhh)];
    const part = (v: Tensor, k: number) => slice(v, { starts: [0, k * H], ends: [B, (k + 1) * H] });
    const [r, z] = [0, 1].map((k) => sigmoid(add(part(a, k), part(q, k)))) as [Tensor, Tensor];
    const n = tanh(add(part(a, 2), mul(r, part(q, 2))));
    h = add(mul(sub(1, z), n), mul(z, h));
    ys.push(h);
  }
  return [stack(ys), stack([h])];
}
const ours = (x: Operand, h: Operand, ...weights: Operand[]): Tensor[] => {
  const result = gru(x, h, weights);
  return [result.y, result.h];
};
type CellFunction = (...args: [Operand, Operand, Operand, Operand, Operand, Operand]) => Tensor[];
/** A scalar to which every element of every result contributes differently. */
const weighed = (form: CellFunction, args: readonly Operand[]): Tensor =>
  form(...(args as unknown as Parameters<CellFunction>))
    .map((y, k) => sum(mul(square(y), randn(y.shape, { seed: 90 + k }))))
    .reduce((a, b) => add(a, b));

test("values are those of the formula", async () => {
  const [a, b] = [ours, plain].map((form) =>
    (form as CellFunction)(...(values() as unknown as Parameters<CellFunction>)),
  );
  for (const k of [0, 1]) near(await list(a![k]!), await list(b![k]!));
});

test("gradients of all six operands are those of the formula", async () => {
  const ps = values().map((x) => param(x));
  const [a, b] = [ours, plain].map((form) => diff(() => weighed(form as CellFunction, ps)));
  for (const p of ps) near(await list(a!.grad(p)), await list(b!.grad(p)));
});

test.each(operands.map((name, k) => [name, k] as const))("so are gradients of the gradient of %s", async (_, k) => {
  const all = values();
  const second = (form: CellFunction, i: number) =>
    grad((v: Tensor) => {
      const first = grad((w: Tensor) => weighed(form, all.with(i, v).with(k, w)));
      return sum(square(first(i === k ? v : all[k]!)));
    })(all[i]!);
  for (const i of all.keys()) near(await list(second(ours, i)), await list(second(plain, i)));
});

test("a sequence run in two pieces gives the same results", async () => {
  seed(1);
  const rnn = GRU({ in: I, hidden: H, layers: 2 });
  const x = randn([T, B, I], { seed: 1 });
  const whole = rnn.run(x);
  const first = rnn.run(slice(x, { ends: [2] }));
  const second = rnn.run(slice(x, { starts: [2] }), first);
  near(await list(concat([first.y, second.y])), await list(whole.y));
  near(await list(second.h), await list(whole.h));
  near(await list(rnn(x)), await list(whole.y));
  expect(whole.h.shape).toEqual([2, B, H]);
});

test("PyTorch's names and shapes", () => {
  const { attrs, inputs } = goldenCases["recurrent"]!.find(({ name }) => name === "gru#1")!;
  const { inputSize, hiddenSize, numLayers, params: names } = attrs as Record<string, any>;
  const rnn = GRU({ in: inputSize, hidden: hiddenSize, layers: numLayers, bidirectional: true });
  const fields = Object.entries(rnn as unknown as Record<string, Param>);
  expect(fields.map(([name]) => name)).toEqual(names);
  expect(fields.map(([, p]) => p.shape)).toEqual(inputs.slice(2).map(({ shape }) => shape));
});

test("both directions, layers with dropout between, and one sequence without batch", async () => {
  const rnn = GRU({ in: I, hidden: H, layers: 2, bidirectional: true, dropout: 0.5 });
  const x = randn([T, I], { seed: 1 });
  const { y, h } = rnn.run(x);
  expect([y.shape, h.shape]).toEqual([
    [T, 2 * H],
    [4, H],
  ]);
  near(await list(y), await list(rnn(x.reshape([T, 1, I]))));
  near(await list(rnn(x, { h })), await list(rnn(x.reshape([T, 1, I]), { h: h.reshape([4, 1, H]) })));
  expect(await list(rnn(x, { training: true }))).not.toEqual(await list(y));
  const tape = diff(() => sum(rnn(x, { training: false })));
  expect(tape.params).toEqual(params(rnn));
  // The second direction runs backward in time: its first output has seen the last input.
  const changed = rnn(concat([slice(x, { ends: [T - 1] }), zeros([1, I])]), { training: false });
  expect((await list(changed))[H]).not.toBeCloseTo((await list(y))[H]!, 6);
});

test("without biases, and from zeros when no state is given", async () => {
  const [x, , wih, whh] = values() as Tensor[];
  const none = zeros([3 * H]);
  const a = gru(x!, null, [wih!, whh!], { bias: false });
  const b = plain(x!, zeros([1, B, H]), wih!, whh!, none, none);
  near(await list(a.y), await list(b[0]!));
  near(await list(a.h), await list(b[1]!));
  expect(Object.keys(GRU({ in: I, hidden: H, bias: false }))).toEqual(["weight_ih_l0", "weight_hh_l0"]);
});

const [x, h, wih, whh, bih, bhh] = values() as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
const wrong: [string, () => unknown, string][] = [
  ["too few weights", () => gru(x, h, [wih, whh]), "gru: wanted 4 weights for 1 layers in 1 directions, got 2"],
  [
    "x without time",
    () => gru(zeros([0, B, I]), h, [wih, whh, bih, bhh]),
    "gru: wanted x of shape [T, B, in] with T > 0, got [0, 3, 4]",
  ],
  [
    "a state of another batch",
    () => gru(x, zeros([1, 2, H]), [wih, whh, bih, bhh]),
    "gru: wanted h of shape [1, 3, 2], got [1, 2, 2]",
  ],
  [
    "the weights of an LSTM",
    () => gru(x, h, [zeros([4 * H, I]), whh, bih, bhh]),
    "gru: x [5, 3, 4] and 2 hidden units want the input weight of shape [6, 4], got [8, 4]",
  ],
  [
    "a recurrent bias of another length",
    () => gru(x, h, [wih, whh, bih, tensor([1])]),
    "gru: x [5, 3, 4] and 2 hidden units want the recurrent bias of shape [6], got [1]",
  ],
];
test.each(wrong)("refuses %s", (_, f, message) =>
  expect(f).toThrow(expect.objectContaining({ name: "ShapeError", message })),
);
