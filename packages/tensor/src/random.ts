// Random numbers from counters: Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2,
// 3", 2011). Element i of a draw depends on the key, the draw's counter and i alone, so every backend gives the same
// bits.
import { source } from "./apply.ts";
import { nextDraw } from "./context.ts";
import { add, and, cos, less, lessEqual, log, maximum, minimum, mul, mod, neg, sqrt, where } from "./elementwise.ts";
import { ArgumentError, shown } from "./errors.ts";
import type { Backend, RandomStream } from "./interpreter.ts";
import { seedNumber } from "./options.ts";
import type { RandomAttrs, Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** The two random words (unsigned) of a counter block: the definition that the kernels of all backends follow. */
export function threefry(key: readonly [number, number], c0: number, c1: number): [number, number] {
  const keys = [key[0], key[1], 0x1bd11bda ^ key[0] ^ key[1]] as const;
  let x = (c0 + keys[0]) | 0;
  let y = (c1 + keys[1]) | 0;
  for (let round = 0; round < 20; round++) {
    x = (x + y) | 0;
    const r = ROTATIONS[round & 7]!;
    y = ((y << r) | (y >>> (32 - r))) ^ x;
    if ((round & 3) === 3) {
      const k = (round >> 2) + 1;
      x = (x + keys[(k % 3) as 0]) | 0;
      y = (y + keys[((k + 1) % 3) as 0] + k) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

/** What is drawn: with one seed, different purposes never share numbers. A seed takes the lower 53 bits of a key. */
const purposes = {
  stream: 0,
  rand: 1,
  randn: 2,
  randint: 3,
  dropout: 4,
  bernoulli: 5,
  exponential: 6,
  truncatedNormal: 7,
  permutation: 8,
  multinomial: 9,
  categorical: 10,
} as const;
export type Purpose = keyof typeof purposes;

/** The seed itself. Throws an ArgumentError if it is not an integer from 0 to 2^53 - 1. */
export function checkSeed(op: string, seed: number): number {
  if (seedNumber.is(seed)) return seed;
  throw new ArgumentError(`${op}: wanted ${seedNumber.wanted}${op === "seed" ? "" : " as seed"}, got ${shown(seed)}`);
}

/** The key of a seed: its low and high 32 bits, and the purpose. */
const keyOf = (seed: number, purpose: Purpose): readonly [number, number] => [
  seed >>> 0,
  Math.floor(seed / 2 ** 32) | (purposes[purpose] << 21),
];

/** A stream at its beginning. */
export const randomStream = (seed: number): RandomStream => ({
  key: keyOf(checkSeed("seed", seed), "stream"),
  counter: 0,
});

/** Restarts a stream. */
export function reseed(stream: RandomStream, seed: number): void {
  Object.assign(stream, randomStream(seed));
}

/**
 * The key and counter of the next draw. Without a seed the backend's stream gives them and advances. With a seed they
 * depend on the seed and the purpose; `nth` counts the draws of an operation that draws several times.
 */
export function draw(backend: Backend, shape: Shape, seed: number | undefined, purpose: Purpose, nth = 0): RandomAttrs {
  const { stream } = backend;
  if (seed === undefined) return { shape, key: stream.key, counter: nextDraw(stream) };
  return { shape, key: keyOf(checkSeed(purpose, seed), purpose), counter: nth };
}

/** Multiples of 2⁻²⁴ in [0, 1), `f32`. */
export const uniform = (backend: Backend, shape: Shape, seed?: number, purpose: Purpose = "rand", nth = 0): Tensor =>
  source(backend, "randomUniform", [], draw(backend, shape, seed, purpose, nth));

/** Standard normal numbers, `f32`, by Box and Muller's formula √(−2 ln(1 − u))·cos 2πv. */
export function normal(backend: Backend, shape: Shape, seed?: number): Tensor {
  const u = uniform(backend, shape, seed, "randn", 0);
  const v = uniform(backend, shape, seed, "randn", 1);
  return mul(sqrt(mul(log(add(neg(u), 1)), -2)), cos(mul(v, 2 * Math.PI)));
}

/** The bit of a key from which on it counts the tries of one draw. */
const TRY = 1 << 25;

/**
 * `i32` integers from `low` up to but not including `high`, each equally likely. A word is accepted if it is below the
 * largest multiple of the range (or in the range, if that has at least 2³¹ integers); otherwise the next word is tried.
 * After the last try the bias is below 2⁻³².
 */
export function integers(backend: Backend, shape: Shape, low: number, high: number, seed?: number): Tensor {
  const i32 = (x: number): boolean => Number.isInteger(x) && x >= -(2 ** 31) && x <= 2 ** 31;
  if (!(i32(low) && i32(high) && low < high))
    throw new ArgumentError(
      `randint: wanted integers low < high that fit i32, got low ${shown(low)} and high ${shown(high)}`,
    );
  const range = high - low;
  const isWide = range >= 2 ** 31;
  const refused = 1 - (isWide ? range : Math.floor(2 ** 32 / range) * range) / 2 ** 32;
  const tries = refused === 0 ? 1 : Math.ceil(-32 / Math.log2(refused));
  const { key, ...how } = draw(backend, shape, seed, "randint");
  const word = (k: number): Tensor =>
    source(backend, "randomBits", [], { ...how, key: [key[0], (key[1] ^ (k * TRY)) >>> 0] });
  // Words are signed here: the least is -2^31.
  const fits = (x: Tensor): Tensor =>
    isWide ? and(lessEqual(low, x), lessEqual(x, high - 1)) : less(x, 2 ** 31 - refused * 2 ** 32);
  let y = word(tries - 1);
  for (let k = tries - 2; k >= 0; k--) {
    const x = word(k);
    y = where(fits(x), x, y);
  }
  // If no try was accepted, the last word is mapped into the range.
  return isWide ? minimum(maximum(y, low), high - 1) : add(mod(y, range), low);
}
