// Plain values in saved trees: numbers, strings, booleans and lists of them, exactly; what is a setting of the program
// instead; and files of other versions.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSync } from "@weft/conformance";
import { readSafetensors, writeSafetensors } from "@weft/formats";
import { adam, chain, clipGlobalNorm } from "@weft/optim";
import { relu } from "@weft/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  Chain,
  Dropout,
  fromBytes,
  layer,
  Linear,
  load,
  readMetadata,
  place,
  randomState,
  save,
  seed,
  toBytes,
} from "../src/index.node.ts";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "weft-values-"))));
afterAll(() => rm(folder, { recursive: true }));

const model = () => Linear(1, 1);
/** The same tree with other metadata. */
const noted = (bytes: Uint8Array, notes: Record<string, string>) => {
  const { tensors, metadata } = readSafetensors(bytes);
  return writeSafetensors({ tensors, metadata: { ...metadata, ...notes } });
};

test.each([
  ["numbers", [0, -0, 1 / 3, 2 ** 53, -(2 ** 53) + 1, 5e-324, 1.7976931348623157e308, 1e21, NaN, Infinity, -Infinity]],
  ["strings", ["", "déjà vu 🙂", "line\n\u0000", "\ud800 alone", '"quoted"\\', "__proto__"]],
  ["booleans", [true, false]],
  ["bigints", [0n, -(2n ** 64n), 123n]],
  ["lists", [[], [1, -0, NaN], ["a", true, 2n, 0.1]]],
])("%s come back as they were", async (_, values) => {
  const fresh = values.map((x) => (Array.isArray(x) ? ["old"] : typeof x === "bigint" ? 7n : Object(x).constructor()));
  const path = join(folder, "values.safetensors");
  await save(path, { model: model(), values: { ...values } });
  const run = await load(path, { model: model(), values: { ...fresh } });
  expect(Object.values(run.values)).toEqual(values);
});

test("a run is loaded into the same objects, with values in maps and lists, and through accessors", async () => {
  const position = { at: 3 };
  const make = (n: number) => ({
    model: model(),
    optimizer: adam(),
    step: n,
    best: n / 3,
    losses: Array.from({ length: n }, (_, i) => i),
    names: new Map<string, unknown>([["run", `run ${n}`]]),
    list: [{ n }, "text", n] as const,
    state: Object.assign(() => n, { memory: { n }, setting: n }),
    get at() {
      return position.at;
    },
    set at(x: number) {
      position.at = x;
    },
    get length() {
      return n;
    },
    frozen: Object.freeze({ n }),
  });
  const bytes = await toBytes(make(5), { epoch: 2 });
  position.at = 4;
  const run = make(1);
  const { list, names, state } = run;
  expect(fromBytes(bytes, run)).toBe(run);
  expect(run).toMatchObject({ step: 5, best: 5 / 3, losses: [0, 1, 2, 3, 4], list: [{ n: 5 }, "text", 5] });
  expect(run.list).toBe(list);
  expect(names.get("run")).toBe("run 5");
  expect(position.at).toBe(3);
  expect([state.memory.n, state.setting, run.length, run.frozen.n]).toEqual([5, 1, 1, 1]);
});

test("numbers of layers, of instances of classes and of optimizers are settings: not saved, and not changed", async () => {
  class Net {
    width = 3;
    body = Linear(1, 1);
  }
  const make = (p: number) => {
    const net = new Net();
    net.width = p;
    return {
      net: Chain(Linear(1, 1), relu, Dropout(p), layer("Mine", relu, { options: { p } })),
      other: Object.assign(net.body, { p }),
      instance: net,
      optimizer: chain(clipGlobalNorm(1), adam({ lr: p })),
    };
  };
  const bytes = await toBytes(make(0.1));
  expect(readSafetensors(bytes).metadata).toEqual({
    format: "pt",
    "weft.version": "3",
    "instance.body.weight": "other.weight",
    "instance.body.bias": "other.bias",
  });
  const tree = make(0.2);
  fromBytes(bytes, tree);
  expect(tree.instance.width).toBe(0.2);
});

