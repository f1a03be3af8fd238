// Files that mean harm, and programs that are killed while they save. Whatever a file holds, reading it gives all of a model or
// an error of ours whose message a terminal can show, and leaves the model as it was. WEFT_LONG=1 tries a hundred times as many.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { DataError, parseIdx } from "@weft/data";
import { fromPt, fromZip, toNpy, toZip } from "@weft/formats";
import {
  BatchNorm,
  Chain,
  constant,
  Embedding,
  fromBytes,
  Linear,
  load,
  place,
  readMetadata,
  save,
  toBytes,
} from "@weft/nn";
import { readSafetensors, writeSafetensors } from "@weft/nn";
import { WeftError } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { everything } from "../extent.ts";
import { fraEngFrom } from "../../packages/data/src/sets/fra-eng.ts";
import { gutenbergFrom } from "../../packages/data/src/sets/gutenberg.ts";
import { housingFrom } from "../../packages/data/src/sets/housing.ts";
import { imdbFrom } from "../../packages/data/src/sets/imdb.ts";
import { irisFrom } from "../../packages/data/src/sets/iris.ts";
import { mnistFrom } from "../../packages/data/src/sets/mnist.ts";
import { ptbFrom } from "../../packages/data/src/sets/ptb.ts";
import { sstFrom } from "../../packages/data/src/sets/sst.ts";
import { wikinerFrom } from "../../packages/data/src/sets/wikiner.ts";
import pt from "../../packages/formats/test/fixtures/pt.json" with { type: "json" };
import { pickledLists, serving } from "../../packages/data/test/sets/serving.ts";
import { temporary } from "../temporary.ts";
import { mutants } from "./mutation.ts";

const long = process.env["WEFT_LONG"] === "1" ? 100 : 1;
const timeout = long === 1 ? 120_000 : 3_600_000;
const seed = Number(process.env["WEFT_SEED"] ?? 1);
// oxlint-disable-next-line no-control-regex
const obeyed = /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/;

/** What a wrong file may throw: an error of ours, short, and fit for a terminal. */
function expectGood(error: unknown, about: string): void {
  expect(error, about).toBeInstanceOf(WeftError);
  const { message } = error as Error;
  expect(message.length, about).toBeLessThan(4200);
  expect(message, about).not.toMatch(obeyed);
}

const build = () => Chain(Linear(3, 4), BatchNorm(4), Linear(4, 2));
/** The values of a state, NaN for every NaN. */
const values = (bytes: Uint8Array): string =>
  JSON.stringify(
    [...readSafetensors(bytes).tensors]
      .map(([name, { dtype, shape, bytes: raw }]) => [
        name,
        dtype,
        shape,
        dtype === "F32" ? [...new Float32Array(new Uint8Array(raw).buffer)].map(String) : [...raw],
      ])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );

test.each(["alive", "not alive yet"])("changed models, read into one that is %s", { timeout }, async (state) => {
  const backend = await open({});
  const model = build();
  if (state === "alive") await place(model, backend);
  const good = await toBytes(model);
  const before = values(good);
  const tied = Linear(2, 2);
  const files = [
    good,
    await toBytes(build(), { note: "another", epoch: 3, last: true }),
    await toBytes(Chain(tied, tied)),
    writeSafetensors({ tensors: new Map(), metadata: {} }),
  ];
  const met = { refused: 0, read: 0 };
  for (const [about, bytes] of mutants(files, 3000 * long, seed)) {
    try {
      fromBytes(bytes, model);
      met.read++;
    } catch (error) {
      expectGood(error, about);
      met.refused++;
      if (met.refused % 16 === 0) expect(values(await toBytes(model)), about).toBe(before);
      continue;
    }
    expect(values(await toBytes(model)), about).toBe(values(bytes));
    fromBytes(good, model);
  }
  expect(values(await toBytes(model))).toBe(before);
  expect(met.refused).toBeGreaterThan(1000);
  expect(met.read).toBeGreaterThan(30);
});

