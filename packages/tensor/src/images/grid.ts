// Grids of places in images: those of an affine map.
import { readTensor } from "../apply.ts";
import { shapeOf, text } from "../axes.ts";
import { stack } from "../arrangement.ts";
import { ShapeError } from "../errors.ts";
import { add, mul, sub } from "../elementwise.ts";
import { iota } from "../filled.ts";
import { composed } from "../formula.ts";
import { take } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { inFloats } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { boolean, readOptions } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** The places of `size` elements between −1 and 1, along one of `n` axes. */
function line(like: Tensor, size: number, axis: number, n: number, alignCorners: boolean): Tensor {
  const shape = Array.from({ length: n }, (_, i) => (i === axis ? size : 1));
  const { dtype } = like;
  const counted = iota(like, shape, axis, dtype);
  if (alignCorners) return size === 1 ? mul(counted, 0) : sub(mul(counted, 2 / (size - 1)), 1);
  return sub(mul(counted, 2 / size), 1 - 1 / size);
}

/**
 * The grid for `gridSample` of an affine map of each image. `maps` is `[N, 2, 3]` for images of `size` `[N, C, H, W]`,
 * and the result `[N, H, W, 2]`; or `[N, 3, 4]`, `[N, C, D, H, W]` and `[N, D, H, W, 3]`. Places go from −1 to 1 along
 * each axis, x before y before z: between the outer edges of the first and the last element, or with `alignCorners`
 * between their centers. Like PyTorch's `affine_grid`.
 *
 * @example affineGrid(tensor([[[1, 0, 0], [0, 1, 0]]]), [1, 1, 1, 2]) // [[[[-0.5, 0], [0.5, 0]]]]
 */
export function affineGrid(maps: Operand, size: Shape, options?: { readonly alignCorners?: boolean }): Tensor {
  const { alignCorners } = readOptions("affineGrid", options, { alignCorners: boolean }, { alignCorners: false });
  const m = inFloats(readTensor(maps, "affineGrid"));
  const [images, , ...sizes] = shapeOf("affineGrid", size);
  const n = sizes.length;
  if ((n !== 2 && n !== 3) || m.shape.length !== 3 || m.shape.some((d, i) => d !== [images, n, n + 1][i]))
    throw new ShapeError(
      `affineGrid: maps of shape ${text(m.shape)} and size ${text(size)} do not fit: wanted [N, 2, 3] and [N, C, H, W], or [N, 3, 4] and [N, C, D, H, W]`,
    );
  return composed("affineGrid", () => {
    const lines = sizes.map((d, axis) => line(m, d, axis, n, alignCorners)).toReversed();
    const entry = (row: number, column: number): Tensor =>
      reshape(take(take(m, row, { axis: 1 }), column, { axis: 1 }), [m.shape[0]!, ...sizes.map(() => 1)]);
    const along = sizes.map((_, row) =>
      lines.reduce((sum, places, column) => add(sum, mul(entry(row, column), places)), entry(row, n)),
    );
    return stack(along, { axis: -1 });
  });
}
