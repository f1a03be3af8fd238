// All texts of a folder as one: what a language model can learn to write.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError, characters as charactersOf, vocabulary, type HostArray } from "@weft/data";

/** A text as numbers of characters. */
export interface Text {
  readonly characters: readonly string[];
  readonly ids: HostArray<Int32Array>;
}

/** Rare characters are one. */
const most = 128;
const rare = "\uFFFD";

/**
 * The sources and plain texts in a folder and the folders in it, in the order of their names. What is hidden or
 * installed is left out.
 */
export async function textIn(folder: string): Promise<Text> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (cause: NodeJS.ErrnoException) => {
      const wrong = { ENOENT: "there is no such folder", ENOTDIR: "that is not a folder" }[cause.code ?? ""];
      throw wrong === undefined ? cause : new DataError(`--text ${folder}: ${wrong}.`, { cause });
    },
  );
  const paths = found
    .filter((file) => file.isFile() && /\.(ts|js|jl|py|md|txt)$/.test(file.name))
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => !/(^|[\\/])(\.[^.\\/]|node_modules[\\/])/.test(path.slice(folder.length)))
    .sort();
  if (paths.length === 0) throw new DataError(`${folder} has no text: no file *.ts, *.js, *.jl, *.py, *.md or *.txt.`);
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8")));
  const all = charactersOf(texts.join("\n").replaceAll("\r\n", "\n"));
  const known = vocabulary(all, { max: most, unknown: rare });
  return { characters: known.tokens, ids: { data: known.encode(all), shape: [all.length], dtype: "i32" } };
}
