// Computations on shapes: the shapes and errors of real ones, and nothing is computed or initialized.
import { diff, grad, param, scope, shapes, state } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { adam } from "@weft/optim";
import { add, argmax, concat, conv, crossEntropyRows, matmul, mean, mul, pad, relu, ShapeError, slice, softmax, sum, take, where, type Tensor } from "@weft/tensor"; // prettier-ignore
import { expect, expectTypeOf, test, vi } from "vitest";

const backend = openSync();
const { tensor, randn, zeros } = backend;

test("are those of a real computation, for shapes, descriptions and trees", () => {
  const f = (x: Tensor, m: { w: Tensor; labels: Tensor }, n: number) => {
    const scores = mul(matmul(x, m.w), n);
    return { loss: mean(crossEntropyRows(scores, m.labels)), parts: [softmax(scores), argmax(scores, { axis: 1 })] };
  };
  const result = shapes(f, [4, 3], { w: { shape: [3, 5], dtype: "f32" }, labels: { shape: [4], dtype: "i32" } }, 2);
  const real = scope(() => f(randn([4, 3]), { w: randn([3, 5]), labels: zeros([4], { dtype: "i32" }) }, 2));
  const described = ({ shape, dtype }: Tensor) => ({ shape, dtype });
  expect(result).toEqual({ loss: described(real.loss), parts: real.parts.map(described) });
  expectTypeOf(result.loss.shape).toEqualTypeOf<readonly number[]>();
  expect(shapes((x: Tensor) => x, [])).toEqual({ shape: [], dtype: "f32" });
});

test("lists of numbers in a record are options, not shapes", () => {
  const f = (x: Tensor, options: { pads: [number, number][]; starts: number[] }) => slice(pad(x, { pads: options.pads }), { starts: options.starts }); // prettier-ignore
  expect(shapes(f, [4], { pads: [[1, 2]], starts: [3] }).shape).toEqual([4]);
  const steps = (xs: Tensor[], { lengths }: { lengths: number[] }) => xs.map((x, i) => mul(x, lengths[i]!));
  expect(shapes(steps, [[2, 3], [4]], { lengths: [5, 3] }).map(({ shape }) => shape)).toEqual([[2, 3], [4]]); // prettier-ignore
});

test("take tensors and boxes for their shapes", () => {
  const x = tensor([[1, 2]], { dtype: "f64" });
  expect(shapes((a: Tensor, b: Tensor) => concat([a, b]), x, param(tensor([[3, 4]])))).toEqual({ shape: [2, 2], dtype: "f64" }); // prettier-ignore
});

test("wrong shapes are the errors of a real backend", () => {
  const message = (f: () => unknown) => {
    try {
      f();
    } catch (error) {
      return String(error);
    }
    return "none";
  };
  for (const [a, b] of [
    [
      [2, 3],
      [4, 5],
    ],
    [[2], []],
  ])
    // prettier-ignore
    expect(message(() => shapes(matmul, a!, b!))).toBe(message(() => matmul(zeros(a!), zeros(b!))));
  expect(() => shapes(conv, [1, 3, 8, 8], [4, 2, 3, 3])).toThrow(ShapeError);
});

test("parameters and state stay as they are, initialized or not", async () => {
  const lazy = param({ shape: [3, 2], dtype: "f32", create: () => expect.fail("initialized") });
  const count = state(tensor([1, 1]));
  const f = (x: Tensor) => {
    count.value = add(count, 1);
    const tape = diff(() => sum(relu(mul(matmul(x, lazy), count))));
    return [tape.grad(lazy), count.value];
  };
  expect(shapes(f, [4, 3])).toEqual([{ shape: [3, 2], dtype: "f32" }, { shape: [2], dtype: "f32" }]); // prettier-ignore
  expect(lazy.initialized).toBe(false);
  expect(await count.value.array()).toEqual([1, 1]);
});

