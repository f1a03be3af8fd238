// The LSTM against its own formula step by step, in values, gradients of both orders and continued sequences.
import { diff, grad, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import {
  add,
  concat,
  matmul,
  mul,
  sigmoid,
  slice,
  square,
  stack,
  sum,
  tanh,
  transpose,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { expect, test } from "vitest";
import { LSTM, lstm, packPaddedSequence, params, seed } from "../src/index.ts";

const { randn, zeros, tensor } = openSync({});
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[]) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 9));
};
const [T, B, I, H] = [5, 3, 4, 2];
const shapes = [[T, B, I], [1, B, H], [1, B, H], [4 * H, I], [4 * H, H], [4 * H], [4 * H]] as const;
const values = () => shapes.map((shape, k) => randn([...shape], { seed: k + 1 }));

/** The formula, nothing else. */
function plain(x: Operand, h0: Operand, c0: Operand, wih: Operand, whh: Operand, bih: Operand, bhh: Operand): Tensor[] {
  const row = (v: Operand, t: number) => slice(v, { starts: [t], ends: [t + 1] }).reshape([B, -1]);
  let [h, c] = [row(h0, 0), row(c0, 0)];
  const ys: Tensor[] = [];
  for (let t = 0; t < T; t++) {
    const a = add(add(matmul(row(x, t), transpose(wih)), bih), add(matmul(h, transpose(whh)), bhh));
    const part = (k: number) => slice(a, { starts: [0, k * H], ends: [B, (k + 1) * H] });
    c = add(mul(sigmoid(part(1)), c), mul(sigmoid(part(0)), tanh(part(2))));
    h = mul(sigmoid(part(3)), tanh(c));
    ys.push(h);
  }
  return [stack(ys), stack([h]), stack([c])];
}
const ours = (x: Operand, h: Operand, c: Operand, ...weights: Operand[]): Tensor[] => {
  const result = lstm(x, h, c, weights);
  return [result.y, result.h, result.c];
};
type CellFunction = (...args: [Operand, Operand, Operand, Operand, Operand, Operand, Operand]) => Tensor[];
/** A scalar to which every element of every result contributes differently. */
const weighed = (form: CellFunction, ...args: Operand[]): Tensor =>
  form(...(args as Parameters<CellFunction>))
    .map((y, k) => sum(mul(square(y), randn(y.shape, { seed: 90 + k }))))
    .reduce((a, b) => add(a, b));

test("values are those of the formula", async () => {
  const [a, b] = [ours, plain].map((form) =>
    (form as CellFunction)(...(values() as unknown as Parameters<CellFunction>)),
  );
  for (const k of [0, 1, 2]) near(await list(a![k]!), await list(b![k]!));
});

test("gradients of all seven operands are those of the formula", async () => {
  const ps = values().map((x) => param(x));
  const [a, b] = [ours, plain].map((form) => diff(() => weighed(form as CellFunction, ...ps)));
  for (const p of ps) near(await list(a!.grad(p)), await list(b!.grad(p)));
});

test("so are gradients of gradients", async () => {
  const [x, ...rest] = values() as [Tensor, ...Tensor[]];
  const second = (form: CellFunction) =>
    grad((v: Tensor) =>
      sum(square(grad((w: Tensor) => weighed(form, v, ...rest.slice(0, 2), w, ...rest.slice(3)))(rest[2]!))),
    )(x);
  near(await list(second(ours)), await list(second(plain)));
});

test("a sequence run in two pieces gives the same results", async () => {
  seed(1);
  const rnn = LSTM({ in: I, hidden: H, layers: 2 });
  const x = randn([T, B, I], { seed: 1 });
  const whole = rnn.run(x);
  const first = rnn.run(slice(x, { ends: [2] }));
  const second = rnn.run(slice(x, { starts: [2] }), first);
  near(await list(concat([first.y, second.y])), await list(whole.y));
  near(await list(second.c), await list(whole.c));
  near(await list(rnn(x)), await list(whole.y));
  expect(whole.h.shape).toEqual([2, B, H]);
});

