// Tiny Shakespeare: 1.1 MB of his plays, the usual text for small language models.
import { readOptions } from "@weft/tensor/internals";
import { loadOptions, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import { characterText, type CharacterText } from "./characters.ts";
import { obtainRead, textOf } from "./form.ts";

const file = {
  name: "input.txt",
  bytes: 1_115_394,
  sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
};
const published: Publication = {
  set: "shakespeare",
  mirrors: ["https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"],
  terms: "in the public domain",
};

export interface Shakespeare {
  /**
   * Tiny Shakespeare: 1,115,394 characters of his plays, 65 distinct ones. It is usual to train on the first 90%. 1.1 MB
   * are downloaded the first time.
   *
   * Terms: the text is in the public domain.
   *
   * Source: A. Karpathy, "char-rnn", 2015.
   *
   * @example
   * const { text, characters, ids } = await shakespeare();
   * text.slice(0, 14); // "First Citizen:"
   * characters[ids.data[0]]; // "F"
   */
  (options?: LoadOptions): Promise<CharacterText>;
}

/** `shakespeare` on a source of files. */
export const shakespeareFrom =
  (source: FileSource): Shakespeare =>
  async (given) => {
    const options = readOptions("shakespeare", given, loadOptions, {});
    return characterText(await obtainRead("shakespeare", source, file, published, options, textOf));
  };
