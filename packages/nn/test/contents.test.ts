// What saved trees have beside boxes and plain values: null and typed arrays, which come back; what no file can hold, which
// is refused by its path; and lists that are longer in the file.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSync } from "@weft/conformance";
import { readSafetensors, writeSafetensors } from "@weft/formats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromBytes, Linear, load, parameter, save, toBytes } from "../src/index.node.ts";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "weft-contents-"))));
afterAll(() => rm(folder, { recursive: true }));

const model = () => Linear(1, 1);

test("null is a value, which may take the place of any other and be replaced by any", async () => {
  const make = (x: unknown, y: unknown) => ({ model: model(), best: x, list: [y, 1], holes: [null, y] });
  for (const [saved, fresh] of [
    [null, null],
    [null, 3],
    [3, null],
    ["a", null],
    [[1, null], null],
    [null, [1]],
  ] as const) {
    const tree = fromBytes(await toBytes(make(saved, null)), make(fresh, 2));
    expect(tree).toMatchObject({ best: saved, list: [null, 1], holes: [null, null] });
  }
  const { metadata } = readSafetensors(await toBytes({ model: model(), best: null }));
  expect(metadata).toMatchObject({ "weft.version": "3", "weft.values": '{"best":null}' });
});

const arrays = [
  new Float32Array([1.5, -0, NaN]),
  new Float64Array([1 / 3]),
  new Int8Array([-1, 2]),
  new Uint8Array([255]),
  new Uint8ClampedArray([7, 8]),
  new Int16Array([-300]),
  new Uint16Array([65535]),
  new Int32Array([-(2 ** 31)]),
  new Uint32Array([2 ** 32 - 1]),
  new BigInt64Array([-(2n ** 63n)]),
  new BigUint64Array([2n ** 64n - 1n]),
  new Float32Array(0),
];

const blank = (array: (typeof arrays)[number]) =>
  Reflect.construct(array.constructor as typeof Uint8Array, [array.length]);

test("typed arrays are saved as tensors, and restored in place: a replay memory goes on", async () => {
  const path = join(folder, "arrays.safetensors");
  const build = (list: readonly ArrayBufferView[]) => ({
    model: model(),
    memory: { list, at: 3, full: new Map([["rewards", new Float32Array(4).subarray(1, 3)]]) },
    class: new (class {
      readonly setting = new Float32Array(1);
      readonly inside = { kept: Int32Array.of(5) };
    })(),
    frozen: Object.freeze({ table: new Float32Array(2) }),
  });
  const run = build(arrays);
  run.memory.full.get("rewards")!.set([0.5, 0.25]);
  const saving = save(path, run);
  run.memory.full.get("rewards")!.fill(9); // what is saved is what was there when save was called
  await saving;
  const empty = arrays.map(blank);
  const fresh = build(empty);
  fresh.class.inside.kept[0] = 0;
  const kept = fresh.memory.full.get("rewards")!;
  await load(path, fresh);
  expect(fresh.memory.list).toEqual(arrays);
  for (const [k, array] of fresh.memory.list.entries()) expect(array).toBe(empty[k]);
  expect([...kept]).toEqual([0.5, 0.25]);
  expect([...new Float32Array(kept.buffer)]).toEqual([0, 0.5, 0.25, 0]);
  expect(fresh.class.inside.kept[0]).toBe(5);
  const { tensors } = readSafetensors(await toBytes(run));
  expect([...tensors.keys()].filter((name) => !/^memory\.list\.\d+$|^model\./.test(name)).toSorted()).toEqual([
    "class.inside.kept",
    "memory.full.rewards",
  ]);
  const shards = join(folder, "parts.safetensors");
  await save(shards, run, {}, { maxShardBytes: 8 });
  const again = build(arrays.map(blank));
  await load(shards, again);
  expect(again.memory.list).toEqual(arrays);
});

