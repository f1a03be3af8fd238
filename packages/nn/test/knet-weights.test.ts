// Weights in Knet's order: its formulas, written with the numbers where Knet keeps them, give what the layer gives.
import { diff } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { sum, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { fromKnetWeights, GRU, Linear, LSTM, RNN, rnnparam, rnnparams, toKnetWeights } from "../src/index.ts";

const { randn, tensor, zeros } = openSync({});
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[]) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 9));
};
const [I, H, L] = [2, 2, 2];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Matrices of H rows and biases in a vector: all matrices (by layer, then id), then all biases. */
function knet(w: readonly number[], ids: number, layers: number, inputs: (layer: number) => number) {
  let at = 0;
  const matrices: number[][][][] = [];
  for (let l = 0; l < layers; l++) {
    matrices.push([]);
    for (let i = 0; i < ids; i++) {
      const columns = i < ids / 2 ? inputs(l) : H;
      // In Knet `[columns, H]` with the first axis contiguous.
      matrices[l]!.push(Array.from({ length: H }, (_, r) => w.slice(at + r * columns, at + (r + 1) * columns)));
      at += H * columns;
    }
  }
  const biases = Array.from({ length: layers }, (_, l) =>
    Array.from({ length: ids }, (__, i) => w.slice(at + (l * ids + i) * H, at + (l * ids + i + 1) * H)),
  );
  expect(at + layers * ids * H).toBe(w.length);
  /** Matrix and bias of layer l and id i, from 1, on a vector. */
  return (l: number, i: number, x: readonly number[]): number[] =>
    matrices[l]![i - 1]!.map((row, r) => row.reduce((s, v, k) => s + v * x[k]!, biases[l]![i - 1]![r]!));
}

type Part = ReturnType<typeof knet>;
/** One step of layer l: Knet's equations. */
const steps: Record<string, (f: Part, l: number, x: number[], h: number[], c: number[]) => [number[], number[]]> = {
  tanh: (f, l, x, h, c) => {
    const [a, b] = [f(l, 1, x), f(l, 2, h)];
    return [a.map((v, k) => Math.tanh(v + b[k]!)), c];
  },
  lstm: (f, l, x, h, c) => {
    const a = [1, 2, 3, 4].map((i) => f(l, i, x).map((v, k) => v + f(l, i + 4, h)[k]!));
    const next = c.map((v, k) => sigmoid(a[1]![k]!) * v + sigmoid(a[0]![k]!) * Math.tanh(a[2]![k]!));
    return [next.map((v, k) => sigmoid(a[3]![k]!) * Math.tanh(v)), next];
  },
  gru: (f, l, x, h, c) => {
    const [rx, ux, nx, rh, uh, nh] = [1, 2, 3, 4, 5, 6].map((i) => f(l, i, i < 4 ? x : h)) as number[][];
    const next = h.map((v, k) => {
      const [r, i] = [sigmoid(rx![k]! + rh![k]!), sigmoid(ux![k]! + uh![k]!)];
      return (1 - i) * Math.tanh(nx![k]! + r * nh![k]!) + i * v;
    });
    return [next, c];
  },
};

describe.each([
  ["tanh", 2],
  ["lstm", 8],
  ["gru", 6],
] as const)("%s", (type, ids) => {
  const make = () => RNN({ type, in: I, hidden: H, layers: L });
  const size = L * ids * (H * I + H);
  const w = randn([1, 1, size], { seed: 1 });

  test("Knet's equations with Knet's vector give the layer's results", async () => {
    const net = make();
    fromKnetWeights(net, w);
    const x = [0.25, -0.75, 1.125, 0.5, -0.375, 0.875];
    const f = knet(await list(w), ids, L, () => I);
    let all = [x.slice(0, 2), x.slice(2, 4), x.slice(4)];
    for (let l = 0; l < L; l++) {
      let [h, c] = [
        [0, 0],
        [0, 0],
      ];
      all = all.map((row) => ([h, c] = steps[type]!(f, l, row, h!, c!))[0]);
    }
    near(await list(net(tensor(x).reshape([3, I]))), all.flat());
    expect(await list(toKnetWeights(net))).toEqual(await list(w));
  });

  test("rnnparams are its parts, in order, with gradients", async () => {
    const net = make();
    fromKnetWeights(net, w);
    const parts = rnnparams(net);
    expect(parts.length).toBe(2 * L * ids);
    expect((await Promise.all(parts.map((x) => list(x!)))).flat()).toEqual(await list(w));
    const tape = diff(() => sum(rnnparam(net, 2, ids / 2 + 1, 2)!));
    expect(await list(tape.grad(net["bias_hh_l1"]!))).toEqual(
      Array.from({ length: (ids / 2) * H }, (_, i) => (i < H ? 1 : 0)),
    );
  });
});

test("in both directions, and without an input weight", async () => {
  const net = GRU({ in: 3, hidden: 3, layers: 2, bidirectional: true, skipInput: true, bias: false });
  const count = 2 * 9 * 3 + 2 * (9 * 6 + 9 * 3);
  const w = randn([count], { seed: 1 });
  fromKnetWeights(net, w);
  expect(rnnparam(net, 1, 1, 1)).toBeNull();
  expect(rnnparam(net, 1, 4, 2)).toBeNull();
  // The backward direction of the first layer.
  expect(await list(rnnparam(net, 2, 4, 1)!)).toEqual((await list(w)).slice(27, 36));
  expect(rnnparam(net, 3, 1, 1)!.shape).toEqual([3, 6]);
});

const wrong: [string, () => unknown, string][] = [
  [
    "a layer that there is not",
    () => rnnparam(LSTM({ in: 1, hidden: 1 }), 2, 1, 1),
    "rnnparam: wanted a layer up to 1 and an id up to 8, got 2 and 1",
  ],
  [
    "another layer",
    () => toKnetWeights(Linear(1, 1) as never),
    "toKnetWeights: wanted a layer made by RNN, LSTM or GRU",
  ],
  [
    "too few numbers",
    () => fromKnetWeights(GRU({ in: 1, hidden: 1 }), zeros([1, 1, 3])),
    "fromKnetWeights: wanted 12 numbers for these layers, got [1, 1, 3]",
  ],
  [
    "a projection",
    () => rnnparams(LSTM({ in: 1, hidden: 2, projection: 1 })),
    "rnnparams: Knet has no layers with a projection, peepholes or layer normalization",
  ],
];
test.each(wrong)("refuses %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));
