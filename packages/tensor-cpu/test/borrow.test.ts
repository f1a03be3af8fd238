// Memory that is lent to host code: the elements themselves, written to without a copy, and seen by one handle alone.
import { diff, param } from "@weft/autograd";
import { gradientsOf, sgd } from "@weft/optim";
import {
  add,
  borrow,
  ContextError,
  IndexError,
  keep,
  mul,
  reshape,
  scope,
  slice,
  sum,
  take,
  transpose,
  type Tensor,
  type TypedArray,
} from "@weft/tensor";
import { open as openReference } from "@weft/conformance";
import { expect, test } from "vitest";
import { openSync } from "../src/index.ts";

const double = (elements: TypedArray): void => elements.forEach((x, i) => (elements[i] = 2 * x));
const values = (x: Tensor): number[] => [...x.dataSync()];

test.each([true, false])("lends what was computed, in place (fuse: %s)", (fuse) => {
  const b = openSync({ fuse });
  const { live } = b.stats();
  scope(() => {
    const x = add(b.tensor([1, 2, 3]), 1); // pending
    expect(borrow(x, (elements) => [...elements])).toEqual([2, 3, 4]);
    const before = b.stats();
    const at = borrow(x, ({ buffer, byteOffset }) => ({ buffer, byteOffset }));
    borrow(x, double);
    expect(borrow(x, ({ buffer, byteOffset }) => ({ buffer, byteOffset }))).toEqual(at);
    expect(b.stats()).toEqual(before);
    expect([values(x), values(mul(x, 10))]).toEqual([[4, 6, 8], [40, 60, 80]]); // oxfmt-ignore
    expect(borrow(b.ones([0, 3]), ({ length }) => length)).toBe(0);
  });
  expect(b.stats().live).toBe(live);
});

test.each(["f32", "f64", "i32", "u8", "bool", "f16"] as const)("lends %s in the array that it is read in", (dtype) => {
  const b = openSync({});
  const x = b.tensor([0, 1, 1], { dtype });
  const read = x.dataSync();
  borrow(x, (elements) => {
    expect(elements.constructor).toBe(read.constructor);
    expect([...elements]).toEqual([...read]);
  });
});

test("nobody else sees what is written: views, further handles and what lies by columns", () => {
  const b = openSync({});
  const { live } = b.stats();
  scope(() => {
    const x = b.tensor([1, 2, 3, 4], { shape: [2, 2] });
    const others = [reshape(x, [4]), slice(x, { starts: [1] }), transpose(x), reshape(x, [2, 2])];
    const were = others.map(values);
    borrow(x, double);
    expect([values(x), others.map(values)]).toEqual([[2, 4, 6, 8], were]);
    for (const y of others) {
      const [wanted, rest] = [values(y).map((v) => 2 * v), others.filter((z) => z !== y)];
      const before = [x, ...rest].map(values);
      borrow(y, double);
      expect([values(y), [x, ...rest].map(values)]).toEqual([wanted, before]);
    }
    const t = transpose(b.tensor([1, 2, 3, 4], { shape: [2, 2] }));
    expect(borrow(t, (elements) => [...elements])).toEqual([1, 3, 2, 4]);
  });
  expect(b.stats().live).toBe(live);
});

test("a gradient is written to where it lies, and the optimizer takes what was written", () => {
  const b = openSync({});
  const p = scope(() => param(b.tensor([1, 2])));
  const { live } = b.stats();
  scope(() => {
    const tape = diff(() => sum(mul(p, p)));
    const gradients = gradientsOf(tape);
    const g = gradients[0]!.g as Tensor;
    g.dataSync();
    const { bytes } = b.stats();
    borrow(g, (elements) => elements.fill(10));
    expect(b.stats().bytes).toBe(bytes);
    sgd({ lr: 0.1 }).apply(gradients);
  });
  expect([...p.value.dataSync()]).toEqual([0, 1]);
  expect(b.stats().live).toBe(live);
});

test("a parameter's value is a further handle: what was written is assigned", () => {
  const b = openSync({});
  const p = scope(() => param(b.tensor([1, 2])));
  scope(() => {
    const { value } = p;
    borrow(value, double);
    expect([...p.value.dataSync()]).toEqual([1, 2]);
    p.value = value;
  });
  expect([...p.value.dataSync()]).toEqual([2, 4]);
  expect(b.stats().live).toBe(1);
});

test("nothing runs meanwhile; what was recorded runs later", () => {
  const b = openSync({});
  scope(() => {
    const x = add(b.tensor([1, 2]), 1);
    let later: Tensor | undefined;
    borrow(x, () => {
      expect(values(x)).toEqual([2, 3]); // there already
      later = mul(x, 2);
      for (const f of [() => later!.dataSync(), () => b.tensor([1]), () => borrow(later!, double)])
        expect(f).toThrow(ContextError);
    });
    expect(values(later!)).toEqual([4, 6]);
    expect(() => borrow(x, async () => undefined)).toThrow(/must not wait/);
    expect(() =>
      borrow(x, () => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(values(add(x, 1))).toEqual([3, 4]);
  });
});

test("refuses what it cannot lend", async () => {
  const b = openSync({});
  const x = b.tensor([1, 2]);
  expect(() => diff(() => [sum(x), borrow(x, double)][0] as Tensor)).toThrow(ContextError);
  expect(() => borrow(take(x, b.tensor(Int32Array.of(7))), double)).toThrow(IndexError);
  x.release();
  expect(() => borrow(x, double)).toThrow(/borrow/);
  const reference = await openReference();
  expect(() => borrow(reference.ones([2]), double)).toThrow(/lends no memory/);
});

test("indices that were written are checked again", () => {
  const b = openSync({});
  scope(() => {
    const [x, at] = [b.tensor([1, 2, 3]), b.tensor(Int32Array.of(0, 1))];
    borrow(at, (elements) => elements.fill(9));
    expect(() => take(x, at).dataSync()).toThrow(IndexError);
  });
});

test("lends values that no scope owns, and those that have moved to JavaScript's memory", () => {
  const b = openSync({ memoryLimit: 1 << 23 });
  const kept = Array.from({ length: 32 }, (_, i) => add(b.full([1 << 15], i), 1)); // 4 MB: they move at 1 MB
  kept.forEach((x) => x.dataSync());
  expect(b.stats().moved).toBeGreaterThan(0);
  kept.forEach((x, i) => borrow(x, (elements) => expect(elements[7]).toBe(i + 1)));
  expect(keep(kept[3]!).dataSync()[0]).toBe(4);
});
