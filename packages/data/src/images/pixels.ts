// Pixels as decoders give them, and as models take them.
import type { HostArray } from "../host-array.ts";
import { DataError } from "../data-error.ts";

/** Bytes, pixel by pixel. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Gray; gray and alpha; red, green and blue; or these and alpha. */
  readonly channels: number;
  readonly data: Uint8Array;
}

/** How many channels a picture should have: gray, colors, or colors and alpha. */
export type Channels = 1 | 3 | 4;

/** Refuses sizes before anything of that size is made. */
export function limited(format: string, width: number, height: number, maxPixels: number): void {
  if (width === 0 || height === 0)
    throw new DataError(`image: the ${format} says that it has ${width} x ${height} pixels.`);
  if (width * height > maxPixels)
    throw new DataError(
      `image: the ${format} says that it has ${width} x ${height} pixels, more than ${maxPixels}. ` +
        "If it is right, pass { maxPixels }.",
    );
}

/** A channel of a pixel that begins at i, as a function of its samples. */
type Sample = (data: Uint8Array, i: number) => number;

const at =
  (c: number): Sample =>
  (data, i) =>
    data[i + c]!;
const opaque: Sample = () => 255;
// ITU-R 601-2, in the integers that image libraries use.
const luma: Sample = (data, i) => (19595 * data[i]! + 38470 * data[i + 1]! + 7471 * data[i + 2]! + 0x8000) >> 16;

/** Each channel of the result, by how many there are and how many there should be. */
const conversions: Readonly<Record<number, Readonly<Record<Channels, readonly Sample[]>>>> = {
  1: { 1: [at(0)], 3: [at(0), at(0), at(0)], 4: [at(0), at(0), at(0), opaque] },
  2: { 1: [at(0)], 3: [at(0), at(0), at(0)], 4: [at(0), at(0), at(0), at(1)] },
  3: { 1: [luma], 3: [at(0), at(1), at(2)], 4: [at(0), at(1), at(2), opaque] },
  4: { 1: [luma], 3: [at(0), at(1), at(2)], 4: [at(0), at(1), at(2), at(3)] },
};

/** Pixels as `[C, H, W]`. */
export function planes({ width, height, channels, data }: Pixels, wanted: Channels | undefined): HostArray<Uint8Array> {
  const samples =
    wanted === undefined ? Array.from({ length: channels }, (_, c) => at(c)) : conversions[channels]![wanted];
  const count = width * height;
  const out = new Uint8Array(samples.length * count);
  samples.forEach((sample, c) => {
    for (let i = 0; i < count; i++) out[c * count + i] = sample(data, i * channels);
  });
  return { data: out, shape: [samples.length, height, width], dtype: "u8", scale: 1 / 255 };
}
