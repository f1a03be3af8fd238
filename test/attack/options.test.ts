// Options as plain JavaScript may give them: hostile values of each option, unknown names, calls in the manner of other
// libraries. Each is an error of Weft's own, or a result; an unknown name is never passed over. WEFT_LONG=1 tries pairs of them.
import * as T from "@weft/tensor";
import { describe, standardizeGrad } from "@weft/tensor/internals";
import { ArgumentError, WeftError, type Backend, type Creation } from "@weft/tensor";
import { open as openCpu, openSync } from "@weft/tensor-cpu";
import { open as openWebGpu } from "@weft/tensor-webgpu";
import { expect, test } from "vitest";

type Bag = Record<string, unknown>;

const b: Backend & Creation = openSync({ memoryLimit: 2 ** 26 });
const x = b.tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const i = b.tensor([[0, 1, 1]], { dtype: "i32" });
const images = b.ones([1, 2, 4, 4]);
const w = b.ones([2, 2, 2, 2]);

/** A call with the options given last, those that it needs, and the others that it knows. */
type Case = readonly [call: (options: never) => unknown, needed: Bag, others?: Bag];
const reduction = { axis: 0, keepDims: true };
const spatial = { stride: 1, padding: 1, dilation: 1, groups: 1 };

const cases: Record<string, Case> = {
  sum: [(o) => T.sum(x, o), {}, reduction],
  mean: [(o) => T.mean(x, o), {}, reduction],
  prod: [(o) => T.prod(x, o), {}, reduction],
  max: [(o) => T.max(x, o), {}, reduction],
  min: [(o) => T.min(x, o), {}, reduction],
  any: [(o) => T.any(x, o), {}, reduction],
  all: [(o) => T.all(x, o), {}, reduction],
  norm: [(o) => T.norm(x, o), {}, reduction],
  logSumExp: [(o) => T.logSumExp(x, o), {}, reduction],
  variance: [(o) => T.variance(x, o), {}, { ...reduction, correction: 1 }],
  std: [(o) => T.std(x, o), {}, { ...reduction, correction: 1 }],
  argmax: [(o) => T.argmax(x, o), {}, reduction],
  argmin: [(o) => T.argmin(x, o), {}, reduction],
  cumsum: [(o) => T.cumsum(x, o), {}, { axis: 0, reverse: true }],
  argsort: [(o) => T.argsort(x, o), {}, { axis: 0, descending: true }],
  sort: [(o) => T.sort(x, o).values, {}, { axis: 0, descending: true }],
  topK: [(o) => T.topK(x, 1, o).values, {}, { axis: 0 }],
  softmax: [(o) => T.softmax(x, o), {}, { axis: 0 }],
  logSoftmax: [(o) => T.logSoftmax(x, o), {}, { axis: 0 }],
  standardize: [(o) => T.standardize(x, o), {}, { eps: 1 }],
  standardizeGrad: [(o) => standardizeGrad(x, x, o), {}, { eps: 1 }],
  crossEntropyRows: [
    (o) => T.crossEntropyRows(x, b.tensor([0, 1], { dtype: "i32" }), o),
    {},
    { ignoreIndex: 1, labelSmoothing: 0.5 },
  ],
  leakyRelu: [(o) => T.leakyRelu(x, o), {}, { negativeSlope: 1 }],
  elu: [(o) => T.elu(x, o), {}, { alpha: 2 }],
  clamp: [(o) => T.clamp(x, o), {}, { min: 1, max: x }],
  flatten: [(o) => T.flatten(x, o), {}, { start: 0, end: 1 }],
  squeeze: [(o) => T.squeeze(T.reshape(x, [1, 6]), o), {}, { axis: 0 }],
  unsqueeze: [(o) => T.unsqueeze(x, o), {}, { axis: 0 }],
  concat: [(o) => T.concat([x, x], o), {}, { axis: 1 }],
  stack: [(o) => T.stack([x, x], o), {}, { axis: 1 }],
  split: [(o) => T.split(x, 1, o)[0], {}, { axis: 1 }],
  slice: [(o) => T.slice(x, o), {}, { starts: [1], ends: [2], steps: [1] }],
  flip: [(o) => T.flip(x, o), {}, { axis: 1 }],
  pad: [(o) => T.pad(x, o), { pads: [[1, 1], [0, 0]] }, { value: 3 }], // prettier-ignore
  tile: [(o) => T.tile(x, o), { repeats: [2] }],
  roll: [(o) => T.roll(x, o), { shift: 1 }, { axis: 0 }],
  tril: [(o) => T.tril(x, o), {}, { k: 1 }],
  triu: [(o) => T.triu(x, o), {}, { k: 1 }],
  take: [(o) => T.take(x, i, o), {}, { axis: 1 }],
  gather: [(o) => T.gather(x, i, o), {}, { axis: 0 }],
  scatterAdd: [(o) => T.scatterAdd(x, i, 1, o), {}, { axis: 0 }],
  indexAdd: [(o) => T.indexAdd(x, T.reshape(i, [3]), 1, o), {}, { axis: 1 }],
  oneHot: [(o) => T.oneHot(i, o), { depth: 3 }, { dtype: "i32" }],
  conv: [(o) => T.conv(images, w, o), {}, spatial],
  convTranspose: [(o) => T.convTranspose(images, w, o), {}, { ...spatial, outputPadding: 0 }],
  maxPool: [(o) => T.maxPool(images, o), { window: 2 }, { stride: 1, padding: 1 }],
  avgPool: [(o) => T.avgPool(images, o), { window: 2 }, { stride: 1, padding: 1, countIncludePad: false }],
  tensor: [(o) => b.tensor([1, 2], o), {}, { dtype: "i32", shape: [2, 1] }],
  zeros: [(o) => b.zeros([2], o), {}, { dtype: "i32" }],
  ones: [(o) => b.ones([2], o), {}, { dtype: "i32" }],
  full: [(o) => b.full([2], 3, o), {}, { dtype: "i32" }],
  arange: [(o) => b.arange(0, 3, o), {}, { dtype: "i32", step: 1 }],
  linspace: [(o) => b.linspace(0, 1, 3, o), {}, { dtype: "f64" }],
  eye: [(o) => b.eye(2, o), {}, { dtype: "i32", columns: 3 }],
  rand: [(o) => b.rand([2], o), {}, { dtype: "f64", seed: 1 }],
  randn: [(o) => b.randn([2], o), {}, { dtype: "f64", seed: 1, mean: 2, std: 3 }],
  randint: [(o) => b.randint([2], o), { high: 3 }, { dtype: "f64", seed: 1, low: -1 }],
};

