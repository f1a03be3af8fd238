// In a page: the same digits bit for bit, files from memory, lines in the console, and nothing from Node.
import { expect, test, vi } from "vitest";
import { DataError, digits, gutenberg, housing, minibatch, mnist, parseIdx, progress, shuffle } from "@weft/data";
import { csv, encodePng, image, tokenizer } from "@weft/data";
import { filesInPage } from "@weft/data/internals";
import { bytePairs } from "./byte-pairs.ts";
import { jpeg } from "./jpeg-file.ts";

const hex = (bytes: ArrayBuffer) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");

test("digits are the same as in Node, bit for bit", async () => {
  const { train } = digits();
  const first = train.images.data.slice(0, 100 * 784);
  expect(hex(await crypto.subtle.digest("SHA-256", first))).toBe(
    "3f500894d2c584c8bafe5b2480989b82357c996a1d876cc320b99916d5eac83e",
  );
  expect(hex(await crypto.subtle.digest("SHA-256", train.images.data as Uint8Array<ArrayBuffer>))).toBe(
    "cb3153693678f47a16643875cd7238f843fd604abf9024f0373ae6a6ccebc14e",
  );
});

test("orders are the same as in Node", () => {
  const [batch] = minibatch(
    Int32Array.from({ length: 10 }, (_, i) => i),
    10,
    { shuffle: true, seed: 1 },
  );
  expect([...batch!.data]).toEqual([7, 8, 6, 4, 3, 9, 1, 0, 5, 2]);
  expect([...shuffle([1, 2, 3])].toSorted()).toEqual([1, 2, 3]);
});

test("IDX files are read", () => {
  expect(parseIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9)).data).toEqual(Uint8Array.of(7, 9));
  expect(() => parseIdx(Uint8Array.of(0))).toThrow(DataError);
});

test("tables, pictures and tokenizers are read, by libraries that are loaded when they are needed", async () => {
  expect(csv("a,b\n1,x\n")["b"]!.categories).toEqual(["x"]);
  const picture = { data: Uint8Array.of(1, 2, 3, 4), shape: [1, 2, 2], dtype: "u8" as const, scale: 1 / 255 };
  expect(await image(await encodePng(picture))).toEqual(picture);
  expect(await image(jpeg([200]))).toMatchObject({ shape: [1, 8, 8], dtype: "u8" });
  await expect(image(jpeg([200]).subarray(0, 100))).rejects.toThrow(DataError);
  expect((await tokenizer(bytePairs())).tokens("low")).toEqual(["low", "<end>"]);
});

test("progress goes to the console", () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  for (const _ of progress([0.5]));
  expect(log.mock.calls[0]![0]).toMatch(/^100% 1\/1 \[.*\] loss 0\.5000$/);
  log.mockRestore();
});

test("data sets are fetched, checked, and kept in the page's cache", async () => {
  const place = new URL("/nothing-here/", location.href).href;
  await expect(mnist({ mirrors: [place] })).rejects.toThrow(
    /^mnist: could not download train-images-idx3-ubyte\.gz\. Try again later, or put copies of 4 files on a server of your own\.\n/,
  );
  // The right bytes are cached: a file in the cache is used, a damaged one is not.
  const store = await caches.open("weft-data");
  await store.put("/weft-data/housing/housing.data", new Response(new Uint8Array(49_082)));
  await expect(housing({ mirrors: [] })).rejects.toThrow(
    /^housing: could not download housing\.data\. Try again later, or put a copy on a server of your own\.\n/,
  );
  await caches.delete("weft-data");
});

test("files that a page puts into its cache are where data sets look for them", async () => {
  const problem = (bytes: Uint8Array) => (bytes[0] === "*".charCodeAt(0) ? undefined : "it begins otherwise");
  const files = filesInPage({
    set: "gutenberg",
    mirrors: [],
    terms: "",
    files: [{ name: "pg7.txt", atMost: 1e6, problem }],
  });
  const mark = (which: string) => `*** ${which} OF THE PROJECT GUTENBERG EBOOK A SHORT ONE ***\n`;
  const put = (name: string, text: string) => files.put(name, new TextEncoder().encode(text));
  expect(await put("pg7.txt", "another")).toBe("it begins otherwise");
  expect(await put("pg8.txt", "*")).toBe("no file of this set, as it is published, has this name");
  expect([await files.has("pg7.txt"), await files.has("pg8.txt")]).toEqual([false, false]);
  expect(await put("pg7.txt", `${mark("START")}One line.\n${mark("END")}`)).toBeUndefined();
  expect(await files.has("pg7.txt")).toBe(true);
  expect((await gutenberg(7, { body: true, mirrors: [] })).text).toBe("One line.\n");
  await files.remove("pg7.txt");
  expect(await files.has("pg7.txt")).toBe(false);
  await expect(gutenberg(7, { mirrors: [] })).rejects.toThrow(DataError);
});
