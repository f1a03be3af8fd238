// Pictures in the four files of MNIST: images and labels to train on and to test on, each an IDX file in gzip.
import { readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { loadOptions, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import { obtainUnpacked, type PackedFile } from "../files/gunzip.ts";
import { parseIdx } from "../idx.ts";
import { labeled, type Labeled, type Split } from "./labeled.ts";

/** The files of each part. */
export type IdxFiles = Split<{ readonly images: PackedFile; readonly labels: PackedFile }>;

/** All four. */
export const filesOf = ({ train, test }: IdxFiles): readonly PackedFile[] => [
  train.images,
  train.labels,
  test.images,
  test.labels,
];

/** Reads both parts. `op` is for messages. */
export async function idxPictures(
  op: string,
  files: IdxFiles,
  from: Publication,
  source: FileSource,
  given: LoadOptions | undefined,
): Promise<Split> {
  const options = readOptions(op, given, loadOptions, {});
  const all = { ...from, files: filesOf(files) };
  const read = async (file: PackedFile) => parseIdx(await obtainUnpacked(source, file, all, options), file.name);
  const part = async ({ images, labels }: IdxFiles["train"]): Promise<Labeled> => {
    const x = await read(images);
    const y = await read(labels);
    const [n, height, width] = x.shape;
    const same = x.shape.length === 3 && y.shape.length === 1 && n === y.shape[0];
    if (!(x.data instanceof Uint8Array && y.data instanceof Uint8Array && same))
      throw new DataError(
        `${op}: wanted bytes of shape [N, height, width] and [N], found the shapes [${x.shape}] and [${y.shape}].`,
      );
    return labeled(x.data, y.data, [1, height!, width!]);
  };
  return { train: await part(files.train), test: await part(files.test) };
}