test("changed pickles of PyTorch, in archives that are whole, and changed files of its older form", { timeout }, () => {
  const files = Object.values(pt.cases).map(({ files }) => files.map((file) => Buffer.from(file, "base64")));
  let read = 0;
  const attempt = (about: string, file: Uint8Array): void => {
    try {
      fromPt(file);
      read++;
    } catch (error) {
      expectGood(error, about);
    }
  };
  for (const [archive] of files) {
    const members = Array.from(fromZip(archive!), ([name, member]) => [name, member.bytes()] as const);
    const [name, pickle] = members.find(([name]) => name.endsWith("data.pkl"))!;
    for (const [about, bytes] of mutants([pickle], 100 * long, seed))
      attempt(about, toZip(new Map([...members, [name, bytes]])));
  }
  const older = files.map(([, stream]) => new Uint8Array(stream!));
  for (const [about, bytes] of mutants(older, 500 * long, seed)) attempt(about, bytes);
  expect(read).toBeGreaterThan(50);
});

test("changed IDX files", { timeout }, () => {
  const idx = (type: number, width: number, ...shape: number[]): Uint8Array => {
    const head = [0, 0, type, shape.length, ...shape.flatMap((n) => [0, 0, n >> 8, n & 255])];
    return Uint8Array.from([
      ...head,
      ...Array.from({ length: width * shape.reduce((a, b) => a * b, 1) }, (_, i) => i & 255),
    ]);
  };
  const files = [idx(8, 1, 3, 4), idx(9, 1, 7), idx(11, 2, 2, 2, 2), idx(12, 4, 5), idx(13, 4, 0, 3), idx(14, 8)];
  let read = 0;
  for (const [about, bytes] of mutants(files, 5000 * long, seed)) {
    try {
      const { data, shape } = parseIdx(bytes, "name\u001b[2J");
      expect(data.length, about).toBe(shape.reduce((a, b) => a * b, 1));
      expect(bytes.length, about).toBeGreaterThanOrEqual(4 + 4 * shape.length + data.length);
      read++;
    } catch (error) {
      expectGood(error, about);
      expect(error, about).toBeInstanceOf(DataError);
    }
  }
  expect(read).toBeGreaterThan(100);
});

test("changed tables, and changed packed files", { timeout }, async () => {
  const row = " 0.00632  18.00   2.310  0  0.5380  6.5750  65.20  4.0900   1  296.0  15.30 396.90   4.98  24.00\n";
  const table = new TextEncoder().encode(row.repeat(5));
  for (const [about, bytes] of mutants([table], 1000 * long, seed)) {
    try {
      const { inputs, targets } = await housingFrom(serving(() => bytes))({ standardize: true });
      expect(inputs.data.every(Number.isFinite) && targets.data.every(Number.isFinite), about).toBe(true);
      expect(inputs.data.length, about).toBe(13 * targets.data.length);
    } catch (error) {
      expectGood(error, about);
    }
  }
  const images = gzipSync(Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]));
  const labels = gzipSync(Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 3, 7]));
  for (const [about, bytes] of mutants([images, labels], 150 * long, seed)) {
    try {
      const { train } = await mnistFrom(serving((name) => (name.includes("images") ? images : bytes)))();
      expect(train.images.shape[0], about).toBe(train.labels.data.length);
    } catch (error) {
      expectGood(error, about);
    }
  }
});

