// Images of other sizes. Each method is a product of one rule per axis: which elements a result is mixed of.
import { alias, readTensor } from "../apply.ts";
import { text } from "../axes.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, reshape } from "../movement.ts";
import { inFloats } from "../operands.ts";
import {
  boolean,
  numbers,
  positiveCount,
  positive,
  readOptions,
  type OptionKind,
  type OptionKinds,
} from "../options.ts";
import { adaptiveAvgPool } from "../pooling/adaptive.ts";
import { resample, type Mixture } from "../pooling/resample.ts";
import { checkResize, eachOf, interpolateMode, spatial, type InterpolateMode, type PerAxis } from "../spatial.ts";
import type { Tensor } from "../tensor.ts";
import { cubicTaps } from "./cubic.ts";

export interface InterpolateOptions {
  /** The size of the result, for all spatial axes or for each. Either this or `scaleFactor` is given. */
  readonly size?: PerAxis;
  /** Sizes are multiplied by it and rounded down. */
  readonly scaleFactor?: PerAxis;
  /** `"nearest"` by default. */
  readonly mode?: InterpolateMode;
  /** Whether the first and the last element keep their places, in the modes that mix neighbors; false by default. */
  readonly alignCorners?: boolean;
}

const kinds: OptionKinds<InterpolateOptions> = {
  size: numbers,
  scaleFactor: numbers,
  mode: interpolateMode,
  alignCorners: boolean,
};

/** How an axis of `input` elements becomes one of `output`. `scale` is the distance of results, in elements of x. */
interface Stretch {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  readonly alignCorners: boolean;
  /** Rounds to the dtype, so that `nearest` takes the same elements as PyTorch. */
  readonly round: (x: number) => number;
}

const all = ({ output }: Stretch, mixture: (i: number) => Mixture): Mixture[] =>
  Array.from({ length: output }, (_, i) => mixture(i));

const nearest = (stretch: Stretch, offset: number): Mixture[] => {
  const { input, round } = stretch;
  const step = round(stretch.scale);
  return all(stretch, (i) => ({
    places: [Math.min(Math.floor(Math.fround(round((i + offset) * step))), input - 1)],
    weights: [1],
  }));
};

/** Where result i lies among the elements of x. */
const placeOf = ({ scale, alignCorners }: Stretch, i: number): number =>
  alignCorners ? i * scale : (i + 0.5) * scale - 0.5;

const linear = (stretch: Stretch): Mixture[] =>
  all(stretch, (i) => {
    // As in PyTorch, an axis that keeps its size stays as it is, whatever its factor.
    const place = stretch.input === stretch.output ? i : Math.max(placeOf(stretch, i), 0);
    const last = stretch.input - 1;
    const low = Math.min(Math.floor(place), last);
    const share = low < last ? place - low : 0;
    return { places: [low, Math.min(low + 1, last)], weights: [1 - share, share] };
  });

const valueOf = (polynomial: readonly number[], x: number): number => polynomial.reduce((y, c) => y * x + c, 0);

const cubic = (stretch: Stretch): Mixture[] =>
  all(stretch, (i) => {
    const place = placeOf(stretch, i);
    const low = Math.floor(place);
    const t = place - low;
    return {
      places: cubicTaps.map(({ offset }) => Math.min(Math.max(low + offset, 0), stretch.input - 1)),
      weights: cubicTaps.map(({ offset, polynomial }) => valueOf(polynomial, Math.abs(t - offset))),
    };
  });

interface Method {
  /** How many spatial axes it is for, if not any. */
  readonly axes?: number;
  /** Whether it mixes neighbors, so that `alignCorners` has a meaning. */
  readonly mixes?: true;
  readonly mixtures: (stretch: Stretch) => Mixture[];
}
const methods: { readonly [M in Exclude<InterpolateMode, "area">]: Method } = {
  nearest: { mixtures: (stretch) => nearest(stretch, 0) },
  "nearest-exact": { mixtures: (stretch) => nearest(stretch, 0.5) },
  linear: { mixes: true, mixtures: linear },
  bilinear: { axes: 2, mixes: true, mixtures: linear },
  trilinear: { axes: 3, mixes: true, mixtures: linear },
  bicubic: { axes: 2, mixes: true, mixtures: cubic },
};

