// Numbers as pixels.
import type { TypedArray } from "@weft/tensor";
import type { Pixels } from "./output.ts";

export interface ImageShape {
  readonly count: number;
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
}

/** What a shape means as pictures. */
export function pictures(shape: readonly number[]): ImageShape {
  const [width = 0, height = 0, channels = 1, count = 1] = shape.toReversed();
  if (shape.length < 2 || shape.length > 4 || (channels !== 1 && channels !== 3))
    throw new TypeError(
      `image: wanted [height, width], [channels, height, width] or [n, channels, height, width] with 1 or 3 channels, got [${shape.join(", ")}]`,
    );
  if (width * height === 0)
    throw new TypeError(`image: [${shape.join(", ")}] has no pixels; wanted a height and a width of 1 or more`);
  return { count, channels, height, width };
}

/** The pixels of each picture; `black` and what is below is 0, `white` and what is above 255. */
export function colored(data: TypedArray, shape: ImageShape, [black, white]: readonly [number, number]): Pixels[] {
  const { count, channels, height, width } = shape;
  const plane = height * width;
  const wanted = count * channels * plane;
  if (data.length !== wanted) throw new TypeError(`image: the shape wants ${wanted} elements, got ${data.length}`);
  return Array.from({ length: count }, (_, n) => {
    const pixels = new Uint8ClampedArray(4 * plane).fill(255);
    for (let i = 0; i < plane; i++)
      for (let c = 0; c < 3; c++) {
        const value = Number(data[(n * channels + (channels === 1 ? 0 : c)) * plane + i]);
        pixels[4 * i + c] = (255 * (value - black)) / (white - black);
      }
    return pixels;
  });
}
