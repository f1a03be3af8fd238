// Text for people: formatted numbers, names of results, and what is printed on Ctrl-C.

/** Prints a line of a command's output. */
export type Print = (line: string) => void;

/** `98.65%` */
export const percent = (part: number): string => `${(100 * part).toFixed(2)}%`;

/** `10,000` */
export const count = (n: number): string => n.toLocaleString("en-US");

/** A speed with three digits, `4,690`; slow ones keep theirs. */
export const rate = (n: number): string => n.toLocaleString("en-US", { maximumSignificantDigits: 3 });

/** `1 step`, `1,500 steps` */
export const counted = (n: number, what: string): string => `${count(n)} ${what}${n === 1 ? "" : "s"}`;

/** `8.2 s`, from a minute on `1:05 min` */
export const clock = (seconds: number): string =>
  seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")} min`;

/** The message on the first Ctrl-C; measurements have no model. */
export const stopping = (signal: string, hasModel: boolean): string =>
  `${signal}: stopping after this step, then ${hasModel ? "the model and the report are" : "the report is"} written. ` +
  "Press Ctrl-C again to quit immediately.";

/** The message on a Ctrl-C while the report is written. */
export const shortening = (signal: string): string =>
  `${signal}: the report is written without what takes long. Press Ctrl-C again to quit immediately.`;

/** `testAccuracy` is called `test accuracy`, and `nllPerWord`, a negative log-likelihood, `NLL per word`. */
export const labelOf = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/\bnll\b/, "NLL");

/** `Test accuracy` at the beginning of a sentence. */
export const capitalized = (text: string): string => text.replace(/^./, (letter) => letter.toUpperCase());

/** `a frog`, `an airplane`, `an 8` */
export const withArticle = (name: string): string => `${/^[aeiou8]/i.test(name) ? "an" : "a"} ${name}`;

/** A table in Markdown, with columns that are aligned on a terminal, too; the first is text. */
export function markdownTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, k) => Math.max(2, title.length, ...body.map((cells) => cells[k]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, k) => (k === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...body.map(line)].join("\n");
}
