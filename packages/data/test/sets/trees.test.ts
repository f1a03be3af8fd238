// Trees in brackets, and the treebank made of them.
import { describe, expect, test } from "vitest";
import { toZip } from "@weft/formats";
import { ArgumentError } from "@weft/tensor";
import { DataError, parseTree } from "@weft/data";
import { sstFrom } from "../../src/sets/sst.ts";
import { claiming, serving, utf8 } from "./serving.ts";

describe("parseTree", () => {
  test("reads labels, words and children", () => {
    expect(parseTree("(S (NP (DT the) (NN cat)) (VP sat))\n")).toEqual({
      label: "S",
      children: [
        {
          label: "NP",
          children: [
            { label: "DT", word: "the", children: [] },
            { label: "NN", word: "cat", children: [] },
          ],
        },
        { label: "VP", word: "sat", children: [] },
      ],
    });
  });

  test("reads labels by a function, a missing one, any line breaks, and words with a blank that does not break", () => {
    expect(parseTree("(3 (2 8\u00a01\\/2) (4 b))", { label: Number })).toEqual({
      label: 3,
      children: [
        { label: 2, word: "8\u00a01\\/2", children: [] },
        { label: 4, word: "b", children: [] },
      ],
    });
    expect(parseTree("( (S\r\n\ta) )")).toEqual({ label: "", children: [{ label: "S", word: "a", children: [] }] });
  });

  test.each([
    ["", "expected a tree, found nothing"],
    ["S", 'expected a tree at character 0, found "S"'],
    [")", 'expected a tree at character 0, found ")"'],
    ["(S a", "expected ) for the bracket at character 0, found the end"],
    ["(S (A b)", "expected ) for the bracket at character 0, found the end"],
    ["(S a) (S b)", 'expected the end at character 6, found "("'],
    ["(S a))", 'expected the end at character 5, found ")"'],
    ["()", 'expected a word or a tree at character 1, found ")"'],
    ["(S)", 'expected a word or a tree at character 2, found ")"'],
    ["(S a b)", 'expected ) at character 5, found "b"'],
    ["(S a (B c))", 'expected ) after a word at character 5, found "("'],
    ["(S (B c) a)", 'expected ) at character 9, found "a"'],
    ["(".repeat(1e6), 'expected at most 1000 open brackets at character 1000, found "("'],
  ])("refuses %.20s", (text, problem) => {
    expect(() => parseTree(text)).toThrow(new DataError(`parseTree: ${problem}.`));
  });

  test("refuses what is no text, and unknown options", () => {
    expect(() => parseTree(Uint8Array.of(40) as never)).toThrow(ArgumentError);
    expect(() => parseTree("(S a)", { lable: Number } as never)).toThrow(/there is no option "lable"/);
  });
});

describe("sst", () => {
  const texts = {
    "trees/train.txt": "(3 (2 It) (4 works))\n(1 (2 It) (0 fails))\n",
    "trees/dev.txt": "(2 (2 a) (2 b))\n",
    "trees/test.txt": "(4 good)\n",
  };
  const read = (changed: Record<string, string | undefined>) => {
    const files = Object.entries({ ...texts, ...changed }).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, utf8(text)] as const],
    );
    return sstFrom(serving(() => toZip(new Map(files), { compress: true })))();
  };

  test("gives trees with labels at their nodes, and the words of those to train on", async () => {
    const { train, validation, test: held, classes, vocabulary } = await read({});
    expect(train.map(({ label }) => classes[label])).toEqual(["positive", "negative"]);
    expect(train[1]!.children[1]).toEqual({ label: 0, word: "fails", children: [] });
    expect(vocabulary).toEqual(["It", "works", "fails"]);
    expect([validation.length, held]).toEqual([1, [{ label: 4, word: "good", children: [] }]]);
  });

  test.each([
    ["another label", "(5 (2 a) (2 b))\n", 'line 1: expected labels 0 to 4, found "5"'],
    [
      "three children",
      "(1 a)\n(1 (2 a) (2 b) (2 c))\n",
      'line 2: expected two children of each inner node, found "(1 (2 a) (2 b) (2 c))"',
    ],
    ["half a tree", "(1 (2 a)\n", "parseTree: expected ) for the bracket at character 0, found the end"],
    ["no such file", undefined, "expected trees/dev.txt in the archive, found no such file"],
  ])("refuses %s", async (_, text, problem) => {
    await expect(read({ "trees/dev.txt": text })).rejects.toThrow(
      new DataError(
        `sst: trainDevTestTrees_PTB.zip: ${problem}. It is not the published file: delete it, and it is downloaded again.`,
      ),
    );
  });

  test("refuses a zip bomb", async () => {
    const bomb = claiming(toZip({ "trees/train.txt": new Uint8Array(100_000) }, { compress: true }), 4e9);
    await expect(sstFrom(serving(() => bomb))()).rejects.toThrow(
      /^sst: trainDevTestTrees_PTB\.zip: zip: "trees\/train\.txt" claims 4000000000 bytes, \d+ compressed ones cannot hold them\./,
    );
  });
});
