// Models in several files: their form, what is left when a save is cut short anywhere, and indices that lie.
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WeftError } from "@weft/tensor";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import pt from "../../formats/test/fixtures/pt.json" with { type: "json" };
import { system } from "../src/disk.ts";
import {
  Chain,
  constant,
  Linear,
  load,
  readMetadata,
  readSafetensors,
  save,
  toBytes,
  writeSafetensors,
} from "../src/index.node.ts";
import { writeShards } from "../src/sharded.ts";
import { storedState } from "../src/state.ts";

/** Of 5 tensors and 48 bytes: weights of 16, 4 and 16 bytes, biases of 8 and 4. */
const build = (value: number) => {
  const init = constant(value);
  return { a: Linear(2, 2, { init }), b: Linear(1, 1, { init }), c: Linear(4, 1, { init, bias: false }) };
};
const valueIn = async (path: string): Promise<number> => {
  const { tensors } = readSafetensors(await toBytes(await load(path, build(0))));
  const weights = [...tensors].flatMap(([name, { bytes }]) =>
    name.endsWith("weight") ? [...new Float32Array(Uint8Array.from(bytes).buffer)] : [],
  );
  expect(weights).toEqual(Array(9).fill(weights[0]));
  return weights[0]!;
};
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.unreachable("this should have failed"),
    (error: Error) => `${error.name}: ${error.message}`,
  );

let folder: string;
let path: string;
let index: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "weft-shards-"));
  path = join(folder, "model.safetensors");
  index = join(folder, "model.safetensors.index.json");
  const made = folder;
  onTestFinished(() => fs.rm(made, { recursive: true }));
});
const files = async (): Promise<string[]> => (await fs.readdir(folder)).toSorted();
const sharded = (value: number, metadata = {}) => save(path, build(value), metadata, { maxShardBytes: 16 });
const plainNames = [
  "model-00001-of-00003.safetensors",
  "model-00002-of-00003.safetensors",
  "model-00003-of-00003.safetensors",
  "model.safetensors.index.json",
];

test("files and index have Hugging Face's form, and are found by path, index and folder", async () => {
  await sharded(1, { epoch: 3 });
  expect(await files()).toEqual(plainNames);
  expect(await fs.readFile(index, "utf8")).toBe(
    `${JSON.stringify(
      {
        metadata: { total_size: 48 },
        weight_map: {
          "a.bias": plainNames[1],
          "a.weight": plainNames[0],
          "b.bias": plainNames[1],
          "b.weight": plainNames[1],
          "c.weight": plainNames[2],
        },
      },
      undefined,
      2,
    )}\n`,
  );
  for (const [k, name] of plainNames.slice(0, 3).entries()) {
    const { metadata } = readSafetensors(await fs.readFile(join(folder, name)));
    expect(metadata).toMatchObject(k === 0 ? { format: "pt", epoch: 3 } : { format: "pt" });
  }
  for (const place of [path, index, folder]) {
    expect(await valueIn(place)).toBe(1);
    expect(await readMetadata(place)).toMatchObject({ epoch: 3 });
  }
  await fs.rename(index, join(folder, "run.safetensors.index.json"));
  expect(await valueIn(folder)).toBe(1);
});

test("tied weights, a tensor larger than a file may be, and models that fit in one file", async () => {
  const one = Linear(2, 2);
  await save(path, Chain(one, Linear(2, 2), one), {}, { maxShardBytes: 1 });
  expect(await files()).toHaveLength(5);
  const { 0: first, 2: last } = await load(path, Chain(Linear(2, 2), Linear(2, 2), Linear(2, 2)));
  expect((last as typeof one).weight.shape).toEqual((first as typeof one).weight.shape);
  await save(path, build(2), {}, { maxShardBytes: 1000 });
  expect(await files()).toEqual(["model.safetensors"]);
  await sharded(3);
  expect(await files()).toEqual(plainNames);
  await save(path, build(4));
  expect(await valueIn(path)).toBe(4);
  expect(await valueIn(folder)).toBe(4);
  for (const maxShardBytes of [0, -1, 1.5, NaN, "1"])
    expect(await messageOf(save(path, build(1), {}, { maxShardBytes } as never))).toMatch(
      /^ArgumentError: save: .*max/,
    );
});

