// Arrays that go in or come out and are changed afterwards change no result: shapes, axes, options, attributes, host data.
import { diff, grad, param, type LazyValue } from "@weft/autograd";
import { open as reference } from "@weft/conformance";
import { Linear, parameter, params } from "@weft/nn";
import * as T from "@weft/tensor";
import type { Backend, Creation, Operand, Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../webgpu.ts";
import { describe, expect, test } from "vitest";

type B = Backend & Creation;
type Lists = Record<string, number[]>;

/** Lists of arguments, and a call with them: the lists are changed as soon as it has returned. */
interface Program {
  readonly lists: () => Lists;
  readonly call: (b: B, x: Tensor, lists: Lists) => Tensor;
}
const program = (lists: Lists, call: Program["call"]): Program => ({ lists: () => structuredClone(lists), call });

const image = (x: Tensor): Tensor => T.reshape(T.slice(x, { ends: [2] }), [1, 1, 2, 4]);
const kernel = (b: B): Tensor => b.tensor([[[[1, 2]]]]);

const programs: Record<string, Program> = {
  zeros: program({ s: [1, 2] }, (b, _, { s }) => b.zeros(s!)),
  ones: program({ s: [1, 2] }, (b, _, { s }) => b.ones(s!)),
  full: program({ s: [2, 3] }, (b, _, { s }) => b.full(s!, 7)),
  rand: program({ s: [2, 3] }, (b, _, { s }) => b.rand(s!, { seed: 1 })),
  randn: program({ s: [2, 3] }, (b, _, { s }) => b.randn(s!, { seed: 1 })),
  randint: program({ s: [2, 3] }, (b, _, { s }) => b.randint(s!, { high: 9, seed: 1 })),
  "tensor, shape": program({ s: [2, 3] }, (b, _, { s }) => b.tensor([1, 2, 3, 4, 5, 6], { shape: s! })),
  "tensor, data": program({ d: [1, 2, 3] }, (b, _, { d }) => b.tensor(d!)),
  upload: program({ s: [3, 2] }, (b, _, { s }) => b.upload(new Float32Array(6).fill(3), s!, "f32")),
  reshape: program({ s: [2, -1] }, (_, x, { s }) => T.reshape(x, s!)),
  "reshape of what is pending": program({ s: [4, 3] }, (_, x, { s }) => T.reshape(T.add(x, 1), s!)),
  broadcastTo: program({ s: [2, 3, 4] }, (_, x, { s }) => T.broadcastTo(x, s!)),
  "a stretched broadcast": program({ s: [3, 1] }, (b, x, { s }) => T.add(b.ones(s!), x)),
  permute: program({ a: [1, 0] }, (_, x, { a }) => T.permute(x, a!)),
  "permute of what is pending": program({ a: [1, 0] }, (_, x, { a }) => T.permute(T.mul(x, 2), a!)),
  sum: program({ a: [0] }, (_, x, { a }) => T.sum(x, { axis: a! })),
  mean: program({ a: [1] }, (_, x, { a }) => T.mean(x, { axis: a! })),
  variance: program({ a: [0, 1] }, (_, x, { a }) => T.variance(x, { axis: a! })),
  flip: program({ a: [0] }, (_, x, { a }) => T.flip(T.add(x, 0), { axis: a! })),
  slice: program({ f: [1, 1], t: [3, 4], s: [1, 2] }, (_, x, { f, t, s }) =>
    T.slice(T.add(x, 1), { starts: f!, ends: t!, steps: s! }),
  ),
  squeeze: program({ a: [0] }, (_, x, { a }) => T.squeeze(T.reshape(x, [1, 12]), a!)),
  unsqueeze: program({ a: [0, 2] }, (_, x, { a }) => T.unsqueeze(T.add(x, 1), a!)),
  tile: program({ r: [2, 1] }, (_, x, { r }) => T.tile(x, { repeats: r! })),
  roll: program({ s: [1, 2], a: [0, 1] }, (_, x, { s, a }) => T.roll(x, { shift: s!, axis: a! })),
  split: program({ p: [1, 3] }, (_, x, { p }) => T.split(T.add(x, 1), p!, { axis: 1 })[1]!),
  pad: program({ p: [1, 2], q: [0, 1] }, (_, x, { p, q }) => T.pad(T.add(x, 1), { pads: [p, q] as never })),
  conv: program({ stride: [1, 2], p: [0, 1] }, (b, x, { stride, p }) =>
    T.conv(image(x), kernel(b), { stride: stride!, padding: [p, p] as never }),
  ),
  maxPool: program({ w: [1, 2], s: [1, 1] }, (_, x, { w, s }) => T.maxPool(image(x), { window: w!, stride: s! })),
  "apply, conv": program({ one: [1, 1], p: [0, 1] }, (b, x, { one, p }) =>
    T.apply("conv", [image(x), kernel(b)], {
      stride: one!,
      padding: [p, p] as never,
      dilation: one!,
      groups: 1,
    }),
  ),
  "apply, pad": program({ a: [1, 0], z: [0, 0] }, (_, x, { a, z }) =>
    T.apply("pad", [x], { before: a!, after: z!, interior: z!, value: 1 }),
  ),
  source: program({ s: [2, 2] }, (b, _, { s }) => T.source(b, "iota", [], { shape: s!, axis: 1, dtype: "f32" })),
  einsum: program({ s: [3, 4] }, (b, x, { s }) => T.einsum("ij,ij->j", b.ones(s!), x)),
  parameter: program({ s: [2, 3] }, (b, x, { s }) => {
    const p = parameter(s!, (shape) => shape.flatMap(() => [1, 2, 3]));
    s!.fill(1);
    p.initialize(b);
    return T.add(p, T.sum(x));
  }),
  "a box": program({ s: [2, 3] }, (b, _, { s }) => {
    const lazyValue: LazyValue = { shape: s!, dtype: "f32", create: (on) => (on as B).ones([2, 3]) };
    const p = param(lazyValue);
    s!.fill(9);
    expect(p.shape).toEqual([2, 3]);
    return T.mul(p.initialize(b), 2);
  }),
};

const open: Record<string, () => Promise<B>> = {
  "the reference": async () => reference({ rounding: true }),
  "the CPU": async () => openCpu({}),
  "the CPU, unmerged": async () => openCpu({ fuse: false }),
  ...(process.env["WEFT_NO_DRIVER"] === undefined && { WebGPU: async () => openWebGpu({}) }),
};

describe.each(Object.entries(open))("%s", (_, opened) => {
  test("lists that are changed after the call", async () => {
    const b = await opened();
    const x = b.tensor(
      Array.from({ length: 12 }, (__, i) => i),
      { shape: [3, 4] },
    );
    for (const [name, { lists, call }] of Object.entries(programs)) {
      const wanted = call(b, x, lists());
      const given = lists();
      const got = call(b, x, given);
      for (const list of Object.values(given)) {
        list.reverse();
        list.fill(1);
        list.push(5);
      }
      const [shape, data] = [[...wanted.shape], await wanted.data()];
      expect({ name, shape: got.shape, data: await got.data() }).toEqual({ name, shape, data });
      expect(() => ((got.shape as number[])[0] = 99), name).toThrow(TypeError);
      expect(() => (got.shape as number[]).push(1), name).toThrow(TypeError);
    }
  });

  test("one list for several shapes", async () => {
    const b = await opened();
    const s = [1, 2];
    const xs = [2, 3, 4].map((n) => ((s[0] = n), b.zeros(s)));
    expect(xs.map((x) => x.shape)).toEqual([
      [2, 2],
      [3, 2],
      [4, 2],
    ]);
    const axis = [0];
    const x = b.tensor([
      [1, 2],
      [3, 4],
    ]);
    const sums = [0, 1].map((n) => ((axis[0] = n), T.sum(x, { axis })));
    expect(await Promise.all(sums.map((y) => y.array()))).toEqual([
      [4, 6],
      [3, 7],
    ]);
  });

  test("typed arrays that are filled anew", async () => {
    const b = await opened();
    for (const data of [
      Float32Array.of(1, 2),
      Float64Array.of(1, 2),
      Int32Array.of(1, 2),
      Uint8Array.of(1, 2),
      Int16Array.of(1, 2),
    ]) {
      const x = b.tensor(data, { dtype: "f32" });
      const own = data instanceof Float64Array ? undefined : b.tensor(data);
      data.fill(7);
      expect([...(await T.add(x, 1).data())]).toEqual([2, 3]);
      if (own !== undefined) expect([...(await own.data())]).toEqual([1, 2]);
    }
    const x = b.tensor([1, 2, 3]);
    const out = await x.data();
    out.fill(0);
    expect(await x.array()).toEqual([1, 2, 3]);
  });
});

test("on tapes, in boxes and models nobody changes a shape", () => {
  const b = openCpu({});
  return b.then((backend) => {
    const w = param(backend.ones([2, 3]));
    const refused = (x: { readonly shape: readonly number[] }): void =>
      expect(() => ((x.shape as number[])[0] = 9)).toThrow(TypeError);
    refused(w);
    refused(w.value);
    diff(() => {
      const y = T.mul(w, 2);
      for (const z of [y, T.softmax(y), T.sum(y, { axis: 0 }), T.transpose(y), T.reshape(y, [6])]) refused(z);
      return T.sum(y);
    });
    refused(grad((x: Operand) => T.sum(T.square(x)))(backend.ones([2])) as Tensor);
    for (const { value: _, ...p } of [] as { value: unknown; shape: readonly number[] }[]) refused(p);
    for (const p of params(Linear(3, 2))) refused(p);
    refused(T.softmax(backend.ones([2, 3])));
    refused(T.crossEntropyRows(backend.ones([2, 3]), backend.tensor([0, 1], { dtype: "i32" })));
  });
});
