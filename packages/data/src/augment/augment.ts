// Augmentation: a source of pictures that are changed at random, in another way in each pass.
import { ArgumentError, ShapeError } from "@weft/tensor";
import {
  callable,
  describe,
  dtypeInfo,
  isFloat,
  positiveCount,
  readOptions,
  readValue,
  seedNumber,
  sizeOf,
} from "@weft/tensor/internals";
import { COLUMN, type Column, type CustomSource, type Cut } from "../batches/batch.ts";
import { uploaded } from "../batches/sources.ts";
import { readArray, isHostArray, show, type HostArray } from "../host-array.ts";
import { purpose, stream } from "../stream.ts";
import type { Augmentation, Picture } from "./picture.ts";

export interface AugmentOptions {
  /** Which random numbers (0). */
  readonly seed?: number;
}

/**
 * A source for `minibatch` of pictures that are changed at random, by each of the augmentations in turn:
 * `randomShift`, `randomFlip`, `randomCrop`, `randomRotation`, `randomNoise`, `normalizeChannels`, or functions of your
 * own. It is done on the host, batch by batch, before the upload.
 *
 * A picture is changed in another way in each pass. How depends on the seed, the pass and the place in the pass only,
 * so it is the same however many batches are made ahead, in which order, and by how many loops at once.
 *
 * Shapes: host arrays `[N, C, H, W]` or `[N, H, W]` give batches of the same dtype `[B, C, H', W']` or `[B, H', W']`.
 * Errors: ShapeError for other shapes.
 *
 * @example
 * const varied = augment(images, [randomCrop([28, 28], { padding: 2 }), randomRotation(10)], { seed: 1 });
 * for (const [x, y] of minibatch([varied, labels], 10, { backend, shuffle: true })) step(x, y);
 */
export function augment(
  pictures: HostArray,
  augmentations: readonly Augmentation[],
  options?: AugmentOptions,
): CustomSource<HostArray, 1> {
  const { seed } = readOptions("augment", options, { seed: seedNumber }, { seed: 0 });
  if (!isHostArray(pictures))
    throw new ArgumentError(`augment: wanted pictures on the host, { data, shape, dtype }, got ${describe(pictures)}.`);
  const x = readArray(pictures, "augment", "the source");
  if (x.shape.length !== 3 && x.shape.length !== 4)
    throw new ShapeError(`augment: the source is ${show(x)}, wanted [N, C, H, W] or [N, H, W].`);
  if (!Array.isArray(augmentations))
    throw new ArgumentError(`augment: wanted a list of augmentations, got ${describe(augmentations)}.`);
  const steps = augmentations.map((step, i) => readValue<Augmentation>("augment", `augmentation ${i}`, step, callable));
  return {
    [COLUMN]: (_, name): Column => ({
      name,
      items: x.shape[0]!,
      shown: show(x),
      backend: undefined,
      parts(cut, backend) {
        const part = augmented(x, steps, seed, cut);
        return [backend === undefined ? part : uploaded(part, backend)];
      },
    }),
  };
}

function augmented(x: HostArray, steps: readonly Augmentation[], seed: number, cut: Cut): HostArray {
  const { start, end, indices, pass } = cut;
  const seedOfPass = stream(seed, purpose.pictures, pass).long();
  const changed = Array.from({ length: end - start }, (_, i) => {
    const random = stream(seedOfPass, purpose.pictures, start + i);
    return steps.reduce(
      (picture, step, k) => checked(step(picture, random), k),
      pictureAt(x, indices?.[i] ?? start + i),
    );
  });
  return together(x, changed);
}

/** Refuses what is no picture of the size that it says; `k` is the number of the augmentation that returned it. */
function checked(picture: Picture, k: number): Picture {
  const { data, channels, height, width } = (picture ?? {}) as Partial<Picture>;
  const is = ArrayBuffer.isView(data) && [channels, height, width].every((n) => positiveCount.is(n));
  if (!is)
    throw new ArgumentError(
      `augment: wanted a picture { data, channels, height, width, scale, floating } from augmentation ${k}, ` +
        `got ${describe(picture)}.`,
    );
  if (data.length !== channels! * height! * width!)
    throw new ShapeError(
      `augment: augmentation ${k} returned ${data.length} numbers for ${channels} channels of ${height} x ${width} pixels.`,
    );
  return picture;
}

/** One picture, copied. */
function pictureAt(x: HostArray, i: number): Picture {
  const [channels, height, width] = (x.shape.length === 3 ? [1, ...x.shape.slice(1)] : x.shape.slice(1)) as [
    number,
    number,
    number,
  ];
  const size = channels * height * width;
  const { load } = dtypeInfo[x.dtype];
  const data = new Float32Array(x.data.subarray(i * size, (i + 1) * size));
  if (load !== undefined) for (let k = 0; k < size; k++) data[k] = load(data[k]!);
  return { data, channels, height, width, scale: x.scale, floating: isFloat(x.dtype) };
}

/** Pictures as a batch: in the dtype of their source, unless a step made them floating-point. */
function together(x: HostArray, pictures: readonly Picture[]): HostArray {
  const { channels, height, width, scale, floating } = pictures[0]!;
  const dtype = floating && !isFloat(x.dtype) ? "f32" : x.dtype;
  const shape = x.shape.length === 3 && channels === 1 ? [height, width] : [channels, height, width];
  const size = sizeOf(shape);
  const { array, store } = dtypeInfo[dtype];
  const data = new array(pictures.length * size);
  // Bytes are rounded and limited by such an array.
  const places = dtype === "u8" ? new Uint8ClampedArray(data.buffer) : data;
  pictures.forEach((picture, i) => {
    if (picture.channels !== channels || picture.height !== height || picture.width !== width)
      throw new ShapeError(
        `augment: the augmentations gave pictures of [${channels}, ${height}, ${width}] and ` +
          `[${picture.channels}, ${picture.height}, ${picture.width}] as [channels, height, width], wanted one size. ` +
          "End with a crop.",
      );
    if (store === undefined || dtype === "u8") places.set(picture.data, i * size);
    else for (let k = 0; k < size; k++) data[i * size + k] = store(picture.data[k]!);
  });
  return { data, shape: [pictures.length, ...shape], dtype, ...(scale !== undefined && { scale }) };
}
