// Books of Project Gutenberg, by number. The site publishes them in new editions from time to time, so their form is
// checked: text in UTF-8 between the two lines that every edition has.
import { fromZip } from "@weft/formats";
import { boolean, positiveCount, readOptions, readValue } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { obtain } from "../files/download.ts";
import { loadOptions, type Edition, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import { characterText, type CharacterText } from "./characters.ts";
import { problemOf, reading, textOf } from "./form.ts";

/** Larger than any book there is. */
const longest = 64_000_000;

/** Editions that are published under other names than today's. */
const older: Readonly<Record<number, Pick<Edition, "name" | "known">>> = {
  19: {
    name: "19.txt",
    known: { bytes: 214_325, sha256: "c1f1725c6e9a8d96ac34de046f2c9ee320b49ed27f724dc51f85c643b715748f" },
  },
  100: {
    name: "100-0.zip",
    known: { bytes: 2_166_912, sha256: "2caed7fe4a0d73f8bb5c2ae1724aeacf25671cf1e1bb8241ef8a86edb500fe8f" },
  },
};

export interface GutenbergOptions extends LoadOptions {
  /** Only the book, without the header and the license around it, and with LF at the ends of lines (default: false). */
  readonly body?: boolean;
}

export interface Gutenberg {
  /**
   * A book of Project Gutenberg by its number (default: 19, "The Song of Hiawatha", 0.2 MB; 100 is "The Complete Works of
   * William Shakespeare", 2.2 MB), as it is published: with a header, the license, and lines that end in CR LF. In
   * `WEFT_DATA` the names `N.txt`, `N-0.txt`, `N-0.zip` and `pgN.txt` are looked for.
   *
   * Terms: most books are in the public domain in the USA. The files carry the Project Gutenberg License: pass them on
   * unchanged, or without header and license (`body`).
   *
   * Source: Project Gutenberg, www.gutenberg.org.
   *
   * @example
   * const { text, characters, ids } = await gutenberg(19, { body: true });
   * const train = ids.data.subarray(0, 150_000);
   */
  (number?: number, options?: GutenbergOptions): Promise<CharacterText>;
}

/** `gutenberg` on a source of files. */
export const gutenbergFrom =
  (source: FileSource): Gutenberg =>
  async (given = 19, givenOptions) => {
    const number = readValue("gutenberg", "number", given, positiveCount);
    const kinds = { ...loadOptions, body: boolean };
    const { body, ...options } = readOptions("gutenberg", givenOptions, kinds, { body: false });
    const { file, bytes } = await book(source, number, options);
    const whole = reading("gutenberg", file.name, () => bookOf(file.name, bytes));
    return characterText(body ? bodyOf(whole) : whole);
  };

/** The edition that is there, or else the one that is published. */
async function book(source: FileSource, number: number, options: LoadOptions) {
  const old = older[number];
  const published = old ?? { name: `pg${number}.txt` };
  const names = new Set([`${number}.txt`, `${number}-0.txt`, `${number}-0.zip`, `pg${number}.txt`]);
  names.delete(published.name);
  const from: Publication = {
    set: "gutenberg",
    mirrors: [`https://www.gutenberg.org/${old === undefined ? "cache/epub" : "files"}/${number}/`],
    terms: "the Project Gutenberg License; most books are in the public domain in the USA",
  };
  for (const candidate of [published, ...Array.from(names, (name) => ({ name, publishedAs: published.name }))]) {
    const file = edition(candidate);
    const bytes = await source.find(file, from, options);
    if (bytes !== undefined) return { file, bytes };
  }
  const file = edition(published);
  return { file, bytes: await obtain(source, file, from, options) };
}

const edition = (file: Pick<Edition, "name" | "publishedAs" | "known">): Edition => ({
  ...file,
  atMost: longest,
  problem: (bytes) => problemOf(() => bookOf(file.name, bytes)),
});

const begin = /^\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG EBOOK[^*]*\*\*\*\r?\n/m;
const end = /^\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG EBOOK/m;

/** What older editions have before the line of the end. */
const lastLine = /\nEnd of (?:the )?Project Gutenberg.*\n(?:.+\n)?\s*$/i;

/** The text of a file, which may be the only one of a zip archive. */
function bookOf(name: string, bytes: Uint8Array): string {
  const text = textOf(name.endsWith(".zip") ? onlyText(bytes) : bytes);
  const [from, to] = [text.search(begin), text.search(end)];
  if (from < 0 || to < from)
    throw new DataError(
      `expected the lines *** START OF … and *** END OF … of a book, found ${from < 0 ? "no first" : "no second"} one`,
    );
  if (!text.endsWith("\n")) throw new DataError("expected a line's end at its end, found none");
  return text;
}

function onlyText(archive: Uint8Array): Uint8Array {
  const texts = [...fromZip(archive, { maxBytes: longest }).values()].filter(({ name }) => name.endsWith(".txt"));
  if (texts.length !== 1) throw new DataError(`expected one .txt file in the archive, found ${texts.length}`);
  return texts[0]!.bytes();
}

function bodyOf(text: string): string {
  const header = begin.exec(text)!;
  const body = text.slice(header.index + header[0].length, text.search(end)).replaceAll("\r\n", "\n");
  return `${body.replace(lastLine, "").trim()}\n`;
}