test("later saves use other names, and leave nothing behind", async () => {
  for (let value = 1; value < 6; value++) {
    await sharded(value);
    expect(await files()).toHaveLength(4);
    expect(await valueIn(path)).toBe(value);
    const marked = (await files()).some((name) => /^model-[0-9a-f]{8}-00001-of-00003\.safetensors$/.test(name));
    expect(marked).toBe(value > 1);
  }
  // Leftovers of killed programs go after an hour; files of others stay.
  const id = "model-0123abcd-00001-of-00002.safetensors";
  const others = ["model-00001-of-00009.safetensors", "other-0123abcd-00001-of-00002.safetensors", "model.txt"];
  const long = new Date(Date.now() - 2 * 3_600_000);
  for (const name of [id, ...others]) {
    await fs.writeFile(join(folder, name), "");
    await fs.utimes(join(folder, name), long, long);
  }
  await fs.writeFile(join(folder, "model-0123abce-00001-of-00002.safetensors"), "somebody is writing this");
  await sharded(9);
  const left = await files();
  expect(left).not.toContain(id);
  expect(left).toEqual(expect.arrayContaining([...others, "model-0123abce-00001-of-00002.safetensors"]));
});

/** A disk that stops for good after so many operations, as if the program was killed. */
function dying(operations: number): { disk: typeof fs; dead: Promise<void>; close(): Promise<unknown> } {
  let left = operations;
  const files: fs.FileHandle[] = [];
  let resolve!: () => void;
  const dead = new Promise<void>((done) => void (resolve = done));
  const dies = <Args extends unknown[], R>(act: (...args: Args) => Promise<R>) =>
    (async (...args: Args): Promise<R> => {
      if (left-- > 0) return act(...args);
      resolve();
      return new Promise<never>(() => undefined);
    }) as never;
  const disk = {
    ...fs,
    rename: dies(fs.rename),
    rm: dies(fs.rm),
    open: dies(async (...args: Parameters<typeof fs.open>) => {
      const file = await fs.open(...args);
      files.push(file);
      const write = file.writeFile.bind(file);
      file.writeFile = dies(async (bytes: Uint8Array) => {
        await file.write(bytes.subarray(0, bytes.length >> 1));
        await new Promise<void>((done) => void (left-- > 0 ? done : resolve)());
        await write(bytes.subarray(bytes.length >> 1));
      });
      return file;
    }),
  };
  return { disk, dead, close: () => Promise.all(files.map((file) => file.close())) };
}

/** Kills a save after each number of operations; the set is the one before or the one after. */
async function killEverywhere(before: () => Promise<void>, during: () => Promise<void>): Promise<void> {
  let news = 0;
  for (let n = 0; ; n += everything ? 1 : 6) {
    await fs.rm(folder, { recursive: true });
    await fs.mkdir(folder);
    await before();
    const { disk, dead, close } = dying(n);
    const real = system.disk;
    let ended = false;
    try {
      system.disk = disk;
      ended = await Promise.race([during().then(() => true), dead.then(() => false)]);
    } finally {
      system.disk = real;
      await close();
    }
    const value = await valueIn(path);
    expect([1, 2]).toContain(value);
    news += value === 2 ? 1 : 0;
    if (value === 1) expect(news).toBe(0); // never back
    if (!ended) {
      await sharded(2);
      expect(await valueIn(path)).toBe(2);
      continue;
    }
    expect(value).toBe(2);
    expect(n).toBeGreaterThan(20);
    return;
  }
}
const store = async (value: number) => storedState("save", build(value), {});