const hostile: readonly unknown[] = [
  NaN, Infinity, -1, -0, 1.5, 100, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 40), "", "1", "float32", null, true, false, [], {}, [NaN],
  ["1"], [1.5], [2 ** 32], [[]], [[1]], [null], [undefined], new Array(1), [0, 0, 0, 0], Symbol("s"), 1n, [1n], [Symbol("s")], () => 1,
  Int32Array.of(0), BigInt64Array.of(0n), new DataView(new ArrayBuffer(4)), new Date(0), new Map(), x,
]; // prettier-ignore

/** What a call gives: its elements, or the error that it throws, which must be one of Weft's own. */
function outcome(name: string, call: () => unknown, given: unknown): string {
  b.seed(1);
  try {
    const y = call() as T.Tensor;
    return `${y.dtype}[${y.shape}] ${[...y.dataSync()].slice(0, 99).join()}`;
  } catch (error) {
    if (!(error instanceof WeftError)) throw new Error(`${name}, ${print(given)}: ${String(error)}`, { cause: error });
    expect(error.message.length, error.message).toBeLessThan(600);
    return "refused";
  }
}
const print = (x: unknown): string =>
  typeof x === "object" && x !== null && !ArrayBuffer.isView(x) && !("dtype" in x)
    ? `{ ${Object.entries(x)
        .map(([k, v]) => `${k}: ${describe(v)}`)
        .join(", ")} }`
    : describe(x);

const long = process.env["WEFT_LONG"] === "1";

