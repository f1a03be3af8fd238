// Models as bytes and files: round trips, parameters that are not initialized, messages, and a full disk.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import * as disk from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { param, scope, state, StateError } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { MemoryError, mul, relu, type Tensor } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { afterAll, beforeAll, expect, test } from "vitest";
import { replaceFile } from "../src/files.ts";
import {
  BatchNorm,
  Chain,
  fromBytes,
  GRU,
  LSTM,
  Linear,
  load,
  ones,
  parameter,
  params,
  place,
  save,
  seed,
  summary,
  toBytes,
} from "../src/index.node.ts";
import { readSafetensors, writeSafetensors } from "../src/index.ts";

const backend = openSync({ rounding: true });
const { tensor, randn } = backend;
const list = async (x: Tensor) => [...(await x.data())];
const build = () => Chain(Linear(3, 4), BatchNorm(4), relu, Linear(4, 2));
let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "weft-nn-"))));
afterAll(() => rm(folder, { recursive: true }));

const all = async (model: unknown) => {
  const { tensors } = readSafetensors(await toBytes(model));
  return Object.fromEntries([...tensors].map(([name, t]) => [name, Buffer.from(t.bytes).toString("hex")]));
};

test.each(["f16", "bf16"] as const)("parameters in %s: rounded once, stored and read as they are", async (dtype) => {
  const { load: numberOf, store } = dtypeInfo[dtype];
  const numbers = [1 / 3, -2, 70000, 1e-30];
  const weight = parameter([4], () => numbers, { dtype });
  const bytes = await toBytes({ weight });
  expect(readSafetensors(bytes).tensors.get("weight")).toMatchObject({ dtype: dtype.toUpperCase(), shape: [4] });
  expect(mul(weight, tensor([1])).arraySync()).toEqual(numbers.map((x) => numberOf(store(x))));
  const other = param(tensor([0, 0, 0, 0], { dtype }));
  fromBytes(bytes, { weight: other });
  expect([...(await other.value.data())]).toEqual(numbers.map(store));
});

test("a model over bytes: names, dtypes and values", async () => {
  const model = build();
  const x = randn([5, 3], { seed: 1 });
  model(x);
  const bytes = await toBytes(model, { note: "two layers" });
  const { tensors, metadata } = readSafetensors(bytes);
  expect(metadata).toEqual({ format: "pt", note: "two layers", "weft.version": "3" });
  expect(Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, `${dtype} [${shape}]`]))).toEqual({
    "0.weight": "F32 [4,3]",
    "0.bias": "F32 [4]",
    "1.weight": "F32 [4]",
    "1.bias": "F32 [4]",
    "1.running_mean": "F32 [4]",
    "1.running_var": "F32 [4]",
    "1.num_batches_tracked": "I64 []",
    "3.weight": "F32 [2,4]",
    "3.bias": "F32 [2]",
  });
  const other = fromBytes(bytes, build());
  expect(params(other).some((p) => p.initialized)).toBe(false);
  expect(await all(other)).toEqual(await all(model));
  expect(await list(other(x))).toEqual(await list(model(x)));
  // An initialized model takes the values on its backend.
  const third = build();
  third(x);
  const kept = params(third)[0]!;
  fromBytes(bytes, third);
  expect(params(third)[0]).toBe(kept);
  expect(kept.backend).toBe(backend);
  expect(await list(third(x))).toEqual(await list(model(x)));
});

test("a parameter that is not initialized is saved with its initial values", async () => {
  seed(3);
  const model = Linear(3, 2);
  const before = await all(model);
  expect(model.weight.initialized).toBe(false);
  model(tensor([[1, 2, 3]]));
  expect(await all(model)).toEqual(before);
});

test("save and load, and the file holds nothing but the model", async () => {
  const path = join(folder, "model.safetensors");
  const build = () => [
    LSTM({ in: 3, hidden: 2, bidirectional: true }),
    GRU({ in: 3, hidden: 2, layers: 2, bias: false }),
  ];
  const model = build();
  await save(path, model, { epoch: "3" });
  const loaded = await load(path, build());
  expect(await all(loaded)).toEqual(await all(model));
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
  await save(path, Linear(1, 1));
  expect([...readSafetensors(await readFile(path)).tensors.keys()].toSorted()).toEqual(["bias", "weight"]);
});

