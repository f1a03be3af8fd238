// Pictures from files.
import { hex } from "@weft/formats/internals";
import { ArgumentError, ShapeError } from "@weft/tensor";
import { describe, oneOf, positiveCount, readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { readArray, show, type HostArray } from "../host-array.ts";
import { fromJpeg, isJpeg } from "./jpeg.ts";
import { planes, type Channels } from "./pixels.ts";
import { fromPng, isPng } from "./png.ts";

export interface ImageOptions {
  /** Channels of the result: 1 (gray), 3 (colors) or 4 (colors and alpha). By default those of the file. */
  readonly channels?: Channels;
  /** The largest number of pixels that a file may say it has (2^25, some 33 million). */
  readonly maxPixels?: number;
}

const kinds = { channels: oneOf(1, 3, 4), maxPixels: positiveCount };

/**
 * A picture from the bytes of a PNG or JPEG file: `u8[C, H, W]` with the scale 1/255.
 *
 * Channels are gray; gray and alpha; red, green, blue; or these and alpha, as the file has them. Palettes are looked up
 * (with alpha if colors are transparent), 16 bits become 8, and CMYK becomes colors. With `channels` all pictures have
 * the same: gray is 0.299 R + 0.587 G + 0.114 B, and alpha is dropped. Orientation and color profiles do not count. Colors
 * that a JPEG has at half the resolution (4:2:0, as of most cameras) are repeated, not interpolated as libjpeg does by
 * default: at the edges of colors values differ from those of PIL and torchvision, by some 3 of 255 on average.
 *
 * Errors: DataError for other files, and for files that are truncated, damaged, or larger than `maxPixels`, which is
 * checked before anything is decoded. In a JPEG, which has no checksums, damage may also just show.
 *
 * Source: fast-png and jpeg-js, which are loaded when a file of their kind is read.
 *
 * @example
 * const dot = await encodePng({ data: Uint8Array.of(255, 0, 0), shape: [3, 1, 1], dtype: "u8" });
 * const { data, shape } = await image(dot);
 * shape; // [3, 1, 1]
 * [...data]; // [255, 0, 0]
 */
export async function image(bytes: Uint8Array, options?: ImageOptions): Promise<HostArray<Uint8Array>> {
  const { channels, maxPixels } = readOptions("image", options, kinds, { maxPixels: 2 ** 25 });
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(`image: wanted the bytes of a file as a Uint8Array, got ${describe(bytes)}.`);
  const read = isPng(bytes) ? fromPng : isJpeg(bytes) ? fromJpeg : undefined;
  if (read === undefined)
    throw new DataError(
      `image: wanted a PNG or JPEG file, found ${bytes.length} bytes that begin with ${beginning(bytes)}.`,
    );
  return planes(await read(bytes, maxPixels), channels);
}

const beginning = (bytes: Uint8Array): string => (bytes.length === 0 ? "nothing" : hex(bytes.subarray(0, 4), " "));

/**
 * Pictures of one size as one array for `minibatch`.
 *
 * Shapes: N pictures `[C, H, W]` give `[N, C, H, W]`. Errors: ShapeError for pictures of different sizes.
 *
 * @example
 * const gray = { data: new Uint8Array(4), shape: [1, 2, 2], dtype: "u8", scale: 1 / 255 };
 * stackImages([gray, gray, gray]).shape; // [3, 1, 2, 2]
 */
export function stackImages(pictures: readonly HostArray<Uint8Array>[]): HostArray<Uint8Array> {
  const all = pictures.map((picture, i) => readArray(picture, "stackImages", `picture ${i}`));
  const [first] = all;
  if (first === undefined) throw new ArgumentError("stackImages: wanted at least one picture, got none.");
  const { shape, scale } = first;
  const data = new Uint8Array(all.length * first.data.length);
  all.forEach((picture, i) => {
    if (picture.dtype !== "u8" || String(picture.shape) !== String(shape) || picture.scale !== scale)
      throw new ShapeError(
        `stackImages: picture ${i} is ${show(picture)}, picture 0 ${show(first)}. All need one size.`,
      );
    data.set(picture.data, i * first.data.length);
  });
  return { data, shape: [all.length, ...shape], dtype: "u8", ...(scale !== undefined && { scale }) };
}
