// The partial inverse of `maxPoolWithIndices`: maxima go back to where they were.
import { readTensors } from "../apply.ts";
import { sameShape, sizeOf, text } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import { filled } from "../filled.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { inNumbers } from "../operands.ts";
import { numbers, readOptions, type OptionKinds } from "../options.ts";
import { scatter } from "../selection/scatter.ts";
import { eachOf, padding, pairs, spatial, type Padding, type PerAxis } from "../spatial.ts";
import type { Tensor } from "../tensor.ts";

export interface MaxUnpoolOptions {
  /** The window, stride and padding of the pooling. */
  readonly window: PerAxis;
  /** The window's size by default. */
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  /** The sizes of the result; by default (S − 1) stride − padding + window. They differ from that by less than a stride. */
  readonly size?: PerAxis;
}
const kinds: OptionKinds<MaxUnpoolOptions> = { window: numbers, stride: numbers, padding, size: numbers };

/**
 * Zeros, and each element of x at its index: the partial inverse of `maxPoolWithIndices`, which gives the indices. Of
 * several elements with one index the last one counts. An index out of range is an IndexError at each read. Like
 * PyTorch's `max_unpool1d`, `max_unpool2d` and `max_unpool3d`.
 *
 * @example
 * const { values, indices } = maxPoolWithIndices(tensor([[[1, 3, 4, 2]]]), { window: 2 });
 * maxUnpool(values, indices, { window: 2 }); // [[[0, 3, 4, 0]]]
 */
export function maxUnpool(x: Operand, indices: Operand, options: MaxUnpoolOptions): Tensor {
  const read = readOptions("maxUnpool", options, kinds, { padding: 0 });
  const [values, index] = readTensors("maxUnpool", [x, indices]);
  const n = spatial("maxUnpool", values);
  if (!sameShape(values.shape, index.shape))
    throw new ShapeError(
      `maxUnpool: x of shape ${text(values.shape)} and indices of shape ${text(index.shape)} do not fit: wanted one index per element`,
    );
  const window = eachOf("maxUnpool", "window", read.window, values.shape);
  const stride = eachOf("maxUnpool", "stride", read.stride ?? window, values.shape);
  const sides = pairs("maxUnpool", eachOf("maxUnpool", "padding", read.padding, values.shape), n);
  const [images, channels, ...sizes] = values.shape as [number, number, ...number[]];
  const covered = sizes.map((d, i) => (d - 1) * stride[i]! - sides[i]![0] - sides[i]![1] + window[i]!);
  const wanted = read.size === undefined ? covered : eachOf("maxUnpool", "size", read.size, values.shape);
  if (!wanted.every((d) => Number.isInteger(d) && d > 0))
    throw new ShapeError(`maxUnpool: x of shape ${text(values.shape)} cannot become images of size ${text(wanted)}`);
  const [low, high] = [-1, 1].map((sign) => covered.map((d, i) => d + sign * stride[i]!));
  if (!wanted.every((d, i) => low![i]! < d && d < high![i]!))
    throw new ShapeError(
      `maxUnpool: images of size ${text(wanted)} do not become ${text(sizes)} by this pooling: wanted sizes between ${text(low!)} and ${text(high!)}, without these`,
    );
  return composed("maxUnpool", () => {
    const t = inNumbers(values);
    const planes = [images, channels, sizeOf(sizes)];
    const zeros = filled(t, 0, [images, channels, sizeOf(wanted)]);
    const y = scatter(zeros, reshape(index, planes), reshape(t, planes), { axis: 2 });
    return reshape(y, [images, channels, ...wanted]);
  });
}
