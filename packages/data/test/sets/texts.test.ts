// Sets of text, from files of the same form made here.
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { toZip } from "@weft/formats";
import { ArgumentError } from "@weft/tensor";
import { DataError } from "@weft/data";
import { characterText } from "../../src/sets/characters.ts";
import { fraEngFrom } from "../../src/sets/fra-eng.ts";
import { gutenbergFrom } from "../../src/sets/gutenberg.ts";
import { multi30kFrom } from "../../src/sets/multi30k.ts";
import { ptbFrom } from "../../src/sets/ptb.ts";
import { shakespeareFrom } from "../../src/sets/shakespeare.ts";
import { wikinerFrom } from "../../src/sets/wikiner.ts";
import { claiming, serving, utf8 } from "./serving.ts";

const advice = ". It is not the published file: delete it, and it is downloaded again.";

test("a text becomes its characters, whole ones", () => {
  const { characters, ids } = characterText("b😀ab\n");
  expect(characters).toEqual(["\n", "a", "b", "😀"]);
  expect(ids).toEqual({ data: Int32Array.of(2, 3, 1, 2, 0), shape: [5], dtype: "i32" });
  expect(characterText("").ids.shape).toEqual([0]);
});

test("shakespeare gives the text and its characters", async () => {
  const { text, characters, ids } = await shakespeareFrom(serving(() => utf8("to be\n")))();
  expect([text, characters.join("")]).toEqual(["to be\n", "\n beot"]);
  expect(Array.from(ids.data, (id) => characters[id]).join("")).toBe(text);
  await expect(shakespeareFrom(serving(() => Uint8Array.of(0x61, 0xff)))()).rejects.toThrow(
    new DataError(`shakespeare: input.txt: expected text in UTF-8, found other bytes${advice}`),
  );
});

describe("gutenberg", () => {
  const book =
    "The Book\r\n*** START OF THIS PROJECT GUTENBERG EBOOK THE BOOK ***\r\n\r\nOne.\r\nTwo.\r\n\r\n" +
    "End of Project Gutenberg's The Book\r\n\r\n*** END OF THIS PROJECT GUTENBERG EBOOK THE BOOK ***\r\nLicense\r\n";
  const today = book.replaceAll("THIS", "THE").replace(/End of.*\r\n\r\n/, "");
  const only = (wanted: string, bytes: Uint8Array) =>
    gutenbergFrom(serving((name) => (name === wanted ? bytes : undefined)));

  test("gives the file as it is, or the book in it", async () => {
    expect((await only("19.txt", utf8(book))()).text).toBe(book);
    expect((await only("19.txt", utf8(book))(19, { body: true })).text).toBe("One.\nTwo.\n");
    expect((await only("pg1342.txt", utf8(`\ufeff${today}`))(1342)).text).toBe(today);
    expect((await only("pg1342.txt", utf8(today))(1342, { body: true })).text).toBe("One.\nTwo.\n");
  });

  test.each([
    [19, "19-0.txt"],
    [19, "pg19.txt"],
    [1342, "1342.txt"],
  ])("finds book %i as %s", async (number, name) => {
    expect((await only(name, utf8(book))(number)).text).toBe(book);
  });

  test("reads a zip archive of one text", async () => {
    const zip = toZip({ "100-0.txt": utf8(book) }, { compress: true });
    expect((await only("100-0.zip", zip)(100)).text).toBe(book);
    await expect(only("100-0.zip", toZip({ "a.txt": utf8(book), "b.txt": utf8(book) }))(100)).rejects.toThrow(
      new DataError(`gutenberg: 100-0.zip: expected one .txt file in the archive, found 2${advice}`),
    );
  });

  test.each([
    ["a page", "<html>", "no first one"],
    ["a truncated book", book.slice(0, 100), "no second one"],
  ])("refuses %s", async (_, text, found) => {
    await expect(only("19.txt", utf8(book.slice(0, -1)))()).rejects.toThrow(
      /expected a line's end at its end, found none/,
    );
    await expect(only("19.txt", utf8(text))()).rejects.toThrow(
      new DataError(
        `gutenberg: 19.txt: expected the lines *** START OF … and *** END OF … of a book, found ${found}${advice}`,
      ),
    );
  });

  test("refuses numbers that are none", async () => {
    for (const number of [0, 1.5, "19"])
      await expect(only("19.txt", utf8(book))(number as number)).rejects.toThrow(ArgumentError);
  });
});

describe("ptb", () => {
  const texts: Record<string, string> = {
    "ptb.train.txt": " a <unk> b \n b N b \n",
    "ptb.valid.txt": " b a \n",
    "ptb.test.txt": " N \n",
  };
  const read = (changed: Record<string, string> = {}) =>
    ptbFrom(serving((name) => utf8({ ...texts, ...changed }[name]!)))();

  test("gives words by how common they are, with <eos> after each sentence", async () => {
    const { train, validation, test: held, vocabulary } = await read();
    expect(vocabulary).toEqual(["b", "<eos>", "<unk>", "N", "a"]);
    expect(train.words).toEqual({ data: Int32Array.of(4, 2, 0, 1, 0, 3, 0, 1), shape: [8], dtype: "i32" });
    expect(train.sentences.map((ids) => [...ids])).toEqual([
      [4, 2, 0, 1],
      [0, 3, 0, 1],
    ]);
    expect(train.sentences[1]!.buffer).toBe(train.words.data.buffer);
    expect([[...validation.words.data], [...held.words.data]]).toEqual([
      [0, 4, 1],
      [3, 1],
    ]);
  });

  test.each([
    [
      "two blanks",
      { "ptb.train.txt": " a  b \n" },
      'ptb.train.txt: line 1: expected words apart by one blank, found " a  b "',
    ],
    [
      "an empty line",
      { "ptb.train.txt": " a \n\n" },
      'ptb.train.txt: line 2: expected words apart by one blank, found ""',
    ],
    [
      "a word that is not in the vocabulary",
      { "ptb.test.txt": " N \n c \n" },
      'ptb.test.txt: line 2: expected words of the text to train on, found "c"',
    ],
    ["half a line", { "ptb.valid.txt": " b \n b" }, "ptb.valid.txt: expected a line's end at its end, found none"],
  ])("refuses %s", async (_, changed, problem) => {
    await expect(read(changed)).rejects.toThrow(new DataError(`ptb: ${problem}${advice}`));
  });
});

