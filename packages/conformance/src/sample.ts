// A sample: one call of one function on inputs that are generated from the sample's name. The same samples run on every
// backend, with views in place of the inputs, and in the check of derivatives.
import { apply, type Backend, type DType, type Shape, type Tensor, type TypedArray } from "@weft/tensor";
import { isFloat, isStorage } from "@weft/tensor/internals";
import { offsets, pick, sizeOf, stridesOf } from "./reference/kernels.ts";
import { threefry } from "./reference/random.ts";
import { elementsOf } from "./reference/storage.ts";

/** The families of operations; each has its own tolerance. */
export type Family = "elementwise" | "reduce" | "movement" | "indexing" | "linalg" | "conv" | "random" | "fused";

/** Uniform numbers in [0, 1), always the same for one input of one sample. */
export type Random = () => number;

export interface Input {
  readonly shape: Shape;
  readonly dtype: DType;
  /** The elements in row-major order. */
  readonly fill: (random: Random) => readonly number[];
  /** Applied to the tensor before the call, so that it works on a view. */
  readonly view?: (x: Tensor) => Tensor;
}

export interface Sample {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly call: (...xs: Tensor[]) => Tensor | readonly Tensor[];
  /** The inputs to differentiate by; all inputs of floating dtype if left out. */
  readonly differentiable?: readonly number[];
  /** The highest order of derivatives compared with finite differences; default 2; 0 where the function has a kink. */
  readonly order?: 0 | 1 | 2;
  /** False if the numbers of a view would make the function ill-conditioned. */
  readonly views?: false;
  /** Whether one of its calls has a single operand: then a box without a value has no backend there. */
  readonly separate?: true;
  /** Replaces the family's tolerance; a comment beside it gives the reason. */
  readonly tolerance?: Tolerance;
}

/** |got − wanted| may be relative · |wanted| + absolute; with `sums`, absolute is times max(1, largest |wanted|). */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
  readonly sums: boolean;
}

/** The samples of a family, by name. */
export type Samples<K extends string = string> = { readonly [N in K]: readonly Sample[] };

/** A table of samples, with what applies to all of them. */
export interface Collection<K extends string = string> {
  readonly family: Family;
  readonly samples: Samples<K>;
}

export const sample = (
  name: string,
  inputs: readonly Input[],
  call: Sample["call"],
  more: Omit<Sample, "name" | "inputs" | "call"> = {},
): Sample => ({ name, inputs, call, ...more });

/** A sample of several calls that do not share their operands. */
export const separately = (of: Sample): Sample => ({ ...of, separate: true });

const input = (shape: Shape, dtype: DType, element: (random: Random, i: number) => number): Input => ({
  shape,
  dtype,
  fill: (random) => Array.from({ length: sizeOf(shape) }, (_, i) => element(random, i)),
});

/** Numbers between two bounds. */
export const between = (low: number, high: number, ...shape: number[]): Input =>
  input(shape, "f32", (random) => low + (high - low) * random());
/** Numbers between −2 and 2, none closer to 0 than 0.05, where many functions have a kink. */
export const floats = (...shape: number[]): Input =>
  input(shape, "f32", (random) => {
    const x = random() * 2 - 1;
    return Math.sign(x) * (0.05 + 1.95 * Math.abs(x));
  });
/** Numbers between 0.2 and 3. */
export const positive = (...shape: number[]): Input => between(0.2, 3, ...shape);
/** Integers from `low` up to but not including `high`. */
export const integers = (low: number, high: number, ...shape: number[]): Input =>
  input(shape, "i32", (random) => low + Math.floor((high - low) * random()));
export const booleans = (...shape: number[]): Input => input(shape, "bool", (random) => Math.round(random()));
/** Multiples of 0.125 in random order, all distinct, at one distance from integers: for maxima, orders and steps. */
export const distinct = (...shape: number[]): Input => ({
  shape,
  dtype: "f32",
  fill: (random) => {
    const size = sizeOf(shape);
    const keys = Array.from({ length: size }, () => random());
    const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
    return order.map((place) => (place - Math.floor(size / 2)) * 0.125 + 0.0625);
  },
});
/** Multiples of 0.125 between −2 and 2, never equal to a number of `distinct`. */
export const grid = (...shape: number[]): Input =>
  input(shape, "f32", (random) => Math.floor(32 * random() - 16) * 0.125);
/** Exactly these numbers, along one axis or in `shape`. */
export const values = (data: readonly number[], dtype: DType = "f32", shape: Shape = [data.length]): Input => ({
  shape,
  dtype,
  fill: () => data,
});

/** Special values for every elementwise function. */
export const extremes = values([NaN, Infinity, -Infinity, 0, -0, 1, -1, 1e-30, -1e-30, 3e38, -3e38]);

