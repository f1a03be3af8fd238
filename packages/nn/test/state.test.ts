// Models as bytes and files: round trips, parameters that have not come to life, messages, and a disk that is full.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import * as disk from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { param, state } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { relu, type Tensor } from "@weft/tensor";
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
  params,
  place,
  save,
  seed,
  summary,
  toBytes,
} from "../src/index.node.ts";
import { readSafetensors, writeSafetensors } from "../src/safetensors.ts";

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

test("a model over bytes: names, dtypes and values", async () => {
  const model = build();
  const x = randn([5, 3], { seed: 1 });
  model(x);
  const bytes = await toBytes(model, { note: "two layers" });
  const { tensors, metadata } = readSafetensors(bytes);
  expect(metadata).toEqual({ format: "pt", note: "two layers" });
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
  expect(params(other).some((p) => p.born)).toBe(false);
  expect(await all(other)).toEqual(await all(model));
  expect(await list(other(x))).toEqual(await list(model(x)));
  // A model that is alive takes the values where it lives.
  const third = build();
  third(x);
  const kept = params(third)[0]!;
  fromBytes(bytes, third);
  expect(params(third)[0]).toBe(kept);
  expect(kept.backend).toBe(backend);
  expect(await list(third(x))).toEqual(await list(model(x)));
});

test("a parameter that has not come to life is saved as it will come to life", async () => {
  seed(3);
  const model = Linear(3, 2);
  const before = await all(model);
  expect(model.weight.born).toBe(false);
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

test("a disk that is full leaves the old file whole and nothing beside it", async () => {
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
      message: `save: ${path} was not written, what stood there is unchanged: ENOSPC: no space left on device, write`,
    }),
  );
  const unnamed = { ...disk, rename: () => Promise.reject(new Error("EIO: i/o error, rename")) };
  await expect(replaceFile(path, new Uint8Array(9), unnamed)).rejects.toThrow("EIO: i/o error, rename");
  expect(await readFile(path, "utf8")).toBe("the old model");
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("a folder that is not there, and a file that is not there", async () => {
  const path = join(folder, "none", "model.safetensors");
  await expect(save(path, Linear(1, 1))).rejects.toThrow(
    `save: ${path} was not written, what stood there is unchanged: ENOENT`,
  );
  await expect(load(path, Linear(1, 1))).rejects.toThrow(`load: ${path} cannot be read: ENOENT`);
});

test("a truncated file names itself and changes nothing", async () => {
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
        "fromBytes: the shapes are not those of the model: 0.weight is [5,3], wanted [4,3]; 0.bias is [5], wanted [4]",
    }),
  );
  const integers = writeSafetensors({
    tensors: new Map([["value", { dtype: "I32", shape: [1], bytes: new Uint8Array(4) }]]),
    metadata: {},
  });
  expect(() => fromBytes(integers, param(tensor([1])))).toThrow(
    'safetensors: "value" is stored as I32, f32 is read from F64, F32, F16, BF16',
  );
  expect(await all(model)).toEqual(before);
  fromBytes(bytes, model, { strict: false });
  expect((await all(model))["0.weight"]).not.toBe(before["0.weight"]);
  await expect(toBytes({})).rejects.toThrow("toBytes: this model has no parameters");
});

test("a count that no longer fits an i32 is refused with its name", () => {
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

test("place moves what lives and brings to life what does not", async () => {
  const other = openSync({ rounding: true });
  const model = Chain(Linear(2, 3), Linear(3, 1));
  const [first, , last] = params(model) as [ReturnType<typeof params>[0], unknown, ReturnType<typeof params>[0]];
  first.birth(backend);
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
