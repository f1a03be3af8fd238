// The options of recurrent layers: layout, masks, state that is kept, weights that are missing or more.
import { diff, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import {
  add,
  cast,
  concat,
  matmul,
  mul,
  permute,
  relu,
  reshape,
  sigmoid,
  slice,
  square,
  stack,
  standardize,
  sub,
  sum,
  tanh,
  transpose,
  where,
  type Tensor,
} from "@weft/tensor";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { describe, expect, test } from "vitest";
import {
  constant,
  fromBytes,
  LSTM,
  lstm,
  params,
  perGate,
  RNN,
  seed,
  toBytes,
  xavier,
  zeros as zeroInit,
  type RNNOptions,
  type RNNType,
} from "../src/index.ts";

const reference = openSync({});
const { randn, zeros, tensor } = reference;
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[], digits = 9) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, digits));
};
const [T, B, I, H] = [5, 3, 4, 3];
const types = ["relu", "tanh", "lstm", "gru"] as const;
const made = <Type extends RNNType>(type: Type, more: Partial<Omit<RNNOptions<Type>, "type">> = {}) => {
  seed(1);
  return RNN({ type, in: I, hidden: H, ...more });
};

describe.each(types)("%s", (type) => {
  test("batchFirst swaps the axes of x and y, not those of states", async () => {
    const both = { layers: 2, bidirectional: true };
    const [a, b] = [made(type, both), made(type, { ...both, batchFirst: true })];
    const x = randn([T, B, I], { seed: 1 });
    const lengths = tensor([2, 5, 3], { dtype: "i32" });
    const [first, second] = [a.run(x, { lengths }), b.run(permute(x, [1, 0, 2]), { lengths })];
    expect(second.y.shape).toEqual([B, T, 2 * H]);
    near(await list(permute(second.y, [1, 0, 2])), await list(first.y));
    near(await list(second.h), await list(first.h));
    near(await list(b(slice(x, { ends: [T, 1] }).reshape([T, I]))), await list(a(slice(x, { ends: [T, 1] }))));
  });

  test.each([
    ["reference", reference, 9],
    ["CPU", openCpu({}), 4],
  ] as const)("a mask passes over steps: %s", async (_, backend, digits) => {
    const net = made(type, { layers: 2, bidirectional: true });
    const has = [
      [true, false, true],
      [false, false, true],
      [true, true, true],
      [true, false, true],
      [false, false, true],
    ];
    const mask = backend.tensor(has);
    const x = param(backend.randn([T, B, I], { seed: 1 }));
    const weight = backend.randn([T, B, 2 * H], { seed: 2 });
    const found = async (f: () => Tensor) => {
      const tape = diff(f);
      const all = [tape.value, ...[x, ...params(net)].map((p) => tape.grad(p))];
      return (await Promise.all(all.map(list))).flat();
    };
    const whole = await found(() => {
      // What lies at other steps is not read, not even where it is no number.
      const { y, h } = net.run(where(reshape(mask, [T, B, 1]), x, NaN), { mask });
      return add(sum(mul(square(y), weight)), sum(h));
    });
    const alone = await found(() =>
      [0, 1, 2]
        .map((b) => {
          const steps = has.flatMap((row, t) => (row[b]! ? [t] : []));
          const at = (v: Param | Tensor) =>
            concat(steps.map((t) => slice(v, { starts: [t, b], ends: [t + 1, b + 1] })));
          const { y, h } = net.run(at(x));
          return add(sum(mul(square(y), at(weight))), sum(h));
        })
        .reduce((p, q) => add(p, q)),
    );
    near(whole, alone, digits);
  });

  test("state is kept from call to call, until it is forgotten", async () => {
    const [whole, pieces] = [made(type, { layers: 2 }), made(type, { layers: 2, stateful: true })];
    const x = randn([T, B, I], { seed: 1 });
    const wanted = whole.run(x);
    expect(pieces.state).toBeUndefined();
    const parts = [pieces(slice(x, { ends: [2] })), pieces(slice(x, { starts: [2] }))];
    near(await list(concat(parts)), await list(wanted.y));
    near(await list(pieces.state!.h), await list(wanted.h));
    pieces.reset();
    expect(pieces.state).toBeUndefined();
    near(await list(pieces(x)), await list(wanted.y));
    near(await list(pieces(x, { h: zeros([2, B, H]) })), await list(wanted.y));
    expect(() => pieces(zeros([T, 1, I]))).toThrow(
      "RNN: x has 1 sequences in its batch, the state that is kept has shape [2, 3, 3]; reset() forgets it",
    );
    // A state that is given replaces the one of another batch.
    pieces(zeros([T, 1, I]), { h: zeros([2, 1, H]) });
    expect(pieces.state!.h.shape).toEqual([2, 1, H]);
  });

  test("skipInput gives each gate x itself", async () => {
    const net = made(type, { in: H, skipInput: true, layers: 2 });
    expect(Object.keys(net)).not.toContain("weight_ih_l0");
    const whole = made(type, { in: H, layers: 2 });
    const x = randn([T, B, H], { seed: 1 });
    net(x);
    const eye = Array.from({ length: H }, (_, i) => Array.from({ length: H }, (__, j) => (i === j ? 1 : 0)));
    const gates = net.weight_hh_l0.shape[0]! / H;
    whole.weight_ih_l0.value = concat(Array<Tensor>(gates).fill(tensor(eye)));
    const fields = whole as unknown as Record<string, Param>;
    for (const [name, p] of Object.entries(net as unknown as Record<string, Param>)) fields[name]!.value = p.value;
    near(await list(net(x)), await list(whole(x)));
    expect(() => made(type, { skipInput: true })).toThrow(
      "RNN: skipInput wants as many features as units, got 4 and 3",
    );
  });

  test("a batch may be empty", () => {
    for (const more of [{}, { layerNorm: true }]) {
      const { y, h } = made(type, { ...more, bidirectional: true }).run(zeros([T, 0, I]), {
        lengths: zeros([0], { dtype: "i32" }),
      });
      expect([y.shape, h.shape]).toEqual([
        [T, 0, 2 * H],
        [2, 0, H],
      ]);
    }
  });

  test("inputDropout is before the first layer", async () => {
    const net = made(type, { inputDropout: 1 });
    const x = randn([T, B, I], { seed: 1 });
    near(await list(net(x, { training: true })), await list(net(zeros([T, B, I]))));
    near(await list(net(x)), await list(made(type)(x)));
  });

  test("layer normalization is that of Ba et al.", async () => {
    const net = made(type, { layerNorm: true, bidirectional: true });
    const all = net as unknown as Record<string, Param>;
    const x = randn([T, B, I], { seed: 1 });
    net(x);
    // Weights other than 1.
    for (const p of params(net)) p.value = add(p.value, mul(randn(p.shape, { seed: 3 }), 0.3));
    const wanted = await Promise.all(["", "_reverse"].map((way) => list(normalized(type, x, all, way))));
    const y = net(x);
    const half = (k: number) => slice(y, { starts: [0, 0, k * H], ends: [T, B, (k + 1) * H] });
    near(await list(half(0)), wanted[0]!);
    near(await list(half(1)), wanted[1]!);
  });
});