/** Separates a sample's name from the kind of its views. */
const VIEW = " on views: ";

/** A small hash of a name (FNV-1a), to seed a stream or to draw by. */
export function hash(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** A stream of uniform numbers that depends on a name and a number alone. */
export function stream(name: string, index: number): Random {
  const key = [hash(name), index] as const;
  let counter = 0;
  return () => (threefry(key, [counter++, 0])[0] >>> 8) * 2 ** -24;
}

/**
 * The host data of each input: f32 elements are rounded to f32, narrower floats are their bits. Views have the same
 * data as the sample, so their name does not count.
 */
export function dataOf({ name, inputs }: Sample): TypedArray[] {
  const [stem] = name.split(VIEW) as [string];
  return inputs.map(({ dtype, fill }, i) => elementsOf(dtype, fill(stream(stem, i))));
}

/** Uploads the inputs to a backend, with `double` in f64 instead of f32. */
export function upload(backend: Backend, sample: Sample, double = false): Tensor[] {
  return dataOf(sample).map((data, i) => {
    const { shape, dtype } = sample.inputs[i]!;
    if (double && dtype === "f32") return backend.upload(Float64Array.from(data), shape, "f64");
    return backend.upload(data, shape, dtype);
  });
}

/** Calls the sample and returns its results as a list. */
export function results(sample: Sample, xs: readonly Tensor[]): readonly Tensor[] {
  const viewed = xs.map((x, i) => sample.inputs[i]!.view?.(x) ?? x);
  const ys = sample.call(...viewed);
  return Array.isArray(ys) ? (ys as Tensor[]) : [ys as Tensor];
}

/** The inputs to differentiate by. */
export const differentiable = (sample: Sample): readonly number[] =>
  sample.differentiable ??
  sample.inputs.map((_, i) => i).filter((i) => isFloat(sample.inputs[i]!.dtype) && !isStorage(sample.inputs[i]!.dtype));

/** How the elements of an input are rearranged, and the movement that restores their order. */
const viewKinds: Record<string, (input: Input) => Input> = {
  permuted: ({ shape, dtype, fill }) => {
    const axes = shape.map((_, i) => shape.length - 1 - i);
    const stored = shape.toReversed();
    const order = offsets(stored, stridesOf(shape).toReversed());
    return {
      shape: stored,
      dtype,
      fill: (random) => [...pick(Float64Array.from(fill(random)), order)],
      view: (x) => apply("permute", [x], { axes }),
    };
  },
  sliced: ({ shape, dtype, fill }) => {
    const stored = shape.map((d) => 2 * d + 1);
    const strides = stridesOf(stored);
    const places = offsets(
      shape,
      strides.map((stride) => 2 * stride),
      strides.reduce((sum, stride) => sum + stride, 0),
    );
    return {
      shape: stored,
      dtype,
      // Elements outside the view are NaN, so that reading one shows.
      fill: (random) => {
        const data = Array.from<number>({ length: sizeOf(stored) }).fill(dtype === "f32" ? NaN : 1);
        fill(random).forEach((value, i) => (data[places[i]!] = value));
        return data;
      },
      view: (x) => apply("slice", [x], { starts: shape.map(() => 1), sizes: shape, steps: shape.map(() => 2) }),
    };
  },
  flipped: ({ shape, dtype, fill }) => ({
    shape,
    dtype,
    fill: (random) => [...fill(random)].toReversed(),
    view: (x) => apply("flip", [x], { axes: shape.map((_, i) => i) }),
  }),
  broadcast: ({ shape, dtype, fill }) => {
    const stored = shape.map((d, i) => (i === 0 ? Math.min(d, 1) : d));
    return {
      shape: stored,
      dtype,
      fill: (random) => fill(random).slice(0, sizeOf(stored)),
      view: (x) => apply("broadcastTo", [x], { shape }),
    };
  },
};

/** The sample with views in place of its tensors: permuted, sliced with steps, flipped, repeated. */
export const viewsOf = (sample: Sample): readonly Sample[] =>
  sample.views !== false && sample.inputs.some(({ shape }) => shape.length > 0 && !shape.includes(0))
    ? Object.entries(viewKinds).map(([kind, make]) => ({
        ...sample,
        name: `${sample.name}${VIEW}${kind}`,
        inputs: sample.inputs.map((x) => (x.shape.length === 0 ? x : make(x))),
      }))
    : [];

/** Floats of any magnitude: random bits, the same every time (a generator by G. Marsaglia). */
export function anyFloats(n: number, seed: number): Float32Array {
  let x = seed;
  return new Float32Array(
    Uint32Array.from({ length: n }, () => {
      x ^= x << 13;
      x ^= x >>> 17;
      return (x ^= x << 5);
    }).buffer,
  );
}
