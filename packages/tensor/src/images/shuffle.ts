// Channels as pixels and the reverse, and channels in another order: views of x.
import { readTensor } from "../apply.ts";
import { text } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { permute, reshape } from "../movement.ts";
import { positiveCount, readValue } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** x with three axes or more, the sizes of the last three, and how many axes are before them. */
function images(op: string, x: Operand) {
  const t = readTensor(x, op);
  const before = t.shape.slice(0, -3);
  if (t.shape.length < 3) throw new ShapeError(`${op}: shape ${text(t.shape)} does not fit: wanted [..., C, H, W]`);
  const [channels, height, width] = t.shape.slice(-3) as [number, number, number];
  return { t, before, channels, height, width };
}

/** Axes in this order behind the first `n` ones. */
const behind = (n: number, order: readonly number[]): number[] => [
  ...Array.from({ length: n }, (_, i) => i),
  ...order.map((axis) => n + axis),
];

/**
 * Channels as pixels: from `[…, C · factor², H, W]` to `[…, C, H · factor, W · factor]`. Like PyTorch's
 * `pixel_shuffle`.
 *
 * @example pixelShuffle(tensor([[[1]], [[2]], [[3]], [[4]]]), 2) // [[[1, 2], [3, 4]]]
 */
export function pixelShuffle(x: Operand, factor: number): Tensor {
  readValue("pixelShuffle", "factor", factor, positiveCount);
  const { t, before, channels, height, width } = images("pixelShuffle", x);
  const left = channels / factor ** 2;
  if (!Number.isInteger(left))
    throw new ShapeError(
      `pixelShuffle: ${factor ** 2}, the square of the factor, must divide the ${channels} channels`,
    );
  return composed("pixelShuffle", () => {
    const split = reshape(t, [...before, left, factor, factor, height, width]);
    const rows = permute(split, behind(before.length, [0, 3, 1, 4, 2]));
    return reshape(rows, [...before, left, height * factor, width * factor]);
  });
}

/**
 * Pixels as channels, the inverse of `pixelShuffle`: from `[…, C, H · factor, W · factor]` to `[…, C · factor², H, W]`.
 * Like PyTorch's `pixel_unshuffle`.
 *
 * @example pixelUnshuffle(tensor([[[1, 2], [3, 4]]]), 2) // [[[1]], [[2]], [[3]], [[4]]]
 */
export function pixelUnshuffle(x: Operand, factor: number): Tensor {
  readValue("pixelUnshuffle", "factor", factor, positiveCount);
  const { t, before, channels, height, width } = images("pixelUnshuffle", x);
  if (height % factor !== 0 || width % factor !== 0)
    throw new ShapeError(`pixelUnshuffle: the factor ${factor} must divide height ${height} and width ${width}`);
  const [rows, columns] = [height / factor, width / factor];
  return composed("pixelUnshuffle", () => {
    const split = reshape(t, [...before, channels, rows, factor, columns, factor]);
    const parts = permute(split, behind(before.length, [0, 2, 4, 1, 3]));
    return reshape(parts, [...before, channels * factor ** 2, rows, columns]);
  });
}

/**
 * The channels of x `[N, C, …]` dealt out: those of `groups` groups come one from each group in turn. Like PyTorch's
 * `channel_shuffle`.
 *
 * @example channelShuffle(tensor([[1, 2, 3, 4]]), 2) // [[1, 3, 2, 4]]
 */
export function channelShuffle(x: Operand, groups: number): Tensor {
  readValue("channelShuffle", "groups", groups, positiveCount);
  const t = readTensor(x, "channelShuffle");
  const [images, channels, ...rest] = t.shape;
  if (images === undefined || channels === undefined || channels % groups !== 0)
    throw new ShapeError(
      `channelShuffle: shape ${text(t.shape)} does not fit: wanted [N, C, ...] with channels in ${groups} groups of equal size`,
    );
  return composed("channelShuffle", () => {
    const split = reshape(t, [images, groups, channels / groups, ...rest]);
    return reshape(permute(split, [0, 2, 1, ...rest.map((_, i) => i + 3)]), t.shape);
  });
}
