// A list of words: the system's, one of the user, or those of a poem.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gutenberg, words } from "@weft/data";

/** Where lists of words are, one word a line: on most systems, and in the folder of the user's data. */
const paths = (): string[] => {
  const folder = process.env["WEFT_DATA"] ?? "";
  return ["/usr/share/dict/words", ...(folder === "" ? [] : [join(folder, "words"), join(folder, "words.txt")])];
};

/** The different words of the first list that is there, in its order; if none is, those of The Song of Hiawatha. */
export async function wordList(): Promise<{ words: string[]; from: string }> {
  for (const path of paths()) {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "EISDIR") return "";
      throw error;
    });
    const lines = new Set(text.split(/\r?\n/).filter((line) => line !== ""));
    if (lines.size > 0) return { words: [...lines], from: path };
  }
  const { text } = await gutenberg(19, { body: true });
  return { words: [...new Set(words(text).filter((word) => /^\p{L}+$/u.test(word)))], from: "The Song of Hiawatha" };
}
