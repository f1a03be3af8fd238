// A file of a data set that is damaged, where the user put it: every loader says what was expected, what was found, and
// what to do. The published files are copied and changed where they are there (in the whole suite).
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import * as data from "@weft/data";

const sets: readonly (readonly [set: string, file: string, load: () => Promise<unknown>])[] = [
  ["cifar10", "data_batch_1.bin", () => data.cifar10()],
  ["cifar10", "cifar-10-binary.tar.gz", () => data.cifar10()],
  ["fashion-mnist", "train-images-idx3-ubyte.gz", () => data.fashionMnist()],
  ["fra-eng", "fra-eng.zip", () => data.fraEng()],
  ["gutenberg", "19.txt", () => data.gutenberg()],
  ["gutenberg", "100-0.zip", () => data.gutenberg(100)],
  ["housing", "housing.data", () => data.housing()],
  ["imdb", "imdb.npz", () => data.imdb()],
  ["iris", "iris.data", () => data.iris()],
  ["mnist", "train-images-idx3-ubyte.gz", () => data.mnist()],
  ["multi30k", "train.en.gz", () => data.multi30k()],
  ["ptb", "ptb.train.txt", () => data.ptb()],
  ["shakespeare", "input.txt", () => data.shakespeare()],
  ["sst", "trainDevTestTrees_PTB.zip", () => data.sst()],
  ["wikiner", "train.txt", () => data.wikiner()],
];

const given = process.env["WEFT_DATA"] ?? join(import.meta.dirname, "../../../../../shared/data");
const root = mkdtempSync(join(tmpdir(), "weft-damaged-"));
afterAll(() => {
  if (process.env["WEFT_DATA"] === root) delete process.env["WEFT_DATA"];
  rmSync(root, { recursive: true });
});

async function messageFor(set: string, file: string, bytes: Uint8Array, load: () => Promise<unknown>): Promise<string> {
  const path = join(root, set, file);
  mkdirSync(join(root, set), { recursive: true });
  writeFileSync(path, bytes);
  const before = process.env["WEFT_DATA"];
  process.env["WEFT_DATA"] = root;
  try {
    const error = await load().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(data.DataError);
    expect((error as Error).message).toContain(path);
    return (error as Error).message.replace(path, "");
  } finally {
    rmSync(path);
    if (before === undefined) delete process.env["WEFT_DATA"];
    else process.env["WEFT_DATA"] = before;
  }
}

const advice = "Replace it with the original, or move it away to download it.";

test.each(sets)("%s: %s of another content", async (set, file, load) => {
  const message = await messageFor(set, file, new TextEncoder().encode("<!doctype html>"), load);
  expect(message).toContain(advice);
  expect(message).toMatch(
    /\n\S+ \(\d+ bytes, SHA-256 [0-9a-f]{64}\S*.*\) is published at https:\/\/\S+\/\S+\. Terms: .+\.$/,
  );
  expect(message).toMatch(/^: (expected \d+ bytes, found 15\.|expected the lines|zip: )/);
});

describe.skipIf(process.env["WEFT_TESTS"] !== "all" || !existsSync(given))("the published files", () => {
  const there = sets.filter(([set, file]) => existsSync(join(given, set, file)));
  test.each(there)("%s: %s with a changed bit, and cut", { timeout: 300_000 }, async (set, file, load) => {
    const bytes = readFileSync(join(given, set, file));
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    expect(await messageFor(set, file, bytes, load)).toMatch(/: expected SHA-256 \w{64}, found \w{64}\. Replace it/);
    const cut = await messageFor(set, file, bytes.subarray(0, -1), load);
    expect(cut).toContain(advice);
  });
});
