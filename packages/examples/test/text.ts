// A text for short trainings: sentences of a few words in a random order, the same each time.
import { randomSampler } from "@weft/data";

const subjects = ["the queen", "a king", "my lord", "the fool"];
const verbs = ["sees", "hears", "loves"];

/** A text of so many sentences, its characters, and their numbers. */
export function smallText(sentences: number) {
  const drawn = (n: number, seed: number): Int32Array =>
    Int32Array.from(randomSampler(n, { count: sentences, replacement: true, seed }).pass(0, 1));
  const [who, does, whom] = [drawn(subjects.length, 1), drawn(verbs.length, 2), drawn(subjects.length, 3)];
  const text = Array.from(who, (at, i) => `${subjects[at]} ${verbs[does[i]!]} ${subjects[whom[i]!]}\n`).join("");
  const characters = [...new Set(text)].sort();
  const data = Int32Array.from(text, (character) => characters.indexOf(character));
  return { text, characters, ids: { data, shape: [data.length], dtype: "i32" as const } };
}
