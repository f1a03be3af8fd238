// What tutorials learn from and a page can carry, for `import { hiawatha, sentences } from "@weft/site/data"`.
import { stream } from "@weft/data/internals";
import { ArgumentError } from "@weft/tensor";

/**
 * The Song of Hiawatha by Henry W. Longfellow (1855), as Project Gutenberg has it (number 19), the poem alone. It is in the
 * public domain.
 */
export async function hiawatha(): Promise<string> {
  return (await import("./hiawatha.txt?raw")).default;
}

/**
 * Rules by name. A rule is one or more phrases with `|` between them; a word of a phrase that is the name of a rule stands
 * for one of that rule's phrases, each of them equally likely.
 */
export type Grammar = Readonly<Record<string, string>>;

/** A sentence: its words, and the name of the rule that each of them stands in. */
export interface MadeSentence {
  readonly words: readonly string[];
  readonly tags: readonly string[];
}

export interface SentencesOptions {
  /** The rule that is a sentence (the first one). */
  readonly start?: string;
  readonly seed?: number;
}

/**
 * Sentences made by a grammar at random; sentence i of a seed is the same however many there are.
 *
 * @example
 * sentences({ sentence: "the NOUN VERB", NOUN: "dog | cat", VERB: "sleeps | eats" }, 2);
 * // words ["the", "cat", "eats"] with tags ["sentence", "NOUN", "VERB"], …
 */
export function sentences(grammar: Grammar, count: number, options: SentencesOptions = {}): MadeSentence[] {
  const { start = Object.keys(grammar)[0], seed = 1 } = options;
  const rules = new Map(
    Object.entries(grammar).map(([name, text]) => [name, text.split("|").map((phrase) => phrase.match(/\S+/g) ?? [])]),
  );
  if (start === undefined || !rules.has(start))
    throw new ArgumentError(`sentences: there is no rule ${start}: there is ${[...rules.keys()].join(", ")}`);

  return Array.from({ length: count }, (_, i) => {
    const random = stream(seed, 0, i);
    const made: { word: string; tag: string }[] = [];
    const expand = (name: string, path: readonly string[]): void => {
      if (path.length > deepest)
        throw new ArgumentError(`sentences: ${path[0]} does not end: ${path.slice(-4).join(" → ")} → …`);
      const phrases = rules.get(name)!;
      for (const word of phrases[random.below(phrases.length)]!)
        if (rules.has(word)) expand(word, [...path, word]);
        else made.push({ word, tag: name });
    };
    expand(start, [start]);
    return { words: made.map(({ word }) => word), tags: made.map(({ tag }) => tag) };
  });
}

/** How many rules may stand in one another. */
const deepest = 100;
