// Pictures to files.
import { ShapeError, type Shape } from "@weft/tensor";
import { dtypeInfo, isFloat } from "@weft/tensor/internals";
import { readArray, show, type HostArray } from "../host-array.ts";

/**
 * A picture as the bytes of a PNG file: of `[C, H, W]` or `[H, W]`, with gray; gray and alpha; red, green, blue; or
 * these and alpha. Bytes are written as they are, and floating-point numbers from 0 to 1 as 0 to 255.
 *
 * Errors: ShapeError for other shapes.
 *
 * Source: fast-png, which is loaded when this is called.
 *
 * @example
 * const bytes = await encodePng({ data: Float32Array.of(0, 0.5, 1), shape: [1, 3], dtype: "f32" });
 * [...(await image(bytes)).data]; // [0, 128, 255]
 */
export async function encodePng(picture: HostArray): Promise<Uint8Array> {
  const x = readArray(picture, "encodePng", "the picture");
  const [channels, height, width] = size(x.shape);
  if (![1, 2, 3, 4].includes(channels) || height < 1 || width < 1)
    throw new ShapeError(`encodePng: the picture is ${show(x)}, wanted [C, H, W] with 1 to 4 channels, or [H, W].`);
  const { load } = dtypeInfo[x.dtype];
  const data = new Uint8ClampedArray(x.data.length); // which rounds
  const plane = height * width;
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < plane; i++) {
      const stored = x.data[c * plane + i]!;
      data[i * channels + c] = isFloat(x.dtype) ? 255 * (load === undefined ? stored : load(stored)) : stored;
    }
  const { encode } = await import("fast-png");
  return encode({ width, height, channels, depth: 8, data });
}

const size = (shape: Shape): [number, number, number] =>
  shape.length === 2 ? [1, shape[0]!, shape[1]!] : shape.length === 3 ? [shape[0]!, shape[1]!, shape[2]!] : [0, 0, 0];
