// Words and what a model wrote when it was asked for them backwards.
import { backwards } from "../text/reversals.ts";
import { escaped, type Section } from "./page.ts";

/** A line for each word; where the beam found something else than the greedy search, both are shown. */
export function reversalsSection(
  words: readonly string[],
  greedy: readonly string[],
  beam: readonly string[],
): Section {
  const widest = Math.max(...words.map(({ length }) => length));
  const mark = (word: string, answer: string): string => (answer === backwards(word) ? "✓" : "✗");
  const lines = words.map((word, i) => {
    const [one, other] = [greedy[i]!, beam[i]!];
    const more = one === other ? "" : `   with beams: ${other} ${mark(word, other)}`;
    return `${word.padEnd(widest)} → ${one.padEnd(widest)} ${mark(word, one)}${more}`;
  });
  return {
    title: "Words that it has not seen",
    about: "Written backwards letter by letter, each time the most probable one (greedy), or by beam search.",
    body: `<pre>${escaped(lines.join("\n"))}</pre>`,
  };
}
