// Batches of pictures for a network that was trained on ImageNet: those in a folder, or random ones.
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { ArgumentError, concat, scope, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { image, type HostArray } from "@weft/data";
import { imageNetInput } from "@weft/nn/models";

/** A picture by its name, with its pixels if it is one to look at. */
export interface Photo {
  readonly name: string;
  readonly pixels?: HostArray<Uint8Array>;
}

export interface PhotoBatch {
  readonly photos: readonly Photo[];
  /** What the network takes, `[N, 3, 224, 224]`. */
  readonly input: () => Tensor;
}

const side = 224;

/** Batches of random numbers from 0 to 1. All have the same, which are uploaded for each batch anew. */
export async function noise(batches: number, size: number, backend: Backend & Creation): Promise<PhotoBatch[]> {
  const shape = [size, 3, side, side];
  const numbers = await scope(() => backend.rand(shape).data());
  const photos = Array.from({ length: size }, (_, i) => ({ name: `random pixels ${i}` }));
  return Array.from({ length: batches }, () => ({ photos, input: () => backend.tensor(numbers, { shape }) }));
}

const endings = [".jpg", ".jpeg", ".png"];

/** The JPEG and PNG files in a folder, by their names. */
export async function photosIn(folder: string, size: number, { tensor }: Creation): Promise<PhotoBatch[]> {
  const names = (await readdir(folder)).filter((name) => endings.includes(extname(name).toLowerCase())).sort();
  if (names.length === 0)
    throw new ArgumentError(`${folder} has no pictures: no files that end in ${endings.join(", ")}.`);
  const photos: Required<Photo>[] = [];
  for (const name of names) {
    const path = join(folder, name);
    if (!(await stat(path)).isFile()) throw new ArgumentError(`${path} is not a file, wanted a picture: move it away.`);
    photos.push({ name, pixels: await image(await readFile(path), { channels: 3 }) });
  }
  /** Photos have sizes of their own; the network's input has one. */
  const prepared = ({ pixels: { data, shape } }: Required<Photo>) =>
    imageNetInput(tensor(data, { shape: [1, ...shape] }), { layout: "NCHW" });
  return Array.from({ length: Math.ceil(photos.length / size) }, (_, at) => {
    const some = photos.slice(at * size, (at + 1) * size);
    return { photos: some, input: () => concat(some.map(prepared)) };
  });
}
