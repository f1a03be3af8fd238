// Text cut into tokens: characters, or words and punctuation.
import { boolean, readOptions, readValue, string } from "@weft/tensor/internals";

/**
 * The characters of a text, as Unicode code points: "👍" is one, and an accent that is written apart is one of its own.
 *
 * @example
 * characters("añ👍"); // ["a", "ñ", "👍"]
 */
export const characters = (text: string): string[] => Array.from(readValue("characters", "text", text, string));

export interface WordsOptions {
  /** Whether capital letters become small ones (false). */
  readonly lowerCase?: boolean;
}

// Letters, their marks and digits make words; an apostrophe between letters, and a point or a comma between digits,
// belong to them.
const word =
  /[\p{L}\p{M}\p{N}]+(?:(?:(?<=\p{L}\p{M}*)['’](?=\p{L})|(?<=\p{N})[.,](?=\p{N}))[\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}]/gu;

/**
 * The words of a text: runs of letters and digits, and each other character that is no blank by itself. An apostrophe
 * between letters belongs to its word ("don't"), and so does a point or a comma between digits ("3.14").
 *
 * @example
 * words("Don't pay $3.50, now!"); // ["Don't", "pay", "$", "3.50", ",", "now", "!"]
 */
export function words(text: string, options?: WordsOptions): string[] {
  const { lowerCase } = readOptions("words", options, { lowerCase: boolean }, { lowerCase: false });
  const given = readValue("words", "text", text, string);
  return (lowerCase ? given.toLowerCase() : given).match(word) ?? [];
}
