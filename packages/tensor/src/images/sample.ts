// Images read at any places: a weighted sum of the elements around each place.
import { applyRead, readTensors } from "../apply.ts";
import { sizeOf, text } from "../axes.ts";
import { zerosLike } from "../creation.ts";
import { promote } from "../dtype.ts";
import {
  add,
  and,
  cast,
  floor,
  less,
  lessEqual,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  round,
  sub,
  where,
} from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { composed } from "../formula.ts";
import { take } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { permute, reshape } from "../movement.ts";
import { inDType, inFloats } from "../operands.ts";
import { boolean, oneOf, readOptions, type OptionKinds } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { cubicTaps, type Cubic } from "./cubic.ts";
import { iota } from "../filled.ts";

export interface GridSampleOptions {
  /** `"bilinear"` by default; for volumes it is trilinear. */
  readonly mode?: "bilinear" | "nearest" | "bicubic";
  /** What lies beyond the image: zeros (the default), its nearest element, or its mirror image. */
  readonly paddingMode?: "zeros" | "border" | "reflection";
  /** Whether −1 and 1 are the centers of the first and the last element; false by default: their outer edges. */
  readonly alignCorners?: boolean;
}
type Mode = NonNullable<GridSampleOptions["mode"]>;
type PaddingMode = NonNullable<GridSampleOptions["paddingMode"]>;

const kinds: OptionKinds<GridSampleOptions> = {
  mode: oneOf("bilinear", "nearest", "bicubic"),
  paddingMode: oneOf("zeros", "border", "reflection"),
  alignCorners: boolean,
};

/** Places along an axis of `size` elements. */
interface Axis {
  readonly size: number;
  readonly alignCorners: boolean;
}

/** From −1 … 1 to element numbers. */
const numbered = (x: Tensor, { size, alignCorners }: Axis): Tensor =>
  alignCorners ? mul(add(x, 1), (size - 1) / 2) : mul(sub(mul(add(x, 1), size), 1), 0.5);

/** The nearest place in the image. What is moved has no gradient; NaN becomes 0. */
const clipped = (x: Tensor, { size }: Axis): Tensor => where(less(0, x), where(less(x, size - 1), x, size - 1), 0);

/** Places mirrored at the edges of the image, or at the centers of its outer elements, until they lie between them. */
function reflected(x: Tensor, { size, alignCorners }: Axis): Tensor {
  const [low, span] = alignCorners ? [0, size - 1] : [-0.5, size];
  if (span === 0) return zerosLike(x);
  const from = sub(x, low);
  const there = mod(where(less(from, 0), neg(from), from), 2 * span);
  return add(where(less(there, span), there, sub(2 * span, there)), low);
}

const paddings: { readonly [P in PaddingMode]: (x: Tensor, axis: Axis) => Tensor } = {
  zeros: (x) => x,
  border: clipped,
  reflection: (x, axis) => clipped(reflected(x, axis), axis),
};

/** One of the elements that a place is mixed of, along an axis: its number, a whole float, and its weight if not 1. */
interface Tap {
  readonly place: Tensor;
  readonly weight?: Tensor;
}

const valueOf = ([a, b, c, d]: Cubic, x: Tensor): Tensor => add(mul(add(mul(add(mul(x, a), b), x), c), x), d);

const taps: { readonly [M in Mode]: (x: Tensor, pad: (place: Tensor) => Tensor) => readonly Tap[] } = {
  nearest: (x, pad) => [{ place: round(pad(x)) }],
  bilinear: (x, pad) => {
    const place = pad(x);
    const low = floor(place);
    const share = sub(place, low);
    return [
      { place: low, weight: sub(1, share) },
      { place: add(low, 1), weight: share },
    ];
  },
  bicubic: (x, pad) => {
    const low = floor(x);
    const share = sub(x, low);
    return cubicTaps.map(({ offset, polynomial }) => ({
      place: pad(add(low, offset)),
      weight: valueOf(polynomial, offset <= 0 ? sub(share, offset) : sub(offset, share)),
    }));
  },
};