test("a save that is killed anywhere leaves the old files or the new ones", async () => {
  const shards = async (value: number) => writeShards(path, await store(value), 16);
  await killEverywhere(
    () => shards(1),
    () => shards(2),
  );
  await killEverywhere(
    () => save(path, build(1)),
    () => shards(2),
  );
});

test("programs that save to one path at once, and others that read it, get whole models", async () => {
  await sharded(0);
  let saving = true;
  const reading = (async () => {
    while (saving) await valueIn(path);
  })();
  for (let round = 0; round < 2; round++)
    await Promise.all([1, 2, 3].map(async (value) => writeShards(path, await store(value), 16)));
  saving = false;
  await reading;
  expect([1, 2, 3]).toContain(await valueIn(path));
});

test.each<[string, (value: number) => Promise<void>, (value: number) => Promise<void>]>([
  ["one file become several", (value) => save(path, build(value)), sharded],
  ["several files become one", sharded, (value) => save(path, build(value))],
])("a model is read while %s", async (_, before, after) => {
  const real = system.disk;
  onTestFinished(() => void (system.disk = real));
  // Between the look at what is there, and the opening of it.
  for (const at of [() => path, () => folder]) {
    await before(1);
    system.disk = {
      ...real,
      open: async (...args) => {
        system.disk = real;
        await after(2);
        return real.open(...args);
      },
    };
    expect(await valueIn(at())).toBe(2);
    expect(system.disk).toBe(real);
  }
});

test("a save that fails leaves what was there, and no new files", async () => {
  await sharded(1);
  const before = await files();
  const real = system.disk;
  try {
    let opened = 0;
    system.disk = {
      ...fs,
      open: (async (...args: Parameters<typeof fs.open>) => {
        if (++opened > 6) throw new Error("ENOSPC: no space left on device");
        return fs.open(...args);
      }) as typeof fs.open,
    };
    expect(await messageOf(sharded(2))).toMatch(/^FileError: save: could not write .* ENOSPC/);
  } finally {
    system.disk = real;
  }
  expect(await files()).toEqual(before);
  expect(await valueIn(path)).toBe(1);
  await fs.mkdir(join(folder, "taken"));
  expect(await messageOf(save(join(folder, "taken"), build(1), {}, { maxShardBytes: 16 }))).toMatch(
    /taken; the old file, if any, is unchanged: it is a folder, wanted a file$/,
  );
});

const of = (...names: string[]): Uint8Array =>
  writeSafetensors({
    tensors: new Map(names.map((name) => [name, { dtype: "F32", shape: [1, 1], bytes: new Uint8Array(4) }])),
    metadata: {},
  });

test.each<[string, object, RegExp]>([
  [
    "a folder above",
    { weight: "../x.st" },
    /FormatError: .*"weight" is in "\.\.\/x\.st", wanted the name of a file in/,
  ],
  ["a path", { weight: "/etc/passwd" }, /FormatError: .*wanted the name of a file in the same folder/],
  ["a path of Windows", { weight: "..\\x.st" }, /FormatError: .*wanted the name of a file in the same folder/],
  ["the folder", { weight: ".." }, /FormatError: .*wanted the name of a file in the same folder/],
  ["no file", { weight: "" }, /FormatError: .*wanted the name of a file in the same folder/],
  ["a number", { weight: 1 }, /FormatError: .*"weight" is in something that is not the name of a file/],
  [
    "a file that is missing",
    { weight: "a.st", bias: "lost.st" },
    /FileError: .*its file "lost\.st" cannot be read: ENOENT/,
  ],
  ["a tensor twice", { weight: "a.st", bias: "b.st" }, /FormatError: .*both "a\.st" and "b\.st" have "weight"$/],
  ["another tensor", { bias: "a.st" }, /FormatError: .*"bias" is not in "a\.st", where it says$/],
  ["too few tensors", { bias: "b.st" }, /FormatError: .*"weight" is in "b\.st", which it does not say$/],
  [
    "a file of another kind",
    { weight: "c.st" },
    /FormatError: .*"c\.st": safetensors: .*at least 8 bytes, this has 3$/,
  ],
  ["itself", { weight: "model.safetensors.index.json" }, /FormatError: .*is an index itself$/],
])("an index that lists %s is refused", async (_, weights, message) => {
  await fs.writeFile(join(folder, "a.st"), of("weight"));
  await fs.writeFile(join(folder, "b.st"), of("weight", "bias"));
  await fs.writeFile(join(folder, "c.st"), "abc");
  await fs.writeFile(index, JSON.stringify({ weight_map: weights }));
  expect(await messageOf(load(path, Linear(1, 1), { strict: false }))).toMatch(message);
});

