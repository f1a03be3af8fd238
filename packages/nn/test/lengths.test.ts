// Sequences of different lengths in one batch: each has the results and gradients that it has alone, whatever lies after its end.
import { diff, param, state, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { add, mul, slice, square, sum, where, type Operand, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { GRU, gru, LSTM, params, seed, type Lengths } from "../src/index.ts";

const reference = openSync({});
const [T, B, I, H] = [5, 4, 3, 2];
const counts = [2, 5, 0, 3];
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[], digits: number) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, digits));
};

const layers = { LSTM, GRU };
type Layer = {
  run: (...args: Parameters<ReturnType<typeof LSTM>["run"]>) => { readonly y: Tensor; readonly h: Tensor };
};

describe.each(["LSTM", "GRU"] as const)("%s", (name) => {
  const make = (): Layer => {
    seed(1);
    return layers[name]({ in: I, hidden: H, layers: 2, bidirectional: true }) as Layer;
  };

  test.each([
    ["reference", reference, 9],
    ["CPU", openCpu({}), 4],
  ] as const)("each sequence is run as if alone: %s", async (_, backend, digits) => {
    const lengths = backend.tensor(counts, { dtype: "i32" });
    const x = backend.randn([T, B, I], { seed: 1 });
    const weight = backend.randn([T, B, 2 * H], { seed: 2 });
    const row = (v: Operand, b: number) => slice(v, { starts: [0, b], ends: [counts[b]!, b + 1] });
    const present = counts.flatMap((count, b) => (count === 0 ? [] : [b]));
    /** A loss, and its gradients by all weights and x. */
    const learned = async (f: (rnn: Layer, x: Param) => Tensor): Promise<number[]> => {
      const rnn = make();
      const p = param(x);
      const tape = diff(() => f(rnn, p));
      const found = [await tape.value.item()];
      for (const q of [p, ...params(rnn as object)]) found.push(...(await list(tape.grad(q))));
      return found;
    };
    const whole = await learned((rnn, p) => {
      // What lies beyond the end of a sequence is not read, not even where it is no number.
      const beyond = backend.tensor(
        counts.flatMap((count) => Array.from({ length: T }, (__, t) => t >= count)),
        { shape: [B, T, 1] },
      );
      const dirty = where(beyond.permute([1, 0, 2]), Infinity, p);
      const { y, h } = rnn.run(dirty, { lengths });
      return add(sum(mul(square(y), weight)), sum(slice(h, { starts: [0, 0], ends: [4, 2] })));
    });
    const alone = await learned((rnn, p) =>
      present
        .map((b) => {
          const { y, h } = rnn.run(row(p, b));
          return add(sum(mul(square(y), row(weight, b))), b < 2 ? sum(h) : 0);
        })
        .reduce((a, b) => add(a, b)),
    );
    near(whole, alone, digits);
  });

  test.each([
    ["reference", reference],
    ["CPU", openCpu({})],
  ] as const)("lengths are clamped to 0 … T: %s", async (_, { randn, tensor }) => {
    const x = param(randn([T, B, I], { seed: 1 }));
    const found = (lengths: readonly number[]) => {
      const rnn = make();
      const tape = diff(() => {
        const { y, h } = rnn.run(x, { lengths: tensor(lengths, { dtype: "i32" }) });
        return add(sum(square(y)), sum(h));
      });
      return Promise.all([tape.value, tape.grad(x)].map(list));
    };
    expect(await found([-2, T + 3, 0, 3])).toEqual(await found([0, T, 0, 3]));
  });

  test("y is 0 after the end, and a sequence without steps keeps its state", async () => {
    const { randn, tensor } = reference;
    const rnn = make();
    const h = randn([4, B, H], { seed: 3 });
    const { y, h: end } = rnn.run(randn([T, B, I], { seed: 1 }), { h, lengths: tensor(counts, { dtype: "u8" }) });
    for (const [b, count] of counts.entries())
      expect(await list(slice(y, { starts: [count, b], ends: [T, b + 1] }))).toEqual(
        Array(2 * H * (T - count)).fill(0),
      );
    const third = (x: Tensor) => slice(x, { starts: [0, 2], ends: [4, 3] });
    expect(await list(third(end))).toEqual(await list(third(h)));
  });
});

test("refuses lengths of another batch, and lengths that are no integers", () => {
  const { zeros, tensor } = reference;
  const weights = [zeros([3 * H, I]), zeros([3 * H, H]), zeros([3 * H]), zeros([3 * H])];
  const run = (lengths: Lengths) => () => gru(zeros([T, B, I]), null, weights, { lengths });
  expect(run(tensor([1, 2], { dtype: "i32" }))).toThrow("gru: wanted lengths of shape [4], got [2]");
  expect(run(tensor(counts))).toThrow('gru: lengths are integers, got f32; use cast(lengths, "i32")');
  expect(run([1, 2, 0, T + 1])).toThrow("gru: wanted whole numbers up to 5 as lengths, got 6");
  expect(run([1, 2, 0, 0.5])).toThrow("gru: wanted whole numbers up to 5 as lengths, got 0.5");
  expect(run([1, 2, 3])).toThrow("gru: wanted lengths of shape [4], got [3]");
});

test("lengths may be a list of numbers, a tensor or a state", async () => {
  const { randn, tensor } = reference;
  const rnn = LSTM({ in: I, hidden: H });
  const x = randn([T, B, I], { seed: 1 });
  const wanted = await list(rnn(x, { lengths: tensor(counts, { dtype: "i32" }) }));
  expect(await list(rnn(x, { lengths: counts }))).toEqual(wanted);
  expect(await list(rnn(x, { lengths: state(tensor(counts, { dtype: "i32" })) }))).toEqual(wanted);
  const single = slice(x, { ends: [T, 1] }).reshape([T, I]);
  expect(await list(rnn(single, { lengths: [2] }))).toEqual(
    await list(rnn(single, { lengths: tensor([2], { dtype: "i32" }) })),
  );
  const mixed = diff(() => sum(rnn(param(x), { lengths: counts })));
  expect(mixed.params.length).toBe(5);
});