test("a tree of typed arrays and values alone is saved, and arrays at two paths are one", async () => {
  const shared = Float32Array.of(1, 2);
  const bytes = await toBytes({ a: shared, b: [shared], step: 3 });
  expect([...readSafetensors(bytes).tensors.keys()]).toEqual(["a"]);
  const tree = fromBytes(bytes, { a: new Float32Array(2), b: [new Float32Array(2)], step: 0 });
  expect(tree).toEqual({ a: shared, b: [shared], step: 3 });
  const apart = await toBytes({ a: Float32Array.of(1), b: [Float32Array.of(2)], step: 4 });
  const one = new Float32Array(1);
  const tied = { a: one, b: [one], step: 0 };
  expect(() => fromBytes(apart, tied)).toThrow(
    'fromBytes: "a" and "b.0" are one typed array in the tree, the file has different values for them',
  );
  expect(tied).toEqual({ a: Float32Array.of(0), b: [Float32Array.of(0)], step: 0 });
});

test("a typed array wants the same type and length, and changes only if everything fits", async () => {
  const bytes = await toBytes({ model: model(), data: Float32Array.of(1, 2), step: 1, list: [1] });
  const refused: [Record<string, unknown>, string][] = [
    [{ data: new Float32Array(3) }, 'fromBytes: "data" is F32 [2], wanted F32 [3], which this Float32Array holds'],
    [{ data: new Int32Array(2) }, 'fromBytes: "data" is F32 [2], wanted I32 [2], which this Int32Array holds'],
    [
      { data: null },
      "fromBytes: the names are not those of the model: missing data; unexpected data. data is F32 [2] in the file: " +
        "make it a Float32Array of length 2, or a parameter of that shape, before loading",
    ],
    [
      { list: new Float32Array(1) },
      'fromBytes: "list" is a list, wanted F32 [1], which this Float32Array holds: make it null before loading',
    ],
    [{ more: new Float32Array(1) }, "fromBytes: the names are not those of the model: missing more"],
  ];
  for (const [change, message] of refused)
    expect(() => fromBytes(bytes, { model: model(), data: new Float32Array(2), step: 0, list: [], ...change })).toThrow(
      message,
    );
  const data = new Float32Array(2);
  const throwing = {
    model: model(),
    data,
    list: [],
    get step() {
      return 0;
    },
    set step(_: number) {
      throw new RangeError("no other step");
    },
  };
  expect(() => fromBytes(bytes, throwing)).toThrow("no other step");
  expect([...data]).toEqual([0, 0]);
  expect([...fromBytes(bytes, { model: model(), data }, { strict: false }).data]).toEqual([1, 2]);
});

const backend = openSync({});
test.each([
  [
    "a raw tensor",
    () => backend.tensor([1]),
    "a tensor; of tensors a file holds those in boxes: make it state(tensor)",
  ],
  ["a Date", () => new Date(), "a Date; a file holds numbers, strings"],
  ["a Set", () => new Set(["a"]), "a Set; make it a list or a Map"],
  ["an empty Set", () => new Set(), "a Set; make it a list or a Map"],
  ["a buffer", () => new ArrayBuffer(1), "an ArrayBuffer; a file holds"],
  ["a view without a type", () => new DataView(new ArrayBuffer(1)), "a DataView; a file holds"],
  ["a symbol", () => Symbol("a"), "a symbol; a file holds"],
  ["a promise", () => Promise.resolve(1), "a Promise; a file holds"],
  ["a boxed number", () => Object(1) as unknown, "a Number; a file holds"],
])("%s in a plain object, a list or a map is an error that names its path", async (_, make, what) => {
  const path = join(folder, "lost.safetensors");
  for (const tree of [{ a: { b: make() } }, { a: [1, { b: make() }] }, { a: new Map([["b", make()]]) }])
    await expect(save(path, { model: model(), tree })).rejects.toThrow(
      expect.objectContaining({ name: "StateError", message: expect.stringMatching(/^save: tree\.a\.(1\.)?b is a/) }),
    );
  await expect(toBytes({ model: model(), list: [make(), make()] })).rejects.toThrow(`toBytes: list.0 is ${what}`);
  // Settings of the program are not saved, as before.
  const settings = Object.assign(() => 0, { x: make() });
  const frozen = Object.freeze({ x: make() });
  class Net {
    readonly body = model();
    readonly x = make();
  }
  await toBytes({ model: model(), settings, frozen, net: new Net(), set: new Set([model()]), none: undefined });
});

