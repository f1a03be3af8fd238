// Images as the models expect them: resized, cropped and normalized as for ImageNet.
import {
  ArgumentError,
  cast,
  div,
  DTypeError,
  matmul,
  permute,
  readTensor,
  round,
  ShapeError,
  sub,
  transpose,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { boolean, oneOf, positiveCount, readOptions, resultOf, text, type OptionKinds } from "@weft/tensor/internals";

export interface ImageNetInputOptions {
  /** The length of the shorter side after resizing. */
  readonly resize?: number;
  /** The side of the square that is cut out of the middle. */
  readonly crop?: number;
  /** Where the channels are: by default where there are three. */
  readonly layout?: "NHWC" | "NCHW";
  /** Whether each result is a mean over all pixels that it covers. Otherwise shrinking picks pixels, and aliases. */
  readonly antialias?: boolean;
}

const kinds: OptionKinds<ImageNetInputOptions> = {
  resize: positiveCount,
  crop: positiveCount,
  layout: oneOf("NHWC", "NCHW"),
  antialias: boolean,
};

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/**
 * The weights of bilinear resizing from `from` to `to` pixels: a row per pixel of the result, of those from `begin` on.
 * The centers of the outer pixels are half a pixel from the edges.
 */
function weights(from: number, to: number, begin: number, rows: number, antialias: boolean): number[][] {
  const scale = from / to;
  const reach = antialias ? Math.max(scale, 1) : 1;
  return Array.from({ length: rows }, (_, i) => {
    const center = Math.min(Math.max((begin + i + 0.5) * scale, 0.5), from - 0.5);
    const row = Array.from({ length: from }, (_, j) => Math.max(0, 1 - Math.abs(j + 0.5 - center) / reach));
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((w) => w / sum);
  });
}

/** Half of n, to the nearest even integer where n is odd, as Python rounds. */
function half(n: number): number {
  const low = Math.floor(n / 2);
  return n % 2 === 0 || low % 2 === 0 ? low : low + 1;
}

/** Which of the two layouts a shape has. */
function layoutOf(shape: readonly number[], given: ImageNetInputOptions["layout"]): "NHWC" | "NCHW" {
  const fits = { NHWC: shape.length === 4 && shape[3] === 3, NCHW: shape.length === 4 && shape[1] === 3 };
  if (given === undefined && fits.NHWC && fits.NCHW)
    throw new ArgumentError(`imageNetInput: ${text(shape)} may be NHWC or NCHW: say which by { layout }`);
  const layout = given ?? (fits.NHWC ? "NHWC" : "NCHW");
  if (!fits[layout])
    throw new ShapeError(`imageNetInput: wanted images [N, H, W, 3] or [N, 3, H, W], got ${text(shape)}`);
  return layout;
}

/**
 * Images as ImageNet models take them: `u8` in 0 … 255 (or floats in 0 … 1) of shape `[N, H, W, 3]` or `[N, 3, H, W]` →
 * `f32` `[N, 3, crop, crop]`. The shorter side is resized to 256 (bilinear), the middle 224 × 224 are cut out, the mean
 * (0.485, 0.456, 0.406) is subtracted, and the rest divided by (0.229, 0.224, 0.225). Like torchvision's
 * `ImageClassification`: resized `u8` are rounded.
 *
 * @example
 * const image = tensor(new Uint8Array(300 * 400 * 3), { shape: [1, 300, 400, 3] });
 * imageNetInput(image).shape; // [1, 3, 224, 224]
 */
export function imageNetInput(images: Operand, options?: ImageNetInputOptions): Tensor {
  const read = readOptions("imageNetInput", options, kinds, { resize: 256, crop: 224, antialias: true });
  const { resize, crop, antialias } = read;
  const x = readTensor(images, "imageNetInput");
  const layout = layoutOf(x.shape, read.layout);
  if (crop > resize) throw new ArgumentError(`imageNetInput: wanted a crop of at most the size ${resize}, got ${crop}`);
  const bytes = x.dtype === "u8";
  if (!bytes && x.dtype !== "f32")
    throw new DTypeError(`imageNetInput: wanted u8 in 0 … 255 or f32 in 0 … 1, got ${x.dtype}; use cast`);
  return resultOf(() => {
    const pixels = layout === "NHWC" ? permute(x, [0, 3, 1, 2]) : x;
    const [height, width] = pixels.shape.slice(2) as [number, number];
    const short = Math.min(height, width);
    if (short === 0) throw new ShapeError(`imageNetInput: an image of ${height} × ${width} pixels has none`);
    const { tensor } = x.backend;
    const resized = (from: number): Tensor => {
      const to = Math.trunc((resize * from) / short);
      return tensor(weights(from, to, half(to - crop), crop, antialias));
    };
    const y = matmul(matmul(resized(height), cast(pixels, "f32")), transpose(resized(width)));
    const perChannel = (values: number[]): Tensor => tensor(values.map((v) => [[v]]));
    const scaled = bytes ? div(round(y), 255) : y;
    return div(sub(scaled, perChannel(MEAN)), perChannel(STD));
  });
}
