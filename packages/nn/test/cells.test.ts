// Cells: one step at a time gives what a layer gives for the whole sequence.
import { diff, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, mul, reshape, stack, sum, take, type Operand, type Tensor } from "@weft/tensor";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { describe, expect, test } from "vitest";
import { fromBytes, GRUCell, LSTMCell, params, RNN, RNNCell, seed, toBytes } from "../src/index.ts";

const reference = openSync({});
const { randn, zeros } = reference;
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[], digits = 9) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, digits));
};
const [T, B, I, H] = [3, 2, 4, 3];

/** A cell, and its steps over x from zeros: h after each. */
const loops = {
  relu: (options) => {
    const cell = RNNCell({ ...options, activation: "relu" });
    return [cell, (xs) => scan(xs, (x, h: Tensor | null) => cell(x, h))];
  },
  tanh: (options) => {
    const cell = RNNCell(options);
    return [cell, (xs) => scan(xs, (x, h: Tensor | null) => cell(x, h))];
  },
  gru: (options) => {
    const cell = GRUCell(options);
    return [cell, (xs) => scan(xs, (x, h: Tensor | null) => cell(x, h))];
  },
  lstm: (options) => {
    const cell = LSTMCell(options);
    return [
      cell,
      (xs) => {
        let states: { h: Tensor; c: Tensor } | undefined;
        return xs.map((x) => (states = cell(x, states)).h);
      },
    ];
  },
} as const satisfies Record<
  string,
  (options: Parameters<typeof GRUCell>[0]) => readonly [cell: object, run: (xs: readonly Tensor[]) => Tensor[]]
>;

function scan(xs: readonly Tensor[], f: (x: Operand, h: Tensor | null) => Tensor): Tensor[] {
  let h: Tensor | null = null;
  return xs.map((x) => (h = f(x, h)));
}

describe.each(["relu", "tanh", "gru", "lstm"] as const)("%s", (type) => {
  test.each([
    ["reference", reference, {}, 9],
    ["CPU", openCpu({}), {}, 4],
    ["without biases", reference, { bias: false }, 9],
    ["with layer normalization", reference, { layerNorm: true }, 9],
  ] as const)("is a step of the layer: %s", async (_, backend, more, digits) => {
    seed(1);
    const [cell, run] = loops[type]({ in: I, hidden: H, ...more });
    seed(1);
    const net = RNN({ type, in: I, hidden: H, ...more });
    const x = param(backend.randn([T, B, I], { seed: 1 }));
    const weight = backend.randn([T, B, H], { seed: 2 });
    expect(Object.keys(cell)).toEqual(Object.keys(net).map((name) => name.replace("_l0", "")));
    const found = async (model: object, f: (p: Param) => Tensor) => {
      const tape = diff(() => sum(mul(f(x), weight)));
      return (await Promise.all([x, ...params(model)].map((p) => list(tape.grad(p))))).flat();
    };
    const steps = (p: Param) => stack(run(Array.from({ length: T }, (__, t) => take(p, t))));
    near(await list(steps(x)), await list(net(x)), digits);
    near(await found(cell, steps), await found(net, (p) => net(p)), digits);
  });

  test("takes x without a batch", async () => {
    const [, run] = loops[type]({ in: I, hidden: H });
    const xs = [0, 1].map((k) => randn([I], { seed: k }));
    const batch = run(xs.map((x) => reshape(x, [1, I])));
    for (const [k, h] of run(xs).entries()) {
      expect(h.shape).toEqual([H]);
      near(await list(h), await list(batch[k]!));
    }
  });
});

test("PyTorch's names, in files, too", async () => {
  const make = () => LSTMCell({ in: I, hidden: H, forgetBias: 1 });
  const cell = make();
  expect(Object.keys(cell)).toEqual(["weight_ih", "weight_hh", "bias_ih", "bias_hh"]);
  const { h } = cell(randn([B, I], { seed: 1 }));
  near(await list(fromBytes(await toBytes(cell), make())(randn([B, I], { seed: 1 })).h), await list(h));
});

test("the cell state alone may be given", async () => {
  const cell = LSTMCell({ in: I, hidden: H });
  const [x, c] = [randn([B, I]), randn([B, H])];
  near(await list(cell(x, { c }).h), await list(cell(x, { h: zeros([B, H]), c }).h));
  expect(await list(cell(x, { c }).c)).not.toEqual(await list(cell(x, { c: add(c, 1) }).c));
});

const wrong: [string, () => unknown, string][] = [
  [
    "no features",
    () => GRUCell({ hidden: 2 } as never),
    "GRUCell: wanted `in`, the number of features of x, got nothing",
  ],
  ["no units", () => RNNCell({ in: 2 } as never), "RNNCell: wanted a positive integer as hidden, got undefined"],
  [
    "other features",
    () => GRUCell({ in: I, hidden: H })(zeros([B, 9])),
    "GRUCell: wanted x of shape [B, 4] or [4], got [2, 9]",
  ],
  [
    "a state of another batch",
    () => LSTMCell({ in: I, hidden: H })(zeros([B, I]), { c: zeros([1, H]) }),
    "LSTMCell: wanted c of shape [2, 3], got [1, 3]",
  ],
  [
    "an unknown option",
    () => RNNCell({ in: I, hidden: H, layers: 2 } as never),
    'RNNCell: there is no option "layers"; known options: in, hidden, bias, recurrentBias, layerNorm, init, biasInit, activation',
  ],
];
test.each(wrong)("refuses %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));
