// Random numbers from counters: Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2,
// 3", 2011). Element i of a draw depends on the key, the draw's counter and i alone, so every backend gives the same bits.
import { source } from "./apply.ts";
import { add, cos, log, mul, mod, neg, sqrt } from "./elementwise.ts";
import { ArgumentError } from "./errors.ts";
import type { Backend, RandomStream } from "./interpreter.ts";
import type { RandomAttrs, Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** The two random words (unsigned) of a counter block: the definition that every backend's kernel follows. */
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

/** Any integer as a key: its low and its high 32 bits. */
function keyOf(seed: number): readonly [number, number] {
  if (!Number.isSafeInteger(seed)) throw new ArgumentError(`seed: wanted an integer below 2^53, got ${seed}`);
  return [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
}

/** A stream at its beginning. */
export const randomStream = (seed: number): RandomStream => ({ key: keyOf(seed), counter: 0 });

/** Starts a stream again. */
export function reseed(stream: RandomStream, seed: number): void {
  Object.assign(stream, randomStream(seed));
}

/**
 * The key and counter of the next draw. Without a seed the backend's stream gives them and goes on; with one they are the
 * seed's own, the `nth` of them where an operation draws several times.
 */
export function draw(backend: Backend, shape: Shape, seed: number | undefined, nth = 0): RandomAttrs {
  const { stream } = backend;
  if (seed === undefined) return { shape, key: stream.key, counter: stream.counter++ };
  const [low, high] = keyOf(seed);
  // Another key than a stream of this seed has, so that `rand(s, { seed: 1 })` does not repeat the draws after `seed(1)`.
  return { shape, key: [low, (high ^ 0x77656674) >>> 0], counter: nth };
}

/** Multiples of 2⁻²⁴ in [0, 1), `f32`. */
export const uniform = (backend: Backend, shape: Shape, seed?: number, nth = 0): Tensor =>
  source(backend, "randomUniform", [], draw(backend, shape, seed, nth));

/** Standard normal numbers, `f32`, by Box and Muller's formula √(−2 ln(1 − u))·cos 2πv. */
export function normal(backend: Backend, shape: Shape, seed?: number): Tensor {
  const u = uniform(backend, shape, seed, 0);
  const v = uniform(backend, shape, seed, 1);
  return mul(sqrt(mul(log(add(neg(u), 1)), -2)), cos(mul(v, 2 * Math.PI)));
}

/** Integers from `low` up to but not including `high`, `i32`. */
export function integers(backend: Backend, shape: Shape, low: number, high: number, seed?: number): Tensor {
  if (!(Number.isInteger(low) && Number.isInteger(high) && low < high && high - low <= 0x7fffffff))
    throw new ArgumentError(`randint: wanted integers low < high that an i32 holds, got low ${low} and high ${high}`);
  return add(mod(source(backend, "randomBits", [], draw(backend, shape, seed)), high - low), low);
}
