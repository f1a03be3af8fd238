// Initial values of weights that together have a structure: orthogonal matrices, kernels that interpolate.
import { ShapeError } from "@weft/tensor";
import { nonNegative, readOptions, sizeOf, text } from "@weft/tensor/internals";
import type { GainOptions, Initializer } from "./initializers.ts";

/** Makes vectors, the rows of a list, orthonormal one after another (Gram and Schmidt, in its stable form). */
function orthonormalize(rows: Float64Array, size: number): void {
  const dot = (a: number, b: number): number => {
    let sum = 0;
    for (let k = 0; k < size; k++) sum += rows[a + k]! * rows[b + k]!;
    return sum;
  };
  for (let row = 0; row < rows.length; row += size) {
    for (let other = 0; other < row; other += size) {
      const along = dot(row, other);
      for (let k = 0; k < size; k++) rows[row + k]! -= along * rows[other + k]!;
    }
    const scale = 1 / Math.sqrt(dot(row, row));
    for (let k = 0; k < size; k++) rows[row + k]! *= scale;
  }
}

/**
 * A random orthogonal matrix [out, in · kernel] times `gain`: its rows are orthonormal, or its columns if there are
 * more rows (Saxe et al. 2014), as PyTorch's `orthogonal_`. It takes out² · in operations on the host. Throws a
 * ShapeError for a vector.
 *
 * @example
 * Linear(256, 256, { init: orthogonal({ gain: Math.SQRT2 }) });
 */
export function orthogonal(options?: GainOptions): Initializer {
  const { gain } = readOptions("orthogonal", options, { gain: nonNegative }, { gain: 1 });
  return (shape, draws) => {
    if (shape.length < 2) throw new ShapeError(`orthogonal: wanted a shape with at least two axes, got ${text(shape)}`);
    const size = sizeOf(shape);
    const rows = shape[0]!;
    const columns = size / Math.max(rows, 1);
    const values = draws.normal(size);
    orthonormalize(values, Math.max(rows, columns));
    if (rows <= columns) return values.map((v) => v * gain);
    return values.map((_, i) => values[(i % columns) * rows + Math.floor(i / columns)]! * gain);
  };
}

/**
 * Kernels [channels, channels, …kernel] of a `convTranspose` that enlarges by linear interpolation: each channel maps
 * to itself with 1 − |r − c| / f along each axis, c the center of the kernel, of size 2f for an even factor f and
 * 2f − 1 for an odd one; other pairs of channels are 0. [channels, 1, …kernel] is for as many groups. As Knet's.
 *
 * @example
 * const weight = parameter([3, 3, 4, 4], bilinear()); // with stride 2 and padding 1, twice the size
 */
export function bilinear(): Initializer {
  return (shape) => {
    const [inputs = 0, outputs = 0, ...kernel] = shape;
    if (kernel.length === 0 || (outputs !== inputs && outputs !== 1))
      throw new ShapeError(
        `bilinear: wanted a shape [channels, channels, …kernel] or [channels, 1, …kernel], got ${text(shape)}`,
      );
    const window = kernel.reduce<number[]>(
      (weights, size) => weights.flatMap((w) => ramp(size).map((r) => w * r)),
      [1],
    );
    const values = new Float64Array(sizeOf(shape));
    for (let channel = 0; channel < inputs; channel++)
      values.set(window, (channel * outputs + (outputs === 1 ? 0 : channel)) * window.length);
    return values;
  };
}

/** The weights of linear interpolation along one axis of a kernel. */
function ramp(size: number): number[] {
  const factor = Math.floor((size + 1) / 2);
  const center = (size - 1) / 2;
  return Array.from({ length: size }, (_, r) => 1 - Math.abs(r - center) / factor);
}