test("a full disk leaves the old file intact and no other file", async () => {
  const path = join(folder, "model.safetensors");
  await writeFile(path, "the old model");
  const full = {
    ...disk,
    open: async (...args: Parameters<typeof disk.open>) => {
      const file = await disk.open(...args);
      file.writeFile = async (bytes) => {
        await file.write((bytes as Uint8Array).subarray(0, 3));
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      };
      return file;
    },
  };
  await expect(replaceFile(path, new Uint8Array(9), full)).rejects.toThrow(
    expect.objectContaining({
      name: "FileError",
      message: `save: could not write ${path}; the old file, if any, is unchanged: ENOSPC: no space left on device, write`,
    }),
  );
  const unnamed = { ...disk, rename: () => Promise.reject(new Error("EIO: i/o error, rename")) };
  await expect(replaceFile(path, new Uint8Array(9), unnamed)).rejects.toThrow("EIO: i/o error, rename");
  expect(await readFile(path, "utf8")).toBe("the old model");
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("a missing folder, and a missing file", async () => {
  const path = join(folder, "none", "model.safetensors");
  await expect(save(path, Linear(1, 1))).rejects.toThrow(
    `save: could not write ${path}; the old file, if any, is unchanged: ENOENT`,
  );
  await expect(load(path, Linear(1, 1))).rejects.toThrow(`load: ${path} cannot be read: ENOENT`);
});

test("a truncated file is an error that names it and changes nothing", async () => {
  const path = join(folder, "half.safetensors");
  const bytes = await toBytes(Linear(3, 2));
  await writeFile(path, bytes.subarray(0, bytes.length - 8));
  const model = Linear(3, 2);
  const before = await all(model);
  await expect(load(path, model)).rejects.toThrow(
    expect.objectContaining({
      name: "FormatError",
      message: `load: ${path}: safetensors: "weight" ends at byte 32, the file has 24 bytes of values`,
    }),
  );
  expect(await all(model)).toEqual(before);
});

test("what cannot have parameters is no model", async () => {
  const bytes = await toBytes(Linear(1, 1));
  for (const model of [null, undefined, 1])
    expect(() => fromBytes(bytes, model)).toThrow(
      "fromBytes: wanted an object, an array or a function with parameters as the model, got",
    );
});

test("names and shapes of another model are listed, and nothing is changed", async () => {
  const model = build();
  const before = await all(model);
  const bytes = await toBytes(Chain(Linear(3, 4), relu, Linear(4, 2)));
  expect(() => fromBytes(bytes, model)).toThrow(
    expect.objectContaining({
      name: "StateError",
      message:
        "fromBytes: the names are not those of the model: missing 1.weight, 1.bias, 1.running_mean, 1.running_var, 1.num_batches_tracked, 3.weight, 3.bias; unexpected 2.bias, 2.weight",
    }),
  );
  const wider = await toBytes(Chain(Linear(3, 5), BatchNorm(4), relu, Linear(4, 2)));
  expect(() => fromBytes(wider, model)).toThrow(
    expect.objectContaining({
      name: "StateError",
      message:
        "fromBytes: the shapes are not those of the model: 0.weight is [5, 3], wanted [4, 3]; 0.bias is [5], wanted [4]",
    }),
  );
  const integers = writeSafetensors({
    tensors: new Map([["value", { dtype: "I32", shape: [1], bytes: new Uint8Array(4) }]]),
    metadata: {},
  });
  expect(() => fromBytes(integers, param(tensor([1])))).toThrow(
    'safetensors: "value" is stored as I32, f32 can be read from F64, F32, F16, BF16',
  );
  expect(await all(model)).toEqual(before);
  fromBytes(bytes, model, { strict: false });
  expect((await all(model))["0.weight"]).not.toBe(before["0.weight"]);
  await expect(toBytes({})).rejects.toThrow("toBytes: this model has no parameters");
});

test("a count too large for an i32 is rejected with its name", () => {
  const bytes = writeSafetensors({
    tensors: new Map([
      ["value", { dtype: "I64", shape: [], bytes: new Uint8Array(new BigInt64Array([2n ** 31n]).buffer) }],
    ]),
    metadata: {},
  });
  const count = state(tensor(0, { dtype: "i32" }));
  expect(() => fromBytes(bytes, count)).toThrow(
    'safetensors: "value" holds 2147483648 at element 0, which is outside i32',
  );
});

test("place moves initialized parameters and initializes the others", async () => {
  const other = openSync({ rounding: true });
  const model = Chain(Linear(2, 3), Linear(3, 1));
  const [first, , last] = params(model) as [ReturnType<typeof params>[0], unknown, ReturnType<typeof params>[0]];
  first.initialize(backend);
  const values = await list(first.value);
  expect(await place(model, other)).toBe(model);
  expect([first.backend, last.backend]).toEqual([other, other]);
  expect(await list(first.value)).toEqual(values);
  expect(model(other.tensor([[1, 2]])).shape).toEqual([1, 1]);
});

test("nothing is left behind on the backend", async () => {
  const one = openSync({ rounding: true });
  const model = Linear(2, 2, { init: ones() });
  await place(model, one);
  const living = one.live();
  expect(living).toBe(2);
  await toBytes(model);
  fromBytes(await toBytes(model), model);
  expect(one.live()).toBe(living);
});

/** A backend on which the n-th upload from now on fails, as it does when its memory is full. */
function failing(n: number) {
  const one = openSync({ rounding: true });
  const { upload } = one;
  let left = Infinity;
  one.upload = function (...args) {
    if (--left < 0) throw new MemoryError("no memory left");
    return upload.apply(this, args);
  };
  return { one, arm: () => void (left = n), disarm: () => void (left = Infinity) };
}

test.each([0, 1, 5, 8])("a backend that fails after %i values leaves a model that is loaded as it was", async (n) => {
  const { one, arm, disarm } = failing(n);
  const model = await place(build(), one);
  const before = await all(model);
  const other = await toBytes(build());
  const living = one.live();
  arm();
  expect(() => fromBytes(other, model)).toThrow("no memory left");
  disarm();
  expect(await all(model)).toEqual(before);
  expect(one.live()).toBe(living);
  expect(await all(fromBytes(other, model))).not.toEqual(before);
});

test.each([0, 1, 5, 8])("a backend that fails after %i values leaves a model that is moved where it was", async (n) => {
  const { one, arm, disarm } = failing(n);
  const model = build();
  for (const p of params(model).slice(0, 3)) p.initialize(backend); // the others are still lazy
  const before = await all(model);
  arm();
  await expect(place(model, one)).rejects.toThrow("no memory left");
  disarm();
  expect(params(model).map((p) => p.backend)).toEqual([backend, backend, backend, ...Array(3).fill(undefined)]);
  expect(await all(model)).toEqual(before);
  expect(one.live()).toBe(0);
  await place(model, one);
  expect(await all(model)).toEqual(before);
});

test("a device that reports late that it is out of memory leaves a model as it was", async () => {
  const late = openSync({ rounding: true });
  const { read } = late;
  const model = build();
  for (const p of params(model).slice(0, 3)) p.initialize(backend);
  const before = await all(model);
  const path = join(folder, "late.safetensors");
  await save(path, build());
  late.read = () => Promise.reject(new MemoryError("no memory, as the device says now"));
  await expect(place(model, late)).rejects.toThrow("as the device says now");
  expect(params(model).map((p) => p.backend)).toEqual([backend, backend, backend, ...Array(3).fill(undefined)]);
  expect(await all(model)).toEqual(before);
  late.read = read;
  await place(model, late);
  expect(await all(model)).toEqual(before);
  const living = late.live();
  late.read = () => Promise.reject(new MemoryError("no memory, as the device says now"));
  await expect(load(path, model)).rejects.toThrow("as the device says now");
  late.read = read;
  expect(await all(model)).toEqual(before);
  expect(late.live()).toBe(living);
  await load(path, model);
  expect(await all(model)).not.toEqual(before);
});

test("a model on two backends is loaded on both or on neither", async () => {
  const { one, arm } = failing(1);
  const model = Chain(Linear(2, 3), Linear(3, 1));
  await place((model as unknown as object[])[0], backend);
  await place((model as unknown as object[])[1], one);
  const bytes = await toBytes(Chain(Linear(2, 3), Linear(3, 1)));
  const before = await all(model);
  arm();
  expect(() => fromBytes(bytes, model)).toThrow("no memory left");
  expect(await all(model)).toEqual(before);
});

test("a full CPU backend leaves a model as it was, and training goes on", async () => {
  const cpu = openCpu({ memoryLimit: 2 ** 24 });
  const build = () => Chain(Linear(1000, 1000), Linear(1000, 1000));
  const model = await place(build(), cpu);
  const before = await all(model);
  const other = await toBytes(build());
  scope(() => {
    cpu.tensor(new Float32Array(1e6)); // owned by the scope, so it stays in memory
    expect(() => fromBytes(other, model)).toThrow(MemoryError);
  });
  expect(await all(model)).toEqual(before);
  expect((await model(cpu.tensor(new Float32Array(1000), { shape: [1, 1000] })).data()).length).toBe(1000);
});

test("the last tensor of a wrong dtype, shape or name changes nothing", async () => {
  const model = await place(Chain(Linear(2, 2), Linear(2, 2)), backend);
  const before = await all(model);
  const { tensors, metadata } = readSafetensors(await toBytes(Chain(Linear(2, 2), Linear(2, 2))));
  const last = tensors.get("1.weight")!;
  const spoilt: [string, object, string][] = [
    ["1.weight", { ...last, dtype: "I32" }, "FormatError"],
    ["1.weight", { ...last, shape: [4] }, "StateError"],
    ["1.weights", last, "StateError"],
  ];
  for (const [name, tensor, error] of spoilt) {
    const other = new Map(tensors);
    other.delete("1.weight");
    other.set(name, tensor as typeof last);
    const bytes = writeSafetensors({ tensors: other, metadata });
    expect(() => fromBytes(bytes, model)).toThrow(expect.objectContaining({ name: error }));
    expect(await all(model)).toEqual(before);
  }
});

test("reading a loaded model before it has a backend is an error that says what to do", async () => {
  const model = fromBytes(await toBytes(Linear(2, 2)), Linear(2, 2));
  expect(() => params(model)[0]!.value).toThrow(
    "param: this f32[2,2] has no value yet: a parameter takes its first or its loaded values on the backend of the first tensor it meets, or at once with: await place(model, backend)",
  );
  await place(model, backend);
  expect(await list(params(model)[0]!.value)).toHaveLength(4);
});

test("reading a state takes one option", () => {
  const bytes = writeSafetensors({ tensors: new Map(), metadata: {} });
  expect(() => fromBytes(bytes, Linear(1, 1), { stric: false } as never)).toThrow(
    'fromBytes: there is no option "stric"; known options: strict',
  );
});

test("names from a file are escaped in messages, and long lists of them are shortened", () => {
  const tensor = { dtype: "U8", shape: [0], bytes: new Uint8Array(0) } as const;
  const hostile = new Map([["\u001b[2J\nweft: all is well", tensor]]);
  expect(() => fromBytes(writeSafetensors({ tensors: hostile, metadata: {} }), {})).toThrow(
    String.raw`unexpected "\u001b[2J\nweft: all is well"`,
  );
  const many = new Map(Array.from({ length: 1e4 }, (_, i) => [`layer.${i}`, tensor]));
  const bytes = writeSafetensors({ tensors: many, metadata: {} });
  expect(() => fromBytes(bytes, {})).toThrow(/ unexpected (layer\.\d+, ){16}and 9984 more$/);
});

test("summary: a table of what a model holds", () => {
  expect(summary(Chain(Linear(784, 64), BatchNorm(64)))).toBe(
    [
      "name                   value         kind    count",
      "0.weight               f32[64, 784]  param  50,176",
      "0.bias                 f32[64]       param      64",
      "1.weight               f32[64]       param      64",
      "1.bias                 f32[64]       param      64",
      "1.running_mean         f32[64]       state      64",
      "1.running_var          f32[64]       state      64",
      "1.num_batches_tracked  i32[]         state       1",
      "50,368 parameters",
    ].join("\n"),
  );
});

test("summary: control characters in a name are escaped", () => {
  const lines = summary({ "\u001b[31m\nall is well": Linear(1, 1) }).split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[1]).toContain(String.raw`\u001b[31m\nall is well.weight`);
});

test("a tree that is too deep is a StateError", async () => {
  let deep: unknown = { w: param(tensor([1])) };
  for (let k = 0; k < 300_000; k++) deep = [deep];
  await expect(toBytes(deep)).rejects.toThrow("toBytes: this model is nested too deep");
  await expect(toBytes(deep)).rejects.toThrow(StateError);
});
