// The gradient of a tensor that was cut into pieces: pieces side by side are put together, others are added up.
import { grad, vjp } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, chunk, mul, scope, slice, square, sum, unbind, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";

const backend = openSync();
const x = () =>
  backend.tensor(
    [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
      [10, 11, 12],
    ],
    { dtype: "f64" },
  );
const row = (t: Tensor, from: number, to = from + 1): Tensor => slice(t, { starts: [from], ends: [to] });
const column = (t: Tensor, from: number): Tensor => slice(t, { starts: [0, from], ends: [4, from + 1] });
const weighed = (...parts: Tensor[]): Tensor =>
  parts.map((part, at) => sum(mul(square(part), at + 1))).reduce((a, b) => add(a, b));

const all = [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24];
const times = (factors: readonly number[]): number[] => all.map((v, i) => v * factors[i]!);
const rows = (...factors: readonly number[]): number[] => times(all.map((_, i) => factors[Math.floor(i / 3)]!));

describe.each([
  ["all rows", (t: Tensor) => weighed(...unbind(t)), rows(1, 2, 3, 4)],
  ["all rows, backward", (t: Tensor) => weighed(...unbind(t).toReversed()), rows(4, 3, 2, 1)],
  ["columns", (t: Tensor) => weighed(...chunk(t, 3, { axis: 1 })), times(all.map((_, i) => (i % 3) + 1))],
  ["rows with gaps", (t: Tensor) => weighed(row(t, 2), row(t, 0)), rows(2, 0, 1, 0)],
  ["one row", (t: Tensor) => weighed(row(t, 1)), rows(0, 1, 0, 0)],
  ["rows that overlap", (t: Tensor) => weighed(row(t, 0, 2), row(t, 1, 3)), rows(1, 3, 2, 0)],
  ["the same row twice", (t: Tensor) => weighed(row(t, 1), row(t, 1)), rows(0, 3, 0, 0)],
  ["a row and a column", (t: Tensor) => weighed(row(t, 0), column(t, 0)), times([3, 1, 1, 2, 0, 0, 2, 0, 0, 2, 0, 0])],
  ["rows and the whole", (t: Tensor) => weighed(row(t, 0), t, row(t, 3)), rows(3, 2, 2, 5)],
  ["rows of rows", (t: Tensor) => weighed(row(row(t, 0, 2), 1), row(t, 2)), rows(0, 1, 2, 0)],
  ["empty pieces", (t: Tensor) => weighed(row(t, 0, 1), row(t, 1, 1), row(t, 1, 4)), rows(1, 3, 3, 3)],
])("%s", (_, f, wanted) => {
  // The pieces are of a result, since what a parameter or an argument itself is cut into is added up.
  const g = (t: Tensor) => f(mul(t, 1));

  test("the gradient", () => scope(() => expect([...grad(g)(x()).dataSync()]).toEqual(wanted)));

  test("the gradient of the gradient", () =>
    scope(() => {
      const second = grad((t: Tensor) => sum(grad(g)(t)));
      expect([...second(x()).dataSync()]).toEqual(wanted.map((v, i) => v / (i + 1)));
    }));

  test("twice from one pass forward", () =>
    scope(() => {
      const [y, back] = vjp(g, x());
      for (const by of [1, 3]) {
        const [found] = back(backend.tensor(by, { dtype: "f64" }));
        expect([...found!.dataSync()]).toEqual(wanted.map((v) => by * v));
      }
      expect(y.shape).toEqual([]);
    }));
});

test("of a tape that is longer than a stretch", () =>
  scope(() => {
    const f = (t: Tensor): Tensor => {
      const parts = unbind(mul(t, 1)).map((part) => {
        let y = part;
        for (let i = 0; i < 400; i++) y = add(y, 0);
        return y;
      });
      return weighed(...parts);
    };
    expect([...grad(f)(x()).dataSync()]).toEqual(rows(1, 2, 3, 4));
  }));

// A loop over the steps of a sequence meets pieces of one computed tensor in many stretches of the backward pass.
describe.each([300, 1100])("a recurrence over %i pieces", (steps) => {
  const last = (t: Tensor): Tensor => {
    let h: Tensor = backend.zeros([1, 2], { dtype: "f64" });
    const e = mul(t, 1);
    for (let i = 0; i < steps; i++) h = add(mul(h, 0.5), square(row(e, i)));
    return sum(h);
  };
  const both = (t: Tensor): Tensor => {
    const [e, u] = [mul(t, 1), mul(t, 2)];
    let h: Tensor = backend.zeros([1, 2], { dtype: "f64" });
    for (let i = 0; i < steps; i++) h = add(mul(h, 0.5), mul(row(e, i), row(u, steps - 1 - i)));
    return sum(h);
  };
  const weight = (i: number): number => 0.5 ** (steps - 1 - i);
  const ones = () => backend.ones([steps, 2], { dtype: "f64" });
  const each = (f: (i: number) => number) => Array.from({ length: 2 * steps }, (_, k) => f(Math.floor(k / 2)));

  test("the gradient", () =>
    scope(() => expect([...grad(last)(ones()).dataSync()]).toEqual(each((i) => 2 * weight(i)))));

  test("the gradient of pieces of two tensors, from both ends", () =>
    scope(() =>
      expect([...grad(both)(ones()).dataSync()]).toEqual(each((i) => 2 * weight(i) + 2 * weight(steps - 1 - i))),
    ));

  test("the gradient of the gradient", () =>
    scope(() => {
      const second = grad((t: Tensor) => sum(grad(last)(t)));
      expect([...second(ones()).dataSync()]).toEqual(each((i) => 2 * weight(i)));
    }));
});
