// Random tensors of further distributions. They are functions and not on what `open()` returns, so that a bundle has
// only those that the program names.
import { clamp } from "../activations.ts";
import { readTensor, source } from "../apply.ts";
import { text } from "../axes.ts";
import { checkFloat, shapeFor } from "../creation.ts";
import type { DType } from "../dtype.ts";
import { add, div, erf, less, mul, sub } from "../elementwise.ts";
import { ArgumentError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { Backend, Operand } from "../interpreter.ts";
import { inDType, inFloats } from "../operands.ts";
import type { Shape } from "../ops.ts";
import {
  anyNumber,
  backendKind,
  count,
  dtypeName,
  finite,
  positive,
  positiveFinite,
  readOptions,
  readValue,
} from "../options.ts";
import { seedNumber, type OptionKinds } from "../options.ts";
import { draw, uniform } from "../random.ts";
import { argsort } from "../reduce.ts";
import { erfinv } from "../special.ts";
import type { Tensor } from "../tensor.ts";
import { standardExponential } from "./exponential.ts";
import { tail } from "./tail.ts";

export interface SeedOption {
  /** Makes the result depend on this non-negative integer alone, and leaves the backend's stream where it is. */
  readonly seed?: number;
}

export interface DrawOptions extends SeedOption {
  /** Where the tensor is made: the result of `await open()`. */
  readonly backend: Backend;
  readonly dtype?: DType;
}
const drawOptions: OptionKinds<DrawOptions> = { backend: backendKind, dtype: dtypeName, seed: seedNumber };
const f32: { readonly dtype: DType } = { dtype: "f32" };

/** Numbers drawn on the backend of the options, in their dtype; `size` is what the call begins with. */
function drawn(
  op: string,
  size: Shape | number,
  { backend, dtype }: DrawOptions & typeof f32,
  make: () => Tensor,
): Tensor {
  if ((backend as unknown) === undefined) {
    const first = Array.isArray(size) ? text(size) : String(size);
    throw new ArgumentError(`${op}: wanted a backend, as in ${op}(${first}, { backend: await open() })`);
  }
  readValue(op, "backend", backend, backendKind);
  return composed(op, () => inDType(make(), dtype));
}

/**
 * 1 with probability p, else 0, for each element of p, in the dtype of p. p is a tensor of numbers from 0 to 1, as in
 * PyTorch; `bernoulli(full([3], 0.5))` throws three coins. They are not checked, since that would read them: below 0 and
 * NaN give 0, above 1 gives 1.
 *
 * @example bernoulli(tensor([0, 1, 1]), { seed: 1 }) // [0, 1, 1]
 */
export function bernoulli(p: Operand, options?: SeedOption): Tensor {
  const { seed } = readOptions("bernoulli", options, { seed: seedNumber }, {});
  const t = inFloats(readTensor(p, "bernoulli"));
  const { backend } = t.interpreter;
  return composed("bernoulli", () => inDType(less(uniform(backend, t.shape, seed, "bernoulli"), t), t.dtype));
}

export interface ExponentialOptions extends DrawOptions {
  /** λ, by default 1. */
  readonly rate?: number;
}

/**
 * Random numbers x ≥ 0 of the density λ e^(−λx), whose mean is 1/λ.
 *
 * @example exponential([2, 3], { backend, rate: 0.5 }).shape // [2, 3]
 */
export function exponential(shape: Shape | number, options: ExponentialOptions): Tensor {
  const how = readOptions<ExponentialOptions, { rate: number; dtype: DType }>(
    "exponential",
    options,
    { ...drawOptions, rate: positive },
    { rate: 1, ...f32 },
  );
  checkFloat("exponential", how.dtype);
  return drawn("exponential", shape, how, () =>
    div(standardExponential(how.backend, shapeFor("exponential", shape), how.seed, "exponential"), how.rate),
  );
}

/** So many standard deviations from the mean, the tail is drawn by its own formula. */
const FAR = 2;

export interface TruncatedNormalOptions extends DrawOptions {
  readonly mean?: number;
  readonly std?: number;
  /** The smallest and the largest number, by default -2 and 2. */
  readonly low?: number;
  readonly high?: number;
}

/**
 * Normally distributed random numbers from `low` to `high`: √2 σ erfinv(v) + μ for an even v between the values of erf
 * at the bounds. Far from the mean, where erf is ±1, the logarithm of erfc takes its place. As PyTorch's
 * `trunc_normal_`.
 *
 * @example truncatedNormal([2, 3], { backend, std: 0.02 }).shape // [2, 3]
 */
export function truncatedNormal(shape: Shape | number, options: TruncatedNormalOptions): Tensor {
  const how = readOptions<TruncatedNormalOptions, Required<Omit<TruncatedNormalOptions, "backend" | "seed">>>(
    "truncatedNormal",
    options,
    { ...drawOptions, mean: finite, std: positiveFinite, low: anyNumber, high: anyNumber },
    { mean: 0, std: 1, low: -2, high: 2, ...f32 },
  );
  const { backend, mean, std, low, high, seed } = how;
  checkFloat("truncatedNormal", how.dtype);
  if (!(low < high)) throw new ArgumentError(`truncatedNormal: wanted low < high, got low ${low} and high ${high}`);
  return drawn("truncatedNormal", shape, how, () => {
    const u = uniform(backend, shapeFor("truncatedNormal", shape), seed, "truncatedNormal");
    const width = (high - low) / std;
    const inside = (x: Tensor): Tensor => clamp(x, { min: low, max: high });
    if (low - mean > FAR * std) return inside(add(mul(tail(u, (low - mean) / std, width), std), low));
    if (mean - high > FAR * std) return inside(sub(high, mul(tail(u, (mean - high) / std, width), std)));
    const bound = (x: number): Tensor =>
      erf(source(backend, "full", [(x - mean) / (std * Math.SQRT2)], { shape: [], dtype: "f32" }));
    const [from, to] = [bound(low), bound(high)];
    // Where erf is rounded to ±1, erfinv is infinite.
    const v = clamp(add(mul(u, sub(to, from)), from), { min: 2 ** -24 - 1, max: 1 - 2 ** -24 });
    return inside(add(mul(erfinv(v), std * Math.SQRT2), mean));
  });
}

/**
 * The integers from 0 to n − 1 in random order, `i32`. PyTorch calls it `randperm`.
 *
 * @example sort(permutation(4, { backend })).values // [0, 1, 2, 3]
 */
export function permutation(n: number, options: DrawOptions): Tensor {
  const how = readOptions<DrawOptions, { dtype: DType }>("permutation", options, drawOptions, { dtype: "i32" });
  readValue("permutation", "n", n, count);
  return drawn("permutation", n, how, () =>
    argsort(source(how.backend, "randomBits", [], draw(how.backend, [n], how.seed, "permutation"))),
  );
}
