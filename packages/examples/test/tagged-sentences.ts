// Sentences with tags, made for tests: a person says or goes, a place is where one lives.
import type { TaggedSentence } from "@weft/data";

export const classes = ["O", "I-PER", "I-LOC"];

const people = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal"];
const places = ["Rome", "Oslo", "Lima", "Bonn", "Cairo", "Delhi", "Kyiv", "Pisa"];

/** What people and places are called does not say which they are: only their neighbors do. */
export const sentences: readonly TaggedSentence[] = people.flatMap((name, at) =>
  [name, places[at]!].flatMap((one) => [
    tagged(`${one}/1 said so .`),
    tagged(`they live in ${one}/2 .`),
    tagged(`then ${one}/1 said that they live in ${one}/2 .`),
  ]),
);

/** A sentence whose words may have the number of their tag: `Ann/1 said so .` */
export function tagged(text: string): TaggedSentence {
  const parts = text.split(" ").map((word) => word.split("/") as [string, string?]);
  const labels = Int32Array.from(parts, ([, label]) => Number(label ?? 0));
  return { words: parts.map(([word]) => word), labels, tags: [...labels].map((label) => classes[label]!) };
}