describe("wikiner", () => {
  const read = (train: string) => wikinerFrom(serving((name) => utf8(name === "dev.txt" ? "Rome|I-LOC\n" : train)))();

  test("gives words, tags and labels by sentence; a word may have the bar", async () => {
    const { train, validation, classes } = await read("a|b|O Bob|I-PER ||B-ORG\n");
    expect(train).toEqual([
      { words: ["a|b", "Bob", "|"], tags: ["O", "I-PER", "B-ORG"], labels: Int32Array.of(0, 1, 8) },
    ]);
    expect(validation[0]!.words).toEqual(["Rome"]);
    expect(Array.from(train[0]!.labels, (label) => classes[label])).toEqual(train[0]!.tags);
  });

  test.each([
    ["a word without a tag", "a|O b\n", 'line 1: expected word|TAG, found "b"'],
    ["a tag without a word", "a|O |O\n", 'line 1: expected word|TAG, found "|O"'],
    [
      "another tag",
      "a|O\nb|I-DATE\n",
      'line 2: expected a tag of O I-PER I-LOC I-MISC I-ORG B-MISC B-LOC B-PER B-ORG, found "I-DATE"',
    ],
    ["nothing", "", "expected lines, found none"],
  ])("refuses %s", async (_, text, problem) => {
    await expect(read(text)).rejects.toThrow(new DataError(`wikiner: train.txt: ${problem}${advice}`));
  });
});

describe("multi30k", () => {
  const read = (german: string) =>
    multi30kFrom(serving((name) => gzipSync(utf8(name.includes(".de") ? german : "A dog.\nTwo\u2028cats.\n"))))();

  test("gives pairs of lines", async () => {
    const { train, validation, test: held } = await read("Ein Hund.\nZwei Katzen.\n");
    expect(train).toEqual([
      ["A dog.", "Ein Hund."],
      ["Two\u2028cats.", "Zwei Katzen."],
    ]);
    expect([validation, held]).toEqual([train, train]);
  });

  test("refuses a line without a translation, and what unpacks to too much", async () => {
    await expect(read("Ein Hund.\n")).rejects.toThrow(
      new DataError("multi30k: expected as many lines in train.de.gz as in train.en.gz, found 1 and 2."),
    );
    await expect(read("\n".repeat(3_000_000))).rejects.toThrow(
      new DataError("train.de.gz unpacks to more than 2110398 bytes: it is not the published file."),
    );
  });
});

describe("fraEng", () => {
  const read = (files: Record<string, Uint8Array>) => fraEngFrom(serving(() => toZip(files, { compress: true })))();

  test("gives pairs, with and without what later editions say of them", async () => {
    const text = "Go.\tVa !\nRun!\tCours\u202f!\tCC-BY 2.0 (France)\n";
    expect(await read({ "_about.txt": utf8("about"), "fra.txt": utf8(text) })).toEqual([
      ["Go.", "Va !"],
      ["Run!", "Cours\u202f!"],
    ]);
  });

  test.each([
    [
      "an archive without it",
      { "deu.txt": utf8("Go.\tGeh.\n") },
      "expected fra.txt in the archive, found no such file",
    ],
    [
      "a line without a translation",
      { "fra.txt": utf8("Go.\tVa !\nRun!\n") },
      'line 2: expected two sentences apart by a tab, found "Run!"',
    ],
    ["half a line", { "fra.txt": utf8("Go.\tVa") }, "expected a line's end at its end, found none"],
    ["other bytes", { "fra.txt": Uint8Array.of(0xc0, 0xaf) }, "expected text in UTF-8, found other bytes"],
  ])("refuses %s", async (_, files, problem) => {
    await expect(read(files as Record<string, Uint8Array>)).rejects.toThrow(
      new DataError(`fraEng: fra-eng.zip: ${problem}${advice}`),
    );
  });

  test("refuses a zip bomb, and a changed bit", async () => {
    const archive = toZip({ "fra.txt": utf8("Go.\tVa !\n".repeat(1000)) }, { compress: true });
    await expect(fraEngFrom(serving(() => claiming(archive, 4e9)))()).rejects.toThrow(
      /^fraEng: fra-eng\.zip: zip: "fra\.txt" claims 4000000000 bytes, \d+ compressed ones cannot hold them\./,
    );
    for (let at = 0; at < archive.length; at++) {
      const changed = archive.slice();
      changed[at]! ^= 1;
      const pairs = await fraEngFrom(serving(() => changed))().catch((error: unknown) => error);
      if (!(pairs instanceof DataError)) expect((pairs as unknown[]).length, `byte ${at}`).toBe(1000); // a date
    }
  });
});