test("inside a tape, and of gradients", () => {
  const w = param(tensor([2, 3]));
  const tape = diff(() => {
    expect(shapes((x: Tensor) => grad((z: Tensor) => sum(mul(z, w)))(x), [5, 2]).shape).toEqual([5, 2]);
    expect(shapes((i: Tensor) => take(w, i), { shape: [7], dtype: "i32" }).shape).toEqual([7]);
    return sum(w);
  });
  expect(tape.grad(w).arraySync()).toEqual([1, 1]);
});

test("take constants for their shapes", () => {
  const [mask, shift] = [tensor([true, false]), tensor([1, 2], { dtype: "f64" })];
  const f = (x: Tensor) => grad((z: Tensor) => sum(concat([where(mask, z, 0), add(shift, 1), z])))(x);
  expect(shapes(f, { shape: [2], dtype: "f64" })).toEqual({ shape: [2], dtype: "f64" });
  expect(() => shapes((x: Tensor) => add(shift, x), [3])).toThrow(ShapeError);
});

test("cannot be read or awaited", async () => {
  expect(() => shapes((x: Tensor) => x.itemSync(), [])).toThrow("shapes: there are no values to read, this f32[]");
  expect(() => shapes(async (x: Tensor) => x, [])).toThrow("shapes: wanted a function that returns no promise");
  expect(() => shapes((x: Tensor) => x, { shape: [1], dtype: "f99" as never })).toThrow("dtype");
  expect(() => shapes((x: Tensor) => x, [1.5])).toThrow();
});

test("take no memory", () => {
  const before = backend.live();
  shapes((x: Tensor) => sum(matmul(x, x)), [2 ** 20, 2 ** 20]);
  expect(backend.live()).toBe(before);
});

test("what optimizers remember is as before", async () => {
  const train = async (first: boolean, between: boolean) => {
    const p = param(tensor([1, 2]));
    const optimizer = adam({ lr: 0.1 });
    const step = () => optimizer.update(diff(() => sum(mul(p, p))));
    const checked = () => shapes(() => (step(), step(), optimizer.stateOf(p)!["m"]));
    if (first) expect(checked()).toEqual({ shape: [2], dtype: "f32" });
    expect(optimizer.steps).toBe(0);
    step();
    if (between) checked();
    expect(optimizer.steps).toBe(1);
    step();
    return [await p.value.array(), await optimizer.stateOf(p)!["m"]!.value.array()];
  };
  const wanted = await train(false, false);
  expect(await train(true, false)).toEqual(wanted);
  expect(await train(false, true)).toEqual(wanted);
});

test("what optimizers load is forgotten", async () => {
  const p = param(tensor([1, 2]));
  const [optimizer, other] = [adam(), adam()];
  const step = (of: typeof optimizer) => of.update(diff(() => sum(mul(p, p))));
  step(other);
  step(optimizer);
  step(optimizer);
  const before = await optimizer.stateOf(p)!["m"]!.value.array();
  const f = () => {
    optimizer.load(other.state([p]), [p]);
    step(optimizer);
    return [optimizer.steps, optimizer.stateOf(p)!["m"]];
  };
  expect(shapes(f)).toEqual([2, { shape: [2], dtype: "f32" }]);
  expect(optimizer.steps).toBe(2);
  expect(await optimizer.stateOf(p)!["m"]!.value.array()).toEqual(before);
  f();
  expect(optimizer.steps).toBe(2);
  expect(await optimizer.stateOf(p)!["m"]!.value.array()).not.toEqual(before);
});

test("what optimizers remember is as before if f throws, and nobody is warned", () => {
  const warn = vi.spyOn(console, "warn");
  const p = param(tensor([1, 2]));
  const [a, b] = [adam(), adam()];
  const step = (optimizer: typeof a) => optimizer.update(diff(() => sum(mul(p, p))));
  step(a);
  expect(() => shapes(() => (step(b), step(a), step(b), matmul(p, zeros([3, 3]))))).toThrow();
  expect([a.steps, b.steps, b.stateOf(p)]).toEqual([1, 0, undefined]);
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});