test.each(Object.entries(cases))("%s", (name, [call, needed, others = {}]) => {
  const run = (bag: unknown): string => outcome(name, () => call(bag as never), bag);
  const plain = run(needed);
  expect(plain).not.toBe("refused");
  const known = { ...needed, ...others };
  for (const [option, value] of Object.entries(known)) {
    // What is given counts, and undefined is not given.
    expect(run({ ...needed, [option]: value }), option).not.toBe("refused");
    if (option in others) expect(run({ ...needed, [option]: undefined })).toBe(plain);
    for (const bad of hostile) {
      const got = run({ ...needed, [option]: bad });
      if (bad === "float32" || typeof bad === "symbol" || typeof bad === "function" || typeof bad === "bigint")
        expect(got, `${option}: ${describe(bad)}`).toBe("refused");
      if (long)
        for (const other of Object.keys(known))
          for (const worse of hostile) run({ ...needed, [option]: bad, [other]: worse });
    }
  }
  for (const unknown of ["dim", "Axis", "keepdim", "strides", "toString", "__proto__ ", "constructor"]) {
    const bag = Object.defineProperty({ ...needed }, unknown, { value: undefined, enumerable: true });
    expect(() => call(bag as never), unknown).toThrow(ArgumentError);
    expect(() => call(bag as never)).toThrow(`there is no option ${JSON.stringify(unknown)}; known options: `);
  }
  // A list or a number may be an axis.
  for (const bag of [1, "axis", [], true, null, () => 1, x, 1n, Symbol("s")]) {
    const got = run(bag);
    if (name !== "squeeze" && name !== "unsqueeze" && !(name === "arange" && bag === 1)) expect(got).toBe("refused");
  }
});

test("open", async () => {
  for (const options of [
    { memorylimit: 1 },
    { memoryLimit: NaN },
    { memoryLimit: 0 },
    { memoryLimit: "1" },
    { fuse: 1 },
    { seed: NaN },
    { seed: -1 },
    null,
    1,
    [],
  ]) {
    await expect(openCpu(options as never), print(options)).rejects.toThrow(ArgumentError);
    await expect(openWebGpu(options as never), print(options)).rejects.toThrow(ArgumentError);
  }
  await expect(openWebGpu({ powerPreference: "high" } as never)).rejects.toThrow(ArgumentError);
  await expect(openWebGpu({ profile: 1 } as never)).rejects.toThrow(ArgumentError);
  expect((await openCpu({ seed: undefined } as never)).rand(2).dataSync()).toEqual(
    (await openCpu({})).rand(2).dataSync(),
  );
});

