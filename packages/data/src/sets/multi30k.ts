// Multi30k: captions of pictures in English and in German, one a line.
import { readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { loadOptions, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import { obtainUnpacked, type PackedFile } from "../files/gunzip.ts";
import { linesOf, reading, textOf } from "./form.ts";
import type { Pair, ThreeWaySplit } from "./labeled.ts";

// oxfmt-ignore
const files: ThreeWaySplit<readonly [english: PackedFile, german: PackedFile]> = {
  train: [
    { name: "train.en.gz", bytes: 568_929, unpacked: 1_801_238, sha256: "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f" },
    { name: "train.de.gz", bytes: 637_044, unpacked: 2_110_398, sha256: "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6" },
  ],
  validation: [
    { name: "val.en.gz", bytes: 21_650, unpacked: 63_297, sha256: "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28" },
    { name: "val.de.gz", bytes: 24_681, unpacked: 75_981, sha256: "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a" },
  ],
  test: [
    { name: "test_2016_flickr.en.gz", bytes: 21_077, unpacked: 62_076, sha256: "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9" },
    { name: "test_2016_flickr.de.gz", bytes: 22_890, unpacked: 70_649, sha256: "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8" },
  ],
};
const published: Publication = {
  set: "multi30k",
  mirrors: ["https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"],
  terms: "for research and education that is not commercial (commonly given as CC BY-NC-SA 4.0)",
  files: Object.values(files).flat(),
};

export interface Multi30k {
  /**
   * Multi30k: 29,000 English captions of pictures with their German translations to train on, 1,014 to validate with and
   * 1,000 to test on (test 2016). Raw text: neither lower case nor tokens. 1.3 MB are downloaded the first time.
   *
   * Terms: for research and education that is not commercial (commonly given as CC BY-NC-SA 4.0).
   *
   * Source: D. Elliott, S. Frank, K. Sima'an, L. Specia, "Multi30K: multilingual English-German image descriptions", 2016.
   *
   * @example
   * const { train, validation, test } = await multi30k();
   * const [english, german] = train[0];
   */
  (options?: LoadOptions): Promise<ThreeWaySplit<readonly Pair[]>>;
}

/** `multi30k` on a source of files. */
export const multi30kFrom =
  (source: FileSource): Multi30k =>
  async (given) => {
    const options = readOptions("multi30k", given, loadOptions, {});
    const lines = async (packed: PackedFile) => {
      const bytes = await obtainUnpacked(source, packed, published, options);
      return reading("multi30k", packed.name, () => linesOf(textOf(bytes)));
    };
    const part = async ([english, german]: readonly [PackedFile, PackedFile]): Promise<Pair[]> => {
      const sentences = await lines(english);
      const translations = await lines(german);
      if (sentences.length !== translations.length)
        throw new DataError(
          `multi30k: expected as many lines in ${german.name} as in ${english.name}, ` +
            `found ${translations.length} and ${sentences.length}.`,
        );
      return sentences.map((sentence, k) => [sentence, translations[k]!]);
    };
    return {
      train: await part(files.train),
      validation: await part(files.validation),
      test: await part(files.test),
    };
  };
