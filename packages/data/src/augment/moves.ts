// Augmentations that move pixels: shift, flip, crop, rotate.
import { ArgumentError, ShapeError } from "@weft/tensor";
import {
  anyNumber,
  boolean,
  count,
  describe,
  fraction,
  nonNegativeFinite,
  positiveCount,
  readOptions,
  readValue,
} from "@weft/tensor/internals";
import { placed, stored, type Augmentation } from "./picture.ts";

export interface FillOptions {
  /** The value of pixels that come from outside (0). */
  readonly fill?: number;
}
const fillKinds = { fill: anyNumber };

/**
 * Moves a picture by up to `most` pixels in each direction.
 *
 * @example
 * const moved = augment(images, [randomShift(2)], { seed: 1 });
 * for (const [x, y] of minibatch([moved, labels], 10, { backend, shuffle: true })) step(x, y);
 */
export function randomShift(most: number, options?: FillOptions): Augmentation {
  const { fill } = readOptions("randomShift", options, fillKinds, { fill: 0 });
  const range = 2 * readValue("randomShift", "most", most, count) + 1;
  return (picture, random) => {
    const place = [random.below(range) - most, random.below(range) - most] as const;
    return placed(picture, picture.height, picture.width, stored(picture, fill), place);
  };
}

export interface FlipOptions {
  /** The probability of a flip (0.5). */
  readonly p?: number;
  /** Whether top and bottom change places (false), rather than left and right. */
  readonly vertical?: boolean;
}

/**
 * Mirrors a picture, left to right, with probability `p`.
 *
 * Source: PyTorch's `RandomHorizontalFlip` and `RandomVerticalFlip`.
 *
 * @example
 * const mirrored = augment(images, [randomFlip({ p: 1 })]);
 * const [x] = minibatch(mirrored, 10);
 * x.data[0] === images.data[27]; // true
 */
export function randomFlip(options?: FlipOptions): Augmentation {
  const { p, vertical } = readOptions(
    "randomFlip",
    options,
    { p: fraction, vertical: boolean },
    { p: 0.5, vertical: false },
  );
  return (picture, random) => {
    if (random.uniform() >= p) return picture;
    const { data, channels, height, width } = picture;
    if (!vertical) for (let at = 0; at < data.length; at += width) data.subarray(at, at + width).reverse();
    else
      for (let c = 0; c < channels; c++)
        for (let y = 0; y < height >> 1; y++) {
          const upper = data.subarray((c * height + y) * width, (c * height + y + 1) * width);
          const lower = data.subarray(((c + 1) * height - y - 1) * width, ((c + 1) * height - y) * width);
          const kept = upper.slice();
          upper.set(lower);
          lower.set(kept);
        }
    return picture;
  };
}

export interface CropOptions extends FillOptions {
  /** How many pixels are added on each side first (0). */
  readonly padding?: number;
}

/**
 * Cuts a part of `[height, width]` out of a picture, at a random place.
 *
 * Source: PyTorch's `RandomCrop`. Errors: ShapeError, when batches are made, if the picture is smaller.
 *
 * @example
 * const parts = augment(images, [randomCrop([24, 24])]);
 * const [x] = minibatch(parts, 10);
 * x.shape; // [10, 1, 24, 24]
 */
export function randomCrop(size: readonly [number, number], options?: CropOptions): Augmentation {
  const kinds = { ...fillKinds, padding: count };
  const { fill, padding } = readOptions("randomCrop", options, kinds, { fill: 0, padding: 0 });
  if (!Array.isArray(size) || size.length !== 2)
    throw new ArgumentError(`randomCrop: wanted [height, width] as size, got ${describe(size)}.`);
  const [height, width] = size.map((n) => readValue("randomCrop", "size", n, positiveCount)) as [number, number];
  return (picture, random) => {
    const [down, across] = [picture.height + 2 * padding - height, picture.width + 2 * padding - width];
    if (down < 0 || across < 0)
      throw new ShapeError(
        `randomCrop: wanted ${height} x ${width} pixels of ${picture.height} x ${picture.width} with padding ${padding}.`,
      );
    const place = [random.below(down + 1) - padding, random.below(across + 1) - padding] as const;
    return placed(picture, height, width, stored(picture, fill), place);
  };
}

/**
 * Turns a picture around its center by up to `degrees` in either direction; pixels are interpolated between their four
 * neighbors.
 *
 * Source: PyTorch's `RandomRotation`, bilinear.
 *
 * @example
 * const turned = augment(images, [randomRotation(10), randomShift(2)], { seed: 1 });
 * for (const [x, y] of minibatch([turned, labels], 10, { backend, shuffle: true })) step(x, y);
 */
export function randomRotation(degrees: number, options?: FillOptions): Augmentation {
  const { fill } = readOptions("randomRotation", options, fillKinds, { fill: 0 });
  const most = (readValue("randomRotation", "degrees", degrees, nonNegativeFinite) * Math.PI) / 180;
  return (picture, random) => {
    const { data, channels, height, width } = picture;
    const angle = (2 * random.uniform() - 1) * most;
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
    const outside = stored(picture, fill);
    const out = new Float32Array(data.length);
    const plane = height * width;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const fromX = middleX + cos * (x - middleX) - sin * (y - middleY);
        const fromY = middleY + sin * (x - middleX) + cos * (y - middleY);
        const left = Math.floor(fromX);
        const top = Math.floor(fromY);
        const u = fromX - left;
        const v = fromY - top;
        for (let c = 0; c < channels; c++) {
          const at = (j: number, i: number): number =>
            j < 0 || j >= height || i < 0 || i >= width ? outside : data[c * plane + j * width + i]!;
          out[c * plane + y * width + x] =
            (1 - v) * ((1 - u) * at(top, left) + u * at(top, left + 1)) +
            v * ((1 - u) * at(top + 1, left) + u * at(top + 1, left + 1));
        }
      }
    return { ...picture, data: out };
  };
}