test("JSON that is no index, and an index with a bit or an end missing", async () => {
  for (const [text, message] of [
    ['{"model_type": "bert"}', /FormatError: .*this is JSON without a weight_map/],
    ['{"weight_map": {"a": "x", "a": "y"}}', /FormatError: .*it is not JSON: duplicate name "a"/],
    ['{"weight_map": [[[[[[[[]]]]]]]]}', /FormatError: .*nested too deeply/],
  ] as const) {
    await fs.writeFile(index, text);
    expect(await messageOf(load(index, build(0)))).toMatch(message);
  }
  await sharded(1);
  const good = await fs.readFile(index);
  const wrong = [...good.keys()]
    .filter((k) => k % 5 === 0)
    .flatMap((k) => {
      const flipped = Buffer.from(good);
      flipped[k]! ^= 1 << (k & 7);
      return [good.subarray(0, k), flipped];
    });
  for (const bytes of wrong) {
    await fs.writeFile(index, bytes);
    await load(index, build(0)).catch((error: unknown) => expect(error).toBeInstanceOf(WeftError));
  }
});

test("files of PyTorch may be listed, too", async () => {
  const name = "pytorch_model-00001-of-00001.bin";
  await fs.writeFile(join(folder, name), Buffer.from(pt.cases.tied.files[0]!, "base64"));
  const names = Object.keys(pt.cases.tied.tensors);
  await fs.writeFile(
    join(folder, "pytorch_model.bin.index.json"),
    JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(names.map((n) => [n, name])) }),
  );
  const { b } = await load(folder, { a: Linear(2, 2).weight, b: Linear(2, 2) });
  expect(b.weight.shape).toEqual([2, 2]);
});

test("the files of a model with a dated name are not taken for leftovers of another", async () => {
  const dated = join(folder, "model-20261129.safetensors");
  await save(dated, build(1), {}, { maxShardBytes: 16 });
  const long = new Date(Date.now() - 7_200_000);
  for (const name of await files()) await fs.utimes(join(folder, name), long, long);
  await sharded(2);
  expect([await valueIn(dated), await valueIn(path)]).toEqual([1, 2]);
});

test("a folder has the single file that was saved after an index", async () => {
  path = join(folder, "run.safetensors");
  await sharded(1);
  await save(path, build(2));
  expect([await valueIn(path), await valueIn(folder)]).toEqual([2, 2]);
});

test("a single file replaces a set, once it stands", async () => {
  await sharded(1);
  await fs.writeFile(join(folder, "model-mine"), "");
  const { disk } = system;
  const before = await files();
  system.disk = { ...disk, rename: async () => Promise.reject(new Error("full")) };
  try {
    await expect(save(path, build(2))).rejects.toThrow("full");
  } finally {
    system.disk = disk;
  }
  expect([await files(), await valueIn(path)]).toEqual([before, 1]);
  await save(path, build(2));
  expect(await files()).toEqual(["model-mine", "model.safetensors"]);
  expect([await valueIn(path), await valueIn(folder)]).toEqual([2, 2]);
});
