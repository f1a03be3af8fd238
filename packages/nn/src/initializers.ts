// Initial values of parameters. An initializer is a function of a shape and of random draws.
import { ArgumentError, type Shape } from "@weft/tensor";
import {
  describe,
  finiteNumber,
  nonNegative,
  readOptions,
  readValue,
  sizeOf,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import type { Draws } from "./host-random.ts";

/** Makes the first values of a parameter, row-major. */
export type Initializer = (shape: Shape, draws: Draws) => ArrayLike<number>;

/**
 * Fan-in and fan-out of a weight, as Knet and PyTorch count them: `[out, in, …kernel]` has fanIn = in · kernel and
 * fanOut = out · kernel; a vector has fanIn = its length and fanOut = 1.
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: sizeOf(shape), fanOut: 1 };
  return { fanIn: sizeOf(shape) / shape[0]!, fanOut: sizeOf(shape) / shape[1]! };
}

/** Every value is `value`. @example Linear(784, 10, { biasInit: constant(0.1) }); */
export function constant(value: number): Initializer {
  readValue("constant", "value", value, finiteNumber);
  return (shape) => new Float64Array(sizeOf(shape)).fill(value);
}

/** Every value is 0. @example Linear(784, 10, { biasInit: zeros() }); */
export const zeros = (): Initializer => constant(0);

/** Every value is 1. @example const scale = parameter([10], ones()); */
export const ones = (): Initializer => constant(1);

/**
 * U(low, high); one number is U(-low, low).
 *
 * @example
 * Linear(784, 10, { init: uniform(0.05) });
 */
export function uniform(low = -1, high?: number): Initializer {
  readValue("uniform", "low", low, finiteNumber);
  if (high !== undefined) readValue("uniform", "high", high, finiteNumber);
  const [from, to] = high === undefined ? [-Math.abs(low), Math.abs(low)] : [low, high];
  return (shape, draws) => draws.uniform(sizeOf(shape)).map((u) => from + u * (to - from));
}

/** The mean and the standard deviation of a normal distribution. */
export interface NormalOptions {
  readonly mean?: number;
  readonly std?: number;
}
export interface GainOptions {
  readonly gain?: number;
}
export interface SlopeOptions {
  readonly negativeSlope?: number;
}
const normalKinds: OptionKinds<NormalOptions> = { mean: finiteNumber, std: nonNegative };
const gainKinds: OptionKinds<GainOptions> = { gain: nonNegative };

const gaussianOf =
  ({ mean, std }: { readonly mean: number; readonly std: number }): Initializer =>
  (shape, draws) =>
    draws.normal(sizeOf(shape)).map((z) => mean + z * std);

/** N(mean, std²). @example Embedding(10_000, 128, { init: normal({ std: 0.02 }) }); */
export const normal = (options?: NormalOptions): Initializer =>
  gaussianOf(readOptions("normal", options, normalKinds, { mean: 0, std: 1 }));

/** N(mean, std²) with Knet's default, std = 0.01. @example Linear(784, 10, { init: gaussian() }); */
export const gaussian = (options?: NormalOptions): Initializer =>
  gaussianOf(readOptions("gaussian", options, normalKinds, { mean: 0, std: 0.01 }));

/**
 * U(-s, s) with s = gain · √(6 / (fanIn + fanOut)) (Glorot and Bengio 2010).
 *
 * @example
 * Linear(784, 10, { init: xavierUniform() });
 */
export function xavierUniform(options?: GainOptions): Initializer {
  const { gain } = readOptions("xavierUniform", options, gainKinds, { gain: 1 });
  return (shape, draws) => {
    const { fanIn, fanOut } = fans(shape);
    return uniform(gain * Math.sqrt(6 / (fanIn + fanOut)))(shape, draws);
  };
}

/** Knet's short name for `xavierUniform`. @example Linear(784, 10, { init: xavier() }); */
export const xavier = xavierUniform;

/**
 * N(0, s²) with s = gain · √(2 / (fanIn + fanOut)) (Glorot and Bengio 2010).
 *
 * @example
 * Linear(784, 10, { init: xavierNormal({ gain: 5 / 3 }) });
 */
export function xavierNormal(options?: GainOptions): Initializer {
  const { gain } = readOptions("xavierNormal", options, gainKinds, { gain: 1 });
  return (shape, draws) => {
    const { fanIn, fanOut } = fans(shape);
    return normal({ std: gain * Math.sqrt(2 / (fanIn + fanOut)) })(shape, draws);
  };
}

/** √2 for relu, and √(2 / (1 + slope²)) for a leaky relu with that slope. */
function heGain(op: string, options: SlopeOptions | undefined): number {
  const { negativeSlope } = readOptions(op, options, { negativeSlope: finiteNumber }, { negativeSlope: 0 });
  return Math.sqrt(2 / (1 + negativeSlope * negativeSlope));
}

/**
 * U(-s, s) with s = √(2 / (1 + negativeSlope²)) · √(3 / fanIn) (He et al. 2015; PyTorch's `kaiming_uniform_`).
 *
 * @example
 * Conv({ in: 1, out: 20, kernel: 5, init: heUniform() });
 */
export function heUniform(options?: SlopeOptions): Initializer {
  const gain = heGain("heUniform", options);
  return (shape, draws) => uniform(gain * Math.sqrt(3 / fans(shape).fanIn))(shape, draws);
}

/**
 * N(0, s²) with s = √(2 / (1 + negativeSlope²)) / √fanIn (He et al. 2015; PyTorch's `kaiming_normal_`).
 *
 * @example
 * Linear(784, 10, { init: heNormal({ negativeSlope: 0.01 }) });
 */
export function heNormal(options?: SlopeOptions): Initializer {
  const gain = heGain("heNormal", options);
  return (shape, draws) => normal({ std: gain / Math.sqrt(fans(shape).fanIn) })(shape, draws);
}

/**
 * U(-s, s) with s = √(3 / fanIn) (LeCun et al. 1998), as Flax has it.
 *
 * @example
 * Linear(784, 10, { init: lecunUniform() });
 */
export function lecunUniform(): Initializer {
  return (shape, draws) => uniform(Math.sqrt(3 / fans(shape).fanIn))(shape, draws);
}

/**
 * U(-s, s) with s = 1 / √fanIn: what PyTorch gives the weights and biases of linear and convolution layers.
 *
 * @example
 * const bias = parameter([10], fanInUniform(784));
 */
export function fanInUniform(fanIn: number): Initializer {
  readValue("fanInUniform", "fanIn", fanIn, nonNegative);
  return uniform(fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0);
}

/** The same initializer, but with `value` in the places from `begin` to `end`. */
export function partFilled(init: Initializer, value: number, begin: number, end: number): Initializer {
  const filled: Initializer = (shape, draws) => {
    const values: unknown = init(shape, draws);
    if (typeof values !== "object" || values === null) return values as never; // `run` says what is wrong, by the name
    return Float64Array.from(values as ArrayLike<number>).fill(value, begin, end);
  };
  return Object.defineProperty(filled, "name", { value: init.name });
}

/** Runs an initializer and checks its result. */
export function run(init: Initializer, shape: Shape, draws: Draws): ArrayLike<number> {
  let values: unknown;
  try {
    values = init(shape, draws);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(
      `init: the initializer threw for shape ${text(shape)}: ${error.message}. ` +
        "Call functions that make initializers: init: normal()",
      { cause: error },
    );
  }
  const wanted = sizeOf(shape);
  const length = (values as ArrayLike<number> | undefined)?.length;
  if (typeof values === "function")
    throw new ArgumentError(`init: wanted an initializer, got a function that makes one. Call it: ${init.name}()`);
  if (length !== wanted)
    throw new ArgumentError(
      `init: wanted ${wanted} values for ${text(shape)}, the initializer made ${length ?? describe(values)}`,
    );
  return values as ArrayLike<number>;
}