test("calls in the manner of other libraries", () => {
  const any = T as unknown as Record<string, (...args: unknown[]) => unknown>;
  const on = b as unknown as Record<string, (...args: unknown[]) => unknown>;
  const calls: Record<string, () => unknown> = {
    "sum(x, 1)": () => any.sum!(x, 1),
    "softmax(x, { dim: 0 })": () => any.softmax!(x, { dim: 0 }),
    "conv(x, w, { strides: 2 })": () => any.conv!(images, w, { strides: 2 }),
    "reshape(x, 3, 2)": () => any.reshape!(x, 3, 2),
    "x.reshape(3, 2)": () => (x as unknown as typeof any).reshape!(3, 2),
    "x.sum(1)": () => (x as unknown as typeof any).sum!(1),
    "x.permute(1, 0)": () => (x as unknown as typeof any).permute!(1, 0),
    "permute(x, 1, 0)": () => any.permute!(x, 1, 0),
    "transpose(x, [1, 0])": () => any.transpose!(x, [1, 0]),
    "broadcastTo(x, 2, 3)": () => any.broadcastTo!(x, 2, 3),
    "concat(x, x)": () => any.concat!(x, x),
    "concat([x, x], 1)": () => any.concat!([x, x], 1),
    "stack(x, x)": () => any.stack!(x, x),
    "split(x, null)": () => any.split!(x, null),
    "split(x, 1e9)": () => any.split!(x, 1e9),
    "tile(x, [2])": () => any.tile!(x, [2]),
    "tile(x)": () => any.tile!(x),
    "pad(x, [[1, 1]])": () => any.pad!(x, [[1, 1]]),
    "pad(x)": () => any.pad!(x),
    "pad(x, { pads: [1, 1] })": () => any.pad!(x, { pads: [1, 1] }),
    "pad(x, { pads: [[1, 1, 1], [0, 0]] })": () => any.pad!(x, { pads: [[1, 1, 1], [0, 0]] }), // prettier-ignore
    "roll(x)": () => any.roll!(x),
    "maxPool(x)": () => any.maxPool!(images),
    "maxPool(x, { kernel: 2 })": () => any.maxPool!(images, { kernel: 2 }),
    "oneHot(x)": () => any.oneHot!(i),
    "oneHot(x, 3)": () => any.oneHot!(i, 3),
    "clamp(x, 0, 1)": () => any.clamp!(x, 0, 1),
    "take(x, 0, 1)": () => any.take!(x, 0, 1),
    "topK(x, '1')": () => any.topK!(x, "1"),
    "cast(x, 'float32')": () => any.cast!(x, "float32"),
    "cast(x)": () => any.cast!(x),
    "x.cast('int')": () => x.cast("int" as never),
    "einsum(x, 'ij')": () => any.einsum!(x, "ij"),
    "squeeze(x, '0')": () => any.squeeze!(x, "0"),
    "unsqueeze(x, { dim: 0 })": () => any.unsqueeze!(x, { dim: 0 }),
    "flip(x, 0)": () => any.flip!(x, 0),
    "slice(x, 0, 1)": () => any.slice!(x, 0, 1),
    "gather(x, 1, i)": () => any.gather!(x, 1, i),
    "apply('sum')": () => any.apply!("sum", [x], undefined),
    "apply('sum', axes)": () => any.apply!("sum", [x], { axes: 0, keepDims: false }),
    "apply('sum', keepDims)": () => any.apply!("sum", [x], { axes: [0] }),
    "apply('cast')": () => any.apply!("cast", [x], { dtype: "toString" }),
    "apply('reshape')": () => any.apply!("reshape", [x], { shape: "6" }),
    "apply('conv')": () => any.apply!("conv", [images, w], { stride: 1 }),
    "zeros(2, 3)": () => on.zeros!(2, 3),
    "zeros()": () => on.zeros!(),
    "zeros('2')": () => on.zeros!("2"),
    "zeros([2], 'i32')": () => on.zeros!([2], "i32"),
    "zeros([2], { dtype: 'float32' })": () => on.zeros!([2], { dtype: "float32" }),
    "full([2], '1')": () => on.full!([2], "1"),
    "full([2])": () => on.full!([2]),
    "full([2], 1, { dtype: 'int32' })": () => on.full!([2], 1, { dtype: "int32" }),
    "tensor([1], { dtype: 'toString' })": () => on.tensor!([1], { dtype: "toString" }),
    "tensor([1], [1])": () => on.tensor!([1], [1]),
    "tensor([1], { shape: 1 })": () => on.tensor!([1], { shape: 1 }),
    "tensor(new DataView(…))": () => on.tensor!(new DataView(new ArrayBuffer(4))),
    "tensor('1')": () => on.tensor!("1"),
    "tensor()": () => on.tensor!(),
    "rand(2, 3)": () => on.rand!(2, 3),
    "randint(10)": () => on.randint!(10),
    "randint([2], 0, 10)": () => on.randint!([2], 0, 10),
    "arange()": () => on.arange!(),
    "arange('3')": () => on.arange!("3"),
    "arange(0, Infinity)": () => on.arange!(0, Infinity),
    "arange(0, 1, 0)": () => on.arange!(0, 1, 0),
    "arange(0, 1, 1e-300)": () => on.arange!(0, 1, 1e-300),
    "arange(0, 2 ** 50)": () => on.arange!(0, 2 ** 50),
    "linspace(0, 1, -1)": () => on.linspace!(0, 1, -1),
    "linspace(0, 1)": () => on.linspace!(0, 1),
    "linspace(0, NaN, 3)": () => on.linspace!(0, NaN, 3),
    "eye(-1)": () => on.eye!(-1),
    "eye(2, 3)": () => on.eye!(2, 3),
    "seed()": () => on.seed!(),
  };
  for (const [name, call] of Object.entries(calls)) expect(call, name).toThrow(WeftError);
});
