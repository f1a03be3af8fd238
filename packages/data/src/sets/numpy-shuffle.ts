// The order in which NumPy's older generator shuffles, so that data sets come in the order that Keras gives them.
import { permutation } from "../stream.ts";

const length = 624;
const offset = 397;

/** The 32-bit words of the Mersenne Twister, as `numpy.random.RandomState(seed)` draws them. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(length);
  state[0] = seed;
  for (let i = 1; i < length; i++) {
    const last = state[i - 1]!;
    state[i] = Math.imul(1_812_433_253, last ^ (last >>> 30)) + i;
  }
  let at = length;
  const renew = (): void => {
    for (let i = 0; i < length; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % length]! & 0x7fffffff);
      state[i] = state[(i + offset) % length]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === length) renew();
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/**
 * Shuffles the numbers 0 to n - 1 again and again, as the `shuffle` of one `RandomState(seed)` does.
 *
 * Source: M. Matsumoto, T. Nishimura, "Mersenne Twister", 1998; NumPy, `numpy.random.RandomState`.
 */
export function numpyShuffles(seed: number): (n: number) => Int32Array {
  const draw = mersenneTwister(seed);
  const below = (n: number): number => {
    const most = n - 1;
    const mask = 2 ** (32 - Math.clz32(most)) - 1;
    for (;;) {
      const value = (draw() & mask) >>> 0;
      if (value <= most) return value;
    }
  };
  return (n) => permutation(n, { below });
}
