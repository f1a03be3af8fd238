// Files that are published in ever new editions: taken if their form is right, wherever they come from.
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DataError } from "@weft/data";
import { obtain } from "../src/files/download.ts";
import type { Edition } from "../src/files/files.ts";
import { folders } from "../src/files/folder.node.ts";

const edition: Edition = {
  name: "book.txt",
  atMost: 9000,
  problem: (bytes) => (bytes[0] === 1 ? undefined : `expected 1 first, found ${bytes[0]}`),
  known: { bytes: 1000, sha256: "0".repeat(64) },
};
const starting = (first: number, length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i === 0 ? first : i % 251));

let root = "";
beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), "weft-editions-"));
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await fs.rm(root, { recursive: true });
});

/** Loads with a file in WEFT_DATA, or with what each mirror serves. */
async function load(
  file: Edition,
  own: Uint8Array | undefined,
  served: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {},
) {
  await fs.mkdir(join(root, "own"), { recursive: true });
  if (own !== undefined) await fs.writeFile(join(root, "own", file.name), own);
  vi.stubGlobal("fetch", async (address: string) => new Response(served[address]!));
  const mirrors = Object.keys(served).map((address) => address.replace(file.name, ""));
  const source = folders(fs, { WEFT_DATA: join(root, "own") });
  const options = { cache: join(root, "cache"), progress: false };
  return obtain(source, file, { set: "books", mirrors, terms: "CC0" }, options);
}

test("a file of the user's is taken in any form that is right", async () => {
  expect(await load(edition, starting(1, 5000))).toEqual(starting(1, 5000));
  expect(await load(edition, starting(1, 999))).toEqual(starting(1, 999));
});

test.each([
  ["another form", starting(2, 4000), "expected 1 first, found 2"],
  ["too many bytes", starting(1, 9001), "expected at most 9000 bytes, found 9001"],
  ["the size of a known edition, and other content", starting(1, 1000), `expected SHA-256 ${"0".repeat(64)}, found `],
])("a file of the user's is refused with %s", async (_, bytes, words) => {
  const error = await load(edition, bytes).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DataError);
  expect((error as Error).message).toContain(`${join(root, "own", "book.txt")}: ${words}`);
  expect((error as Error).message).toContain("Replace it with the original, or move it away to download it.");
});

test("the form of a known edition, which its checksum proves, is not read", async () => {
  const bytes = starting(1, 1000);
  const problem = vi.fn(edition.problem);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(await load({ ...edition, problem, known: { bytes: 1000, sha256 } }, bytes)).toEqual(bytes);
  expect(problem).not.toHaveBeenCalled();
  expect(await load({ ...edition, problem }, starting(1, 999))).toEqual(starting(1, 999));
  expect(problem).toHaveBeenCalledOnce();
});

test("it comes from the first mirror whose file has the form, and is kept", async () => {
  const served = { "https://a/book.txt": starting(2, 50), "https://b/book.txt": starting(1, 60) };
  expect(await load(edition, undefined, served)).toEqual(starting(1, 60));
  expect(await load(edition, undefined)).toEqual(starting(1, 60));
  await fs.writeFile(join(root, "cache", "books", "book.txt"), "damaged");
  expect(await load(edition, undefined, { "https://a/book.txt": starting(1, 70) })).toEqual(starting(1, 70));
});

test("it may be larger than what is set aside for it at first, but not larger than any edition", async () => {
  const large = starting(1, 3 * 2 ** 20 + 5);
  const served = { "https://a/book.txt": large };
  await expect(load({ ...edition, atMost: 2 ** 21 }, undefined, served)).rejects.toThrow(
    `https://a/book.txt: expected at most ${2 ** 21} bytes, found more`,
  );
  expect(await load({ ...edition, atMost: 2 ** 22 }, undefined, served)).toEqual(large);
});
