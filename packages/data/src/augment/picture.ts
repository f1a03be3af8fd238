// What augmentations work on: one picture at a time, with random numbers of its own.
import type { Stream } from "../stream.ts";

/** A picture, with channels one after another. */
export interface Picture {
  /** Row by row; an augmentation may change it. Numbers are those that are stored: 0 to 255 for bytes. */
  readonly data: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The value of a stored 1; undefined if stored numbers are values. */
  readonly scale: number | undefined;
  /** Whether the numbers are floating-point ones now, whatever they were stored in. */
  readonly floating: boolean;
}

/** Random numbers for one picture. */
export type Random = Pick<Stream, "uniform" | "below">;

/** Changes a picture at random, or always in the same way. */
export type Augmentation = (picture: Picture, random: Random) => Picture;

/** A picture of another size, each pixel of which is that at a place of the old one, or `fill` outside. */
export function placed(
  picture: Picture,
  height: number,
  width: number,
  fill: number,
  [top, left]: readonly [number, number],
): Picture {
  const { channels, data } = picture;
  const out = new Float32Array(channels * height * width).fill(fill);
  const [first, last] = [Math.max(0, -left), Math.min(width, picture.width - left)];
  for (let c = 0; c < channels; c++)
    for (let y = Math.max(0, -top); y < Math.min(height, picture.height - top); y++) {
      const from = (c * picture.height + y + top) * picture.width + left;
      if (first < last) out.set(data.subarray(from + first, from + last), (c * height + y) * width + first);
    }
  return { ...picture, data: out, height, width };
}

/** A value as it is stored. */
export const stored = ({ scale }: Picture, value: number): number => (scale === undefined ? value : value / scale);
