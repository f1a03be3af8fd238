// A list of words: one of the user, the system's, or those of a poem.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gutenberg, words } from "@weft/data";

/** Where lists of words are, one word a line: in the folder of the user's data, which comes first, and on most systems. */
const paths = (): string[] => {
  const folder = process.env["WEFT_DATA"] ?? "";
  return [...(folder === "" ? [] : [join(folder, "words"), join(folder, "words.txt")]), "/usr/share/dict/words"];
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