/** The formula of one layer in one direction, nothing else. */
function normalized(type: RNNType, x: Tensor, all: Record<string, Param>, way: string): Tensor {
  const of = (name: string): Param => all[`${name}_l0${way}`]!;
  const [sums, from] = [
    (h: Tensor) => add(mul(standardize(matmul(h, transpose(of("weight_hh")))), of("weight_norm_hh")), of("bias_hh")),
    (v: Tensor) => add(mul(standardize(matmul(v, transpose(of("weight_ih")))), of("weight_norm_ih")), of("bias_ih")),
  ];
  let [h, c] = [zeros([B, H]), zeros([B, H])];
  const ys: Tensor[] = [];
  for (let i = 0; i < T; i++) {
    const t = way === "" ? i : T - 1 - i;
    const a = from(slice(x, { starts: [t], ends: [t + 1] }).reshape([B, I]));
    const q = sums(h);
    const part = (v: Tensor, k: number) => slice(v, { starts: [0, k * H], ends: [B, (k + 1) * H] });
    if (type === "lstm") {
      const [si, sf, sg, so] = [0, 1, 2, 3].map((k) => part(add(a, q), k)) as [Tensor, Tensor, Tensor, Tensor];
      c = add(mul(sigmoid(sf), c), mul(sigmoid(si), tanh(sg)));
      const scaled = add(mul(standardize(c), of("weight_norm_c")), of("bias_norm_c"));
      h = mul(sigmoid(so), tanh(scaled));
    } else if (type === "gru") {
      const [r, z] = [0, 1].map((k) => sigmoid(add(part(a, k), part(q, k)))) as [Tensor, Tensor];
      const n = tanh(add(part(a, 2), mul(r, part(q, 2))));
      h = add(mul(sub(1, z), n), mul(z, h));
    } else h = (type === "relu" ? relu : tanh)(add(a, q));
    ys[t] = h;
  }
  return stack(ys);
}

