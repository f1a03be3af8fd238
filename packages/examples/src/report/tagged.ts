// Tagged sentences in a report: names in color with their tags, wrong ones marked.
import type { TaggedSentence } from "@weft/data";
import type { TagGuesses } from "../text/tagging.ts";
import { escaped, type Section } from "./page.ts";

const most = { sentences: 20, words: 30 };

/** The colors of persons, places, organizations and other names, behind the words. */
const colors: Readonly<Record<string, string>> = { PER: "#3b76b8", LOC: "#3f9a6b", ORG: "#8a63b8", MISC: "#b08a2e" };

/** Sentences that have names, as the model tags them. */
export async function taggedSection(
  sentences: readonly TaggedSentence[],
  classes: readonly string[],
  guesses: TagGuesses,
): Promise<Section> {
  const some = sentences.filter(({ words, tags }) => words.length <= most.words && tags.some((tag) => tag !== "O"));
  const lines: string[] = [];
  for (const sentence of some.slice(0, most.sentences)) {
    const guessed = await guesses(sentence.words);
    const words = sentence.words.map((word, at) => marked(word, classes[guessed[at]!]!, sentence.tags[at]!));
    lines.push(`<p style="color:var(--ink);line-height:2">${words.join(" ")}</p>`);
  }
  return {
    title: "What it finds",
    about:
      "Persons, places, organizations and other names, as the model tags them. A tag that is wrong is orange, with " +
      "the right one after it.",
    body: lines.join("\n"),
  };
}

/** A word with its tag, if it has one or should have. */
function marked(word: string, guess: string, tag: string): string {
  if (guess === "O" && tag === "O") return escaped(word);
  const kind = (guess === "O" ? tag : guess).slice(2);
  const color = guess === "O" ? "transparent" : `${colors[kind]}40`;
  const right = guess === tag;
  const said = right ? escaped(guess) : `${escaped(guess)}, not ${escaped(tag)}`;
  return (
    `<span style="background:${color};border-radius:4px;padding:.1rem .3rem">${escaped(word)} ` +
    `<small style="color:${right ? "var(--soft)" : "#d1572b"}">${said}</small></span>`
  );
}