test("both directions, layers with dropout between, and one sequence without batch", async () => {
  const rnn = LSTM({ in: I, hidden: H, layers: 2, bidirectional: true, dropout: 0.5 });
  const shapes = ([0, 1] as const).flatMap((l) =>
    ["", "_reverse"].flatMap((way) => [
      `weight_ih_l${l}${way} [8,4]`,
      `weight_hh_l${l}${way} [8,2]`,
      `bias_ih_l${l}${way} [8]`,
      `bias_hh_l${l}${way} [8]`,
    ]),
  );
  expect(Object.entries(rnn as unknown as Record<string, Param>).map(([name, p]) => `${name} [${p.shape}]`)).toEqual(
    shapes,
  );
  const x = randn([T, I], { seed: 1 });
  const { y, h } = rnn.run(x);
  expect([y.shape, h.shape]).toEqual([
    [T, 2 * H],
    [4, H],
  ]);
  near(await list(y), await list(rnn(x.reshape([T, 1, I]))));
  expect(await list(rnn(x, { training: true }))).not.toEqual(await list(y));
  const tape = diff(() => sum(rnn(x, { training: false })));
  expect(tape.params).toEqual(params(rnn));
  // The second direction runs backward in time: its first output has seen the last input.
  const changed = rnn(concat([slice(x, { ends: [T - 1] }), zeros([1, I])]), { training: false });
  expect((await list(changed))[H]).not.toBeCloseTo((await list(y))[H]!, 6);
});

test("without biases, and from zeros when no state is given", async () => {
  const [x, , , wih, whh] = values() as Tensor[];
  const zero = zeros([1, B, H]);
  const none = zeros([4 * H]);
  const a = lstm(x!, null, null, [wih!, whh!], { bias: false });
  const b = plain(x!, zero, zero, wih!, whh!, none, none);
  near(await list(a.y), await list(b[0]!));
  near(await list(lstm(x!, zero, null, [wih!, whh!], { bias: false }).c), await list(b[2]!));
});

const [x, h, c, wih, whh, bih, bhh] = values() as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
const wrong: [string, () => unknown, string][] = [
  ["too few weights", () => lstm(x, h, c, [wih, whh]), "lstm: wanted 4 weights for 1 layers in 1 directions, got 2"],
  [
    "x without time",
    () => lstm(zeros([0, B, I]), h, c, [wih, whh, bih, bhh]),
    "lstm: wanted x of shape [T, B, in] with T > 0, got [0, 3, 4]",
  ],
  [
    "a vector for x",
    () => lstm(tensor([1]), h, c, [wih, whh, bih, bhh]),
    "lstm: wanted x of shape [T, B, in] with T > 0, got [1]",
  ],
  [
    "a state of another batch",
    () => lstm(x, zeros([1, 2, H]), c, [wih, whh, bih, bhh]),
    "lstm: wanted h of shape [1, 3, 2], got [1, 2, 2]",
  ],
  [
    "other features",
    () => lstm(zeros([T, B, 9]), h, c, [wih, whh, bih, bhh]),
    "lstm: the weights are for 4 features per step, x [5, 3, 9] has 9",
  ],
  [
    "a bias of another length",
    () => lstm(x, h, c, [wih, whh, bih, tensor([1])]),
    "lstm: x [5, 3, 4] and 2 hidden units want the recurrent bias of shape [8], got [1]",
  ],
];
test.each(wrong)("refuses %s", (_, f, message) =>
  expect(f).toThrow(expect.objectContaining({ name: "ShapeError", message })),
);

test("a state without a batch axis is that of each sequence, and is learned as a parameter", async () => {
  seed(1);
  const layer = LSTM({ in: I, hidden: H, layers: 2 });
  const x = randn([T, B, I], { seed: 1 });
  const [h, c] = [param(randn([2, H], { seed: 2 })), param(randn([2, H], { seed: 3 }))];
  const each = (state: Param) => stack([state.value, state.value, state.value], { axis: 1 });
  near(await list(layer(x, { h, c })), await list(layer(x, { h: each(h), c: each(c) })));
  const packed = packPaddedSequence(x, [2, T, 3], { enforceSorted: false });
  const [one, other] = [layer.run(packed, { h, c }), layer.run(packed, { h: each(h), c: each(c) })];
  near(await list(one.y.data), await list(other.y.data));
  const tape = diff(() => sum(square(layer(x, { h, c }))));
  expect([tape.grad(h)!.shape, tape.grad(c)!.shape]).toEqual([[2, H], [2, H]]); // oxfmt-ignore
});