test("within a diff a kept state carries gradients, from one to the next it does not", async () => {
  const x = randn([T, B, I], { seed: 1 });
  const pieces = () => [slice(x, { ends: [2] }), slice(x, { starts: [2] })] as const;
  const [whole, kept] = [made("lstm"), made("lstm", { stateful: true })];
  const gradients = (net: typeof kept, f: () => Tensor) => {
    const tape = diff(f);
    return Promise.all(params(net).map((p) => list(tape.grad(p))));
  };
  const together = await gradients(kept, () => {
    const [a, b] = pieces();
    return add(sum(square(kept(a))), sum(square(kept(b))));
  });
  const wanted = await gradients(whole, () => sum(square(whole(x))));
  near(together.flat(), wanted.flat());
  kept.reset();
  const [a, b] = pieces();
  const { h, c } = whole.run(a);
  kept(a);
  near(
    (await gradients(kept, () => sum(square(kept(b))))).flat(),
    (await gradients(whole, () => sum(square(whole(b, { h, c }))))).flat(),
  );
});

test("a kept state is not part of the model's file", async () => {
  const net = made("gru", { stateful: true });
  const x = randn([T, B, I], { seed: 1 });
  const first = await list(net(x));
  const again = fromBytes(await toBytes(net), made("gru", { stateful: true }));
  near(await list(again(x)), first);
});

test("the forget bias is the sum of two", async () => {
  const net = made("lstm", { forgetBias: 2, biasInit: constant(0.5) });
  net(zeros([1, 1, I]));
  const half = Array<number>(H).fill(0.5);
  expect(await list(net["bias_ih_l0"]!.value)).toEqual([half, [2, 2, 2], half, half].flat());
  expect(await list(net["bias_hh_l0"]!.value)).toEqual([half, [0, 0, 0], half, half].flat());
  expect(() => made("lstm", { forgetBias: 2, bias: false })).toThrow("RNN: wanted no forgetBias without biases, got 2");
  expect(() => made("gru", { forgetBias: 2 } as never)).toThrow('RNN: there is no option "forgetBias"');
});

test("perGate fills each gate by itself", () => {
  const draws = { uniform: (n: number) => new Float64Array(n).fill(1), normal: (n: number) => new Float64Array(n) };
  const bound = Math.sqrt(6 / (H + I));
  near(Array.from(perGate(4, xavier())([4 * H, I], draws as never)), Array<number>(4 * H * I).fill(bound));
  expect(() => perGate(4, zeroInit())([6, 2], draws as never)).toThrow(
    "perGate: wanted a multiple of 4 rows, got [6, 2]",
  );
});

test("a projection has fewer features than units", () => {
  const net = LSTM({ in: I, hidden: H, projection: 2, layers: 2 });
  const { y, h, c } = net.run(randn([T, B, I]));
  expect([y.shape, h.shape, c.shape]).toEqual([
    [T, B, 2],
    [2, B, 2],
    [2, B, H],
  ]);
  expect(Object.keys(net)).toContain("weight_hr_l1");
  expect(() => LSTM({ in: I, hidden: H, projection: H })).toThrow(
    "LSTM: wanted a projection smaller than 3, the hidden units, got 3",
  );
});

const weights = [zeros([4 * H, I]), zeros([4 * H, H]), zeros([4 * H]), zeros([4 * H])];
const wrong: [string, () => unknown, string][] = [
  ["no type", () => RNN({ in: 1, hidden: 1 } as never), 'RNN: wanted "relu" or "tanh" or "lstm" or "gru" as type, got undefined'], // oxfmt-ignore
  [
    "two kinds of ends",
    () => lstm(zeros([T, B, I]), null, null, weights, { lengths: zeros([B]), mask: zeros([T, B]) }),
    "lstm: wanted one of lengths, mask and batchSizes, got lengths and mask",
  ],
  [
    "a mask of numbers",
    () => lstm(zeros([T, B, I]), null, null, weights, { mask: cast(zeros([T, B]), "i32") }),
    "lstm: a mask is bool, got i32; compare it with a number",
  ],
  [
    "a mask of another shape",
    () => lstm(zeros([T, B, I]), null, null, weights, { mask: cast(zeros([B, T]), "bool") }),
    "lstm: wanted a mask of shape [5, 3], got [3, 5]",
  ],
  [
    "batch sizes that increase",
    () => lstm(zeros([3, I]), null, null, weights, { batchSizes: [1, 2] }),
    "lstm: wanted a list of positive integers that do not increase as batchSizes, got [1, 2]",
  ],
  [
    "batch sizes of other rows",
    () => lstm(zeros([4, I]), null, null, weights, { batchSizes: [2, 1] }),
    "lstm: wanted packed x of shape [3, in], the sum of batchSizes, got [4, 4]",
  ],
];
test.each(wrong)("refuses %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));