test("a list with a hole, and an array behind an accessor, are errors at saving", async () => {
  for (const list of [[1, undefined], Object.assign(Array.from<number>({ length: 0 }), { 1: 2 }), new Array<number>(2)])
    await expect(toBytes({ model: model(), losses: list })).rejects.toThrow(
      /^toBytes: losses\.[01] is undefined in a list; make it null/,
    );
  const accessed = {
    model: model(),
    get data() {
      return new Float32Array(1);
    },
    set data(_: Float32Array) {},
  };
  await expect(toBytes(accessed)).rejects.toThrow(
    "toBytes: data is a Float32Array behind an accessor, which may return copies; make it a field",
  );
});

test("null does not stand for a typed array or a parameter, and messages say what to make of it", async () => {
  const file = async (x: unknown) => toBytes({ model: model(), x });
  const refused = "fromBytes: the names are not those of the model: missing x; unexpected x. ";
  const cases: [saved: unknown, fresh: unknown, message: string][] = [
    [null, new Float32Array(3), 'fromBytes: "x" is null, wanted F32 [3], which this Float32Array holds: make it null before loading'], // oxfmt-ignore
    [3, new Int8Array(3), 'fromBytes: "x" is a number, wanted I8 [3], which this Int8Array holds: make it null before loading'], // oxfmt-ignore
    [new Uint8Array(3), null, `${refused}x is U8 [3] in the file: make it a Uint8Array of length 3, or a parameter of that shape, before loading`], // oxfmt-ignore
    [new BigInt64Array(1), 5, `${refused}x is I64 [1] in the file: make it a BigInt64Array of length 1, or a parameter of that shape, before loading`], // oxfmt-ignore
    [new Float64Array(2), [1, 2], `${refused}x is F64 [2] in the file: make it a Float64Array of length 2, or a parameter of that shape, before loading`], // oxfmt-ignore
    [parameter([1, 2], () => [1, 2]), null, `${refused}x is F32 [1, 2] in the file: make it a parameter of that shape before loading`], // oxfmt-ignore
    [null, parameter([1, 2], () => [1, 2]), `${refused}x is a plain value in the file: make it null before loading`],
  ];
  for (const [saved, x, message] of cases) {
    const bytes = await file(saved);
    expect(() => fromBytes(bytes, { model: model(), x })).toThrow(
      expect.objectContaining({ name: "StateError", message }),
    );
  }
});

test("a list of objects wants as many as the file has, and says so", async () => {
  const bytes = await toBytes({ model: model(), history: [{ loss: 1 }, { loss: 2 }] });
  expect(() => fromBytes(bytes, { model: model(), history: [] })).toThrow(
    "fromBytes: the names are not those of the model: missing history; unexpected history.0.loss, history.1.loss. " +
      "history is a list of values in the model and has entries with names in the file: make it as long as in the file before loading",
  );
  expect(fromBytes(bytes, { model: model(), history: [{ loss: 0 }, { loss: 0 }] }).history[1]!.loss).toBe(2);
});

test("an object where the model has one value, or the other way round, is named as such", async () => {
  const bytes = await toBytes({ model: model(), v: { a: 1, b: null } });
  expect(() => fromBytes(bytes, { model: model(), v: null })).toThrow(
    ". v is one value in the model and an object in the file: make it what it is in the file before loading",
  );
  const single = await toBytes({ model: model(), v: 1 });
  expect(() => fromBytes(single, { model: model(), v: { a: 1 } })).toThrow(
    ". v is one value in the file and an object in the model: make it what it is in the file before loading",
  );
});

test("what the version of a file could not hold stays as it is", async () => {
  const bytes = await toBytes({ model: model(), best: 3, step: 1 });
  const { tensors, metadata } = readSafetensors(bytes);
  const old = writeSafetensors({ tensors, metadata: { ...metadata, "weft.version": "2" } });
  const tree = { model: model(), best: null, step: 0, name: null, data: Float32Array.of(7) };
  fromBytes(old, tree);
  expect(tree).toMatchObject({ best: 3, step: 1, name: null, data: Float32Array.of(7) });
  expect(() => fromBytes(bytes, tree)).toThrow("fromBytes: the names are not those of the model: missing name, data");
});
