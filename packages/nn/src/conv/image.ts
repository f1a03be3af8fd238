// Images of other sizes as layers.
import {
  ArgumentError,
  interpolate,
  pixelShuffle,
  pixelUnshuffle,
  type InterpolateOptions,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  boolean,
  copyOf,
  interpolateMode,
  positive,
  positiveCount,
  readOptions,
  readValue,
  type OptionKinds,
} from "@weft/tensor/internals";
import { listOf, perAxis } from "../kinds.ts";
import { layer } from "../layer.ts";

const kinds: OptionKinds<InterpolateOptions> = {
  size: perAxis,
  scaleFactor: listOf(positive),
  mode: interpolateMode,
  alignCorners: boolean,
};

/**
 * x `[N, C, …]` with other spatial sizes; a number alone is the factor. Like PyTorch's `Upsample`, with the options of
 * `interpolate`.
 *
 * @example
 * Upsample(2); // or Upsample({ size: [32, 32], mode: "bilinear" })
 */
export function Upsample(factor: number | InterpolateOptions): (x: Operand) => Tensor {
  const given = typeof factor === "number" ? { scaleFactor: factor } : factor;
  const options = copyOf(readOptions("Upsample", given, kinds, {}));
  if ((options.size === undefined) === (options.scaleFactor === undefined))
    throw new ArgumentError("Upsample: wanted either size or scaleFactor");
  return layer("Upsample", (x: Operand) => interpolate(x, options), {});
}

/**
 * Channels as pixels: from `[N, C · factor², H, W]` to `[N, C, H · factor, W · factor]`. Like PyTorch's `PixelShuffle`.
 *
 * @example
 * const upscale = Chain(Conv({ in: 8, out: 12, kernel: 3, padding: "same" }), PixelShuffle(2));
 */
export function PixelShuffle(factor: number): (x: Operand) => Tensor {
  readValue("PixelShuffle", "factor", factor, positiveCount);
  return layer("PixelShuffle", (x: Operand) => pixelShuffle(x, factor), {});
}

/**
 * Pixels as channels, the inverse of `PixelShuffle`. Like PyTorch's `PixelUnshuffle`.
 *
 * @example
 * PixelUnshuffle(2);
 */
export function PixelUnshuffle(factor: number): (x: Operand) => Tensor {
  readValue("PixelUnshuffle", "factor", factor, positiveCount);
  return layer("PixelUnshuffle", (x: Operand) => pixelUnshuffle(x, factor), {});
}