test("nothing changes unless everything fits", async () => {
  const bytes = await toBytes({ model: model(), step: 1, name: "a" });
  const before = await toBytes(model());
  const weights = async (tree: { model: unknown }) => expect(await toBytes(tree.model)).toEqual(before);
  const build = () => ({ model: fromBytes(before, model()), step: 0 });
  const fewer = build();
  expect(() => fromBytes(bytes, fewer)).toThrow("fromBytes: the names are not those of the model: unexpected name");
  const more = { ...build(), name: "", epoch: 0 };
  expect(() => fromBytes(bytes, more)).toThrow("fromBytes: the names are not those of the model: missing epoch");
  const other = { ...build(), name: 1 };
  expect(() => fromBytes(bytes, other)).toThrow('fromBytes: "name" is a string, wanted a number');
  const throwing = {
    ...build(),
    get name() {
      return "b";
    },
    set name(_: string) {
      throw new RangeError("no other name");
    },
  };
  const backend = openSync({});
  await place(throwing, backend);
  expect(() => fromBytes(bytes, throwing)).toThrow("no other name");
  const path = join(folder, "throwing.safetensors");
  await save(path, { model: model(), step: 1, name: "a" });
  await expect(load(path, throwing)).rejects.toThrow("no other name");
  expect(backend.live()).toBe(2);
  const wider = { model: Linear(2, 1), step: 0, name: "" };
  expect(() => fromBytes(bytes, wider)).toThrow("the shapes are not those of the model");
  for (const { step } of [fewer, more, other, throwing, wider]) expect(step).toBe(0);
  for (const tree of [fewer, more, other, throwing]) await weights(tree);
  fromBytes(bytes, more, { strict: false });
  expect(more).toMatchObject({ step: 1, name: "a", epoch: 0 });
});

test("a file of version 1, or of another program, changes no values; one of a later version is refused", async () => {
  const { tensors } = readSafetensors(await toBytes({ model: model(), step: 9 }));
  const old = writeSafetensors({ tensors, metadata: { format: "pt" } });
  expect(fromBytes(old, { model: model(), step: 3 }).step).toBe(3);
  const bytes = await toBytes({ model: model(), step: 9 });
  for (const [notes, message] of [
    [
      { "weft.version": "4" },
      "fromBytes: the file is of version 4, and this @weft/nn reads versions up to 3; update it",
    ],
    [{ "weft.version": "two" }, 'fromBytes: weft.version is "two", wanted a number from 1'],
    [{ "weft.values": "{" }, "fromBytes: weft.values is not JSON"],
    [{ "weft.values": "[]" }, "fromBytes: weft.values is not a JSON object"],
    [{ "weft.values": '{"step":{"null":1}}' }, 'fromBytes: weft.values has { null } at "step", which is no value'],
    [{ "weft.values": '{"step":{"number":"1"}}' }, "fromBytes: weft.values has { number } at"],
    [{ "weft.values": '{"step":[[1]]}' }, "fromBytes: weft.values has [[1]] at"],
  ] as const) {
    const tree = { model: model(), step: 3 };
    expect(() => fromBytes(noted(bytes, notes), tree)).toThrow(
      expect.objectContaining({ name: "FormatError", message: expect.stringContaining(message) }),
    );
    expect(tree.step).toBe(3);
  }
  const hostile = { model: model(), step: 0 };
  expect(() => fromBytes(noted(bytes, { "weft.values": '{"__proto__":1,"step":2}' }), hostile)).toThrow("__proto__");
  expect(hostile.step).toBe(0);
});

test("the numbering of parameters goes on where it was", async () => {
  seed(5);
  const run = { model: model(), random: randomState() };
  const bytes = await toBytes(run);
  const after = await toBytes(Linear(3, 2));
  seed(6);
  fromBytes(bytes, run);
  expect(randomState()).toEqual({ seed: 5, next: 2 });
  expect(await toBytes(Linear(3, 2))).toEqual(after);
});

test("metadata are the user's own, and names of ours are refused", async () => {
  const path = join(folder, "noted.safetensors");
  await save(path, { model: model(), step: 1 }, { step: 7 });
  expect({ ...(await readMetadata(path)) }).toEqual({ format: "pt", step: 7 });
  expect((await load(path, { model: model(), step: 0 })).step).toBe(1);
  await expect(save(path, model(), { "weft.version": 1 })).rejects.toThrow(
    'save: names of metadata that begin with "weft." are reserved, got "weft.version"',
  );
  await expect(toBytes({ model: model(), a: { b: 1 }, "a.b": 2 })).rejects.toThrow(
    'toBytes: two values have the path "a.b"',
  );
});
