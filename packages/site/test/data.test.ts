// What tutorials learn from.
import { expect, test } from "vitest";
import { hiawatha, sentences } from "../src/data/data.ts";

test("Hiawatha is the poem alone, without the header and the license of its publisher", async () => {
  const text = await hiawatha();
  expect(text.length).toBeGreaterThan(170_000);
  expect(text.slice(0, 80)).toBe(
    "The Song of Hiawatha\nIntroduction\n\nShould you ask me, whence these stories?\nWhen",
  );
  expect(text.endsWith("To the Land of the Hereafter!\n")).toBe(true);
  expect(text).not.toMatch(/gutenberg|license|copyright|\r/i);
});

const grammar = { sentence: "the THING ACT . | ACT the THING", THING: "dog | old  cat", ACT: "sees|hears" };

test("a grammar makes sentences, each word with its rule", () => {
  const made = sentences(grammar, 200, { seed: 3 });
  const texts = new Set(made.map(({ words }) => words.join(" ")));
  const things = ["dog", "old cat"];
  const acts = ["sees", "hears"];
  const all = things.flatMap((thing) => acts.flatMap((act) => [`the ${thing} ${act} .`, `${act} the ${thing}`]));
  expect([...texts].toSorted()).toEqual(all.toSorted());
  const cat = made.find(({ words }) => words.join(" ") === "the old cat hears .");
  expect(cat!.tags).toEqual(["sentence", "THING", "THING", "ACT", "sentence"]);
});

test("sentence i of a seed is the same however many there are", () => {
  expect(sentences(grammar, 50, { seed: 3 }).slice(0, 10)).toEqual(sentences(grammar, 10, { seed: 3 }));
  expect(sentences(grammar, 50, { seed: 4 })).not.toEqual(sentences(grammar, 50, { seed: 3 }));
});

test("a sentence may be another rule", () => {
  expect(new Set(sentences(grammar, 50, { start: "ACT" }).map(({ words }) => words.join(" ")))).toEqual(
    new Set(["sees", "hears"]),
  );
});

test("rules that are not there or do not end are errors that say so", () => {
  expect(() => sentences(grammar, 1, { start: "ACTS" })).toThrow(
    "sentences: there is no rule ACTS: there is sentence, THING, ACT",
  );
  expect(() => sentences({ a: "b", b: "so a" }, 1)).toThrow("sentences: a does not end: b → a → b → a → …");
});
