// English sentences and their French translations. The site replaces its file with each new edition, so the form is
// checked.
import { fromZip } from "@weft/formats";
import { readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { loadOptions, type Edition, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import { linesOf, obtainRead, problemOf, textOf, wrongLine } from "./form.ts";
import type { Pair } from "./labeled.ts";

const file: Edition = {
  name: "fra-eng.zip",
  atMost: 64_000_000,
  problem: (bytes) => problemOf(() => parse(bytes)),
  known: { bytes: 2_951_390, sha256: "16c4f7d0df9e7c5e6c54cdb0447f3f4a18a55052ff5e2e0b27dd4a06c0e49d04" },
};
const published: Publication = {
  set: "fra-eng",
  mirrors: ["https://www.manythings.org/anki/"],
  terms: "CC BY 2.0 (France), with attribution to www.manythings.org/anki and tatoeba.org",
};

export interface FraEng {
  /**
   * English sentences with their French translations, short ones first: 142,787 pairs in the edition of 2017, more in
   * later ones. 3 to 8 MB are downloaded the first time. French `!`, `?` and `:` follow a blank, in places one that does
   * not break (U+00A0, U+202F).
   *
   * Terms: CC BY 2.0 (France), with attribution to www.manythings.org/anki and tatoeba.org.
   *
   * Source: the Tatoeba project, selected by C. Kelly, "Tab-delimited bilingual sentence pairs".
   *
   * @example
   * const pairs = await fraEng();
   * const [english, french] = pairs[0];
   */
  (options?: LoadOptions): Promise<readonly Pair[]>;
}

/** `fraEng` on a source of files. */
export const fraEngFrom =
  (source: FileSource): FraEng =>
  async (given) => {
    const options = readOptions("fraEng", given, loadOptions, {});
    return await obtainRead("fraEng", source, file, published, options, parse);
  };

/** Lines of fields apart by tabs: the sentence, its translation, and in later editions where they come from. */
function parse(archive: Uint8Array): readonly Pair[] {
  const member = fromZip(archive, { maxBytes: 256_000_000 }).get("fra.txt");
  if (member === undefined) throw new DataError("expected fra.txt in the archive, found no such file");
  return linesOf(textOf(member.bytes())).map((line, at) => {
    const [english, french] = line.split("\t");
    return english && french ? [english, french] : wrongLine(at, "two sentences apart by a tab", line);
  });
}