test("changed trees, archives and pickled lists", { timeout }, async () => {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const trees = "(3 (2 It) (4 works))\n(1 (2 It) (0 fails))\n";
  const treebank = toZip({
    "trees/train.txt": utf8(trees),
    "trees/dev.txt": utf8(trees),
    "trees/test.txt": utf8(trees),
  });
  const lists = toZip({
    "x_train.npy": pickledLists([[1, 2], [3]]),
    "x_test.npy": pickledLists([[2]]),
    "y_train.npy": toNpy(Int32Array.of(0, 1)),
    "y_test.npy": toNpy(Int32Array.of(1)),
  });
  const book = "*** START OF THE PROJECT GUTENBERG EBOOK A ***\nText.\n*** END OF THE PROJECT GUTENBERG EBOOK A ***\n";
  const words = utf8('{"a": 1, "b": 2, "c": 3}');
  const loads: readonly (readonly [file: Uint8Array, load: (bytes: Uint8Array) => Promise<unknown>])[] = [
    [treebank, (bytes) => sstFrom(serving(() => bytes))()],
    [lists, (bytes) => imdbFrom(serving((name) => (name === "imdb.npz" ? bytes : words)))()],
    [words, (bytes) => imdbFrom(serving((name) => (name === "imdb.npz" ? lists : bytes)))()],
    [toZip({ "fra.txt": utf8("Go.\tVa !\nRun!\tCours !\n") }), (bytes) => fraEngFrom(serving(() => bytes))()],
    [utf8(book), (bytes) => gutenbergFrom(serving(() => bytes))(19, { body: true })],
    [utf8("Rome|I-LOC is|O old|O\n"), (bytes) => wikinerFrom(serving(() => bytes))()],
    [utf8(" a b <unk> \n"), (bytes) => ptbFrom(serving(() => bytes))()],
    [utf8("5.1,3.5,1.4,0.2,Iris-setosa\n"), (bytes) => irisFrom(serving(() => bytes))()],
  ];
  for (const [file, load] of loads) {
    let refused = 0;
    for (const [about, bytes] of mutants([file], 300 * long, seed))
      await load(bytes).catch((error: unknown) => {
        expectGood(error, about);
        expect(error, about).toBeInstanceOf(DataError);
        refused++;
      });
    expect(refused).toBeGreaterThan(15);
  }
});

const program = join(import.meta.dirname, "saving-program.ts");

/** The one number that a saved model holds everywhere. */
async function wholeModel(path: string): Promise<number> {
  const { n } = await readMetadata(path);
  await load(path, Embedding(300, 100));
  const weight = readSafetensors(readFileSync(path)).tensors.get("weight")!;
  const found = new Set(new Float32Array(new Uint8Array(weight.bytes).buffer));
  expect(found).toEqual(new Set([n]));
  return n as number;
}

test("programs that are killed while they save leave a whole model, and the next save works", { timeout }, async () => {
  const folder = temporary();
  const path = join(folder, "model.safetensors");
  for (let round = 0; round < (everything ? 5 * Math.ceil(long / 5) : 2); round++) {
    const child = spawn(process.execPath, [program, path, "1e9"], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, (round * 7) % 31)); // a moment of its own for each
    child.kill("SIGKILL");
    await ended;
    expect(await wholeModel(path)).toBeGreaterThan(0);
    await save(path, Embedding(300, 100, { init: constant(-round) }), { n: -round });
    expect(await wholeModel(path)).toBe(-round);
  }
  const old = Date.now() / 1000 - 86_400;
  for (const name of readdirSync(folder)) if (name.endsWith(".part")) utimesSync(join(folder, name), old, old);
  await save(path, Embedding(300, 100, { init: constant(1) }), { n: 1 });
  expect(readdirSync(folder)).toEqual(["model.safetensors"]);
});

test("three threads save many times each to one path, and whoever reads finds one of their models", async () => {
  const folder = temporary();
  const path = join(folder, "model.safetensors");
  await save(path, Embedding(300, 100, { init: constant(0) }), { n: 0 });
  const saves = everything ? 100 : 25;
  let running = 3;
  const threads = Array.from({ length: 3 }, () => {
    const worker = new Worker(program, { workerData: [path, String(saves)], stdout: true });
    return new Promise<void>((resolve, reject) => {
      worker.once("error", reject);
      worker.once("exit", () => resolve(void running--));
    });
  });
  const reading = (async () => {
    for (let last = Infinity; running > 0 || last !== saves;) {
      const { n } = readSafetensors(readFileSync(path)).metadata;
      last = n as number;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  await Promise.all(threads);
  await reading;
  expect(await wholeModel(path)).toBe(saves);
  expect(readdirSync(folder)).toEqual(["model.safetensors"]);
  expect(statSync(path).isFile()).toBe(true);
});
