// Variants of the steps of recurrent layers: peepholes, and dropout of h or with one mask for all steps.
import { diff } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, matmul, mul, sigmoid, slice, stack, sum, tanh, transpose, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { LSTM, params, RNN, seed, zeros as zeroInit } from "../src/index.ts";

const { randn, ones, tensor, zeros } = openSync({});
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[]) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 9));
};
const [T, B, I, H] = [4, 3, 2, 3];

test("peepholes are those of the formula", async () => {
  seed(1);
  const net = LSTM({ in: I, hidden: H, peepholes: true });
  const x = randn([T, B, I], { seed: 1 });
  const y = net(x);
  const part = (v: Tensor, k: number) => slice(v, { starts: [0, k * H], ends: [B, (k + 1) * H] });
  const peephole = (k: number) => slice(net["weight_peephole_l0"]!, { starts: [k * H], ends: [(k + 1) * H] });
  const wanted = () => {
    let [h, c] = [zeros([B, H]), zeros([B, H])];
    const ys: Tensor[] = [];
    for (let t = 0; t < T; t++) {
      const from = slice(x, { starts: [t], ends: [t + 1] }).reshape([B, I]);
      const a = add(
        add(matmul(from, transpose(net.weight_ih_l0)), net["bias_ih_l0"]!),
        add(matmul(h, transpose(net.weight_hh_l0)), net["bias_hh_l0"]!),
      );
      const i = sigmoid(add(part(a, 0), mul(peephole(0), c)));
      const f = sigmoid(add(part(a, 1), mul(peephole(1), c)));
      c = add(mul(f, c), mul(i, tanh(part(a, 2))));
      h = mul(sigmoid(add(part(a, 3), mul(peephole(2), c))), tanh(c));
      ys.push(h);
    }
    return stack(ys);
  };
  near(await list(y), await list(wanted()));
  const weight = randn([T, B, H], { seed: 2 });
  const [a, b] = [() => net(x), wanted].map((f) => diff(() => sum(mul(f(), weight))));
  for (const p of params(net)) near(await list(a!.grad(p)), await list(b!.grad(p)));
});

test("peepholes, a projection and normalization go together, from the end, too, and with lengths", async () => {
  const net = LSTM({ in: I, hidden: H, peepholes: true, projection: 2, layerNorm: true, bidirectional: true });
  const x = randn([T, B, I], { seed: 1 });
  const { y, h, c } = net.run(x, { lengths: tensor([2, 4, 0], { dtype: "i32" }) });
  const alone = net.run(slice(x, { ends: [2, 1] }));
  near(await list(slice(y, { ends: [2, 1] })), await list(alone.y));
  near(await list(slice(h, { ends: [2, 1] })), await list(alone.h));
  near(await list(slice(c, { ends: [2, 1] })), await list(alone.c));
});

describe.each(["relu", "tanh", "lstm", "gru"] as const)("%s", (type) => {
  test("recurrentDropout of everything leaves no recurrent product", async () => {
    const net = RNN({ type, in: I, hidden: H, recurrentDropout: 1 });
    const x = randn([T, B, I], { seed: 1 });
    const [without, dropped] = [net(x), net(x, { training: true })];
    expect(await list(dropped)).not.toEqual(await list(without));
    net.weight_hh_l0.value = zeros(net.weight_hh_l0.shape);
    near(await list(dropped), await list(net(x)));
  });

  test("recurrentDropout drops the same units at all steps", async () => {
    // The recurrent product gives each gate the same number in all rows whose mask is the same.
    const net = RNN({ type, in: 1, hidden: 1, recurrentDropout: 0.5 });
    const rows = await list(net(ones([T, 64, 1]), { training: true }));
    const seen = new Set(Array.from({ length: 64 }, (_, b) => String([0, 1, 2, 3].map((t) => rows[t * 64 + b]))));
    expect(seen.size).toBe(2);
  });
});

test("variational dropout has one mask for all steps, and the usual one has not", async () => {
  const found = async (variational: boolean) => {
    const net = RNN({ type: "relu", in: 8, hidden: 8, skipInput: true, bias: false, init: zeroInit(), inputDropout: 0.5, variational }); // oxfmt-ignore
    const y = await list(net(ones([T, B, 8]), { training: true }));
    expect(new Set(y)).toEqual(new Set([0, 2]));
    const size = B * 8;
    return Array.from({ length: T }, (_, t) => String(y.slice(t * size, (t + 1) * size)));
  };
  expect(new Set(await found(true)).size).toBe(1);
  expect(new Set(await found(false)).size).toBe(T);
});