/** Along some axes: the numbers of elements in the image, which of them are in it, and their weights. */
interface Mixed {
  readonly index: Tensor;
  readonly inside: Tensor;
  readonly weight: Tensor | undefined;
}

function joined(before: Mixed | undefined, { place, weight }: Tap, size: number): Mixed {
  const i = cast(place, "i32");
  const inside = and(lessEqual(0, i), less(i, size));
  const index = minimum(maximum(i, 0), size - 1);
  if (before === undefined) return { index, inside, weight };
  return {
    index: add(mul(before.index, size), index),
    inside: and(before.inside, inside),
    weight: weight && before.weight ? mul(before.weight, weight) : (weight ?? before.weight),
  };
}

function checkFit(x: Tensor, grid: Tensor, mode: Mode): number {
  const n = x.shape.length - 2;
  const fits = (n === 2 || n === 3) && grid.shape.length === n + 2 && grid.shape[0] === x.shape[0];
  if (!fits || grid.shape.at(-1) !== n || x.shape.slice(2).includes(0))
    throw new ShapeError(
      `gridSample: shapes ${text(x.shape)} and ${text(grid.shape)} do not fit: wanted [N, C, H, W] and [N, ..., ..., 2], or [N, C, D, H, W] and [N, ..., ..., ..., 3]`,
    );
  if (mode === "bicubic" && n === 3)
    throw new ShapeError(`gridSample: mode "bicubic" is for images, x ${text(x.shape)} has 3 spatial axes`);
  return n;
}

/**
 * The elements of x `[N, C, H, W]` at the places of a grid `[N, …, …, 2]`, as `[N, C, …, …]`; of volumes
 * `[N, C, D, H, W]` with a grid `[N, …, …, …, 3]`. The last axis of the grid has x before y before z, from −1 to 1
 * within the image. Gradients go to the image and to the grid. Like PyTorch's `grid_sample`.
 *
 * @example gridSample(tensor([[[[1, 3]]]]), tensor([[[[0, 0]]]])) // [[[[2]]]]
 */
export function gridSample(x: Operand, grid: Operand, options?: GridSampleOptions): Tensor {
  const given = { mode: "bilinear" as Mode, paddingMode: "zeros" as PaddingMode, alignCorners: false };
  const { mode, paddingMode, alignCorners } = readOptions("gridSample", options, kinds, given);
  const [a, b] = readTensors("gridSample", [x, grid]);
  const n = checkFit(a, b, mode);
  return composed("gridSample", () => {
    const [floats, places] = [inFloats(a), inFloats(b)];
    const dtype = promote(floats.dtype, places.dtype);
    const t = inDType(floats, dtype);
    const at = inDType(places, dtype);
    const [images, channels, ...sizes] = t.shape as [number, number, ...number[]];
    const mixtures = sizes.reduce<(Mixed | undefined)[]>(
      (all, size, i) => {
        const axis = { size, alignCorners };
        const along = numbered(take(at, n - 1 - i, { axis: -1 }), axis);
        const each = taps[mode](along, (place) => paddings[paddingMode](place, axis));
        return all.flatMap((before) => each.map((tap) => joined(before, tap, size)));
      },
      [undefined],
    ) as Mixed[];
    // Pixels as rows of channels, so that whole rows are read.
    const plane = sizeOf(sizes);
    const rows = reshape(permute(t, [0, ...sizes.map((_, i) => i + 2), 1]), [images * plane, channels]);
    const first = iota(t, [images, ...sizes.map(() => 1)]);
    const column = (z: Tensor): Tensor => reshape(z, [...z.shape, 1]);
    const parts = mixtures.map(({ index, inside, weight }) => {
      const values = applyRead("take", [rows, add(mul(first, plane), index)], { axis: 0 });
      const seen = where(column(inside), values, 0);
      return weight === undefined ? seen : mul(seen, column(weight));
    });
    const y = parts.reduce((sum, part) => add(sum, part));
    return permute(y, [0, n + 1, ...sizes.map((_, i) => i + 1)]);
  });
}