/** The elements of an axis, each `times` times: a view. */
function repeated(x: Tensor, axis: number, times: number): Tensor {
  const [before, after] = [x.shape.slice(0, axis + 1), x.shape.slice(axis + 1)];
  const wide = broadcastTo(reshape(x, [...before, 1, ...after]), [...before, times, ...after]);
  return reshape(wide, x.shape.with(axis, x.shape[axis]! * times));
}

function stretched(x: Tensor, axis: number, mixtures: readonly Mixture[]): Tensor {
  const times = mixtures.length / x.shape[axis]!;
  const repeats =
    times > 1 &&
    Number.isInteger(times) &&
    mixtures.every(({ places: [p, ...more] }, i) => more.length === 0 && p === Math.floor(i / times));
  return repeats ? repeated(x, axis, times) : resample(x, axis, mixtures);
}

/** An option with a positive number of a kind for each spatial axis. */
function read(name: "size" | "scaleFactor", given: PerAxis, kind: OptionKind<number>, x: Tensor): readonly number[] {
  const list = eachOf("interpolate", name, given, x.shape);
  if (!list.every(kind.is)) throw new ArgumentError(`interpolate: wanted ${kind.wanted} as ${name}, got ${text(list)}`);
  return list;
}

/** The sizes of the result, and the factors if they were given. */
function target(x: Tensor, { size, scaleFactor }: InterpolateOptions) {
  if ((size === undefined) === (scaleFactor === undefined))
    throw new ArgumentError("interpolate: wanted either size or scaleFactor");
  const input = x.shape.slice(2);
  const factors = scaleFactor === undefined ? undefined : read("scaleFactor", scaleFactor, positive, x);
  const sizes =
    size === undefined
      ? input.map((d, i) => Math.floor(d * (factors?.[i] ?? 1)))
      : read("size", size, positiveCount, x);
  checkResize("interpolate", x.shape, sizes);
  return { sizes, factors };
}

/**
 * x `[N, C, …]` with other spatial sizes. Element i of a result lies at (i + ½) · scale − ½ in x, where scale is S / size
 * or 1 / scaleFactor; with `alignCorners` at i (S − 1) / (size − 1). `"linear"` (also named `"bilinear"` and
 * `"trilinear"`) mixes the two elements around it on each axis, `"bicubic"` four. `"nearest"` takes element ⌊i · scale⌋,
 * `"nearest-exact"` ⌊(i + ½) · scale⌋. `"area"` is `adaptiveAvgPool`. Like PyTorch's `interpolate` and `Upsample`,
 * without antialiasing.
 *
 * @example interpolate(tensor([[[1, 3]]]), { scaleFactor: 2 }) // [[[1, 1, 3, 3]]]
 * @example interpolate(tensor([[[1, 3]]]), { size: 3, mode: "linear", alignCorners: true }) // [[[1, 2, 3]]]
 */
export function interpolate(x: Operand, options: InterpolateOptions): Tensor {
  const given = readOptions("interpolate", options, kinds, { mode: "nearest" as InterpolateMode, alignCorners: false });
  const { mode, alignCorners } = given;
  const t = inFloats(readTensor(x, "interpolate"));
  const n = spatial("interpolate", t);
  const { sizes, factors } = target(t, given);
  const { axes, mixes, mixtures }: Partial<Method> = mode === "area" ? {} : methods[mode];
  if (axes !== undefined && axes !== n)
    throw new ShapeError(`interpolate: mode "${mode}" is for ${axes} spatial axes, shape ${text(t.shape)} has ${n}`);
  if (alignCorners && mixes === undefined)
    throw new ArgumentError(`interpolate: mode "${mode}" does not mix neighbors and takes no alignCorners`);
  return composed("interpolate", () => {
    if (mixtures === undefined) return adaptiveAvgPool(t, sizes);
    const round = t.dtype === "f32" ? Math.fround : (value: number) => value;
    const y = sizes.reduceRight((y, output, i) => {
      const input = t.shape[i + 2]!;
      const factor = factors?.[i];
      const apart = factor === undefined ? input / output : 1 / factor;
      const scale = alignCorners ? (output > 1 ? (input - 1) / (output - 1) : 0) : apart;
      return stretched(y, i + 2, mixtures({ input, output, scale, alignCorners, round }));
    }, t);
    return y === t ? alias(t) : y;
  });
}
