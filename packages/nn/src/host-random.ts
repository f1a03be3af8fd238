// Random numbers for initial values, made on the host from counters, so that a parameter has the same bits on every
// backend.
import { checkSeed, threefry } from "@weft/tensor/internals";
import { normalPair } from "./normal-pair.ts";

/** The random numbers of an initializer; each call draws new ones. */
export interface Draws {
  /** `count` numbers in [0, 1), multiples of 2^-24. */
  uniform(count: number): Float64Array;
  /** `count` numbers of the standard normal distribution (Box-Muller). */
  normal(count: number): Float64Array;
}

/** The draws of one parameter: a key of its own, and a counter that each call advances. */
export function draws(key: readonly [number, number], counter = 0): Draws {
  return {
    uniform(count) {
      const nth = counter++;
      return new Float64Array(count).map((_, i) => (threefry(key, i, nth)[0] >>> 8) * 2 ** -24);
    },
    normal(count) {
      const nth = counter++;
      const out = new Float64Array(count);
      for (let i = 0; i < count; i += 2) {
        const [x, y] = normalPair(threefry(key, i >> 1, nth));
        out[i] = x;
        if (i + 1 < count) out[i + 1] = y;
      }
      return out;
    },
  };
}

/** See the function `randomState`. */
export interface RandomState {
  seed: number;
  /** The number of the next parameter. */
  next: number;
}

const numbering: RandomState = { seed: 0, next: 0 };

/**
 * Restarts the numbering of parameters: models built after `seed(n)` in the same order have the same initial values,
 * on every backend and whenever they are initialized.
 *
 * @example
 * seed(1);
 * const model = Linear(784, 10);
 */
export function seed(n: number): void {
  numbering.seed = checkSeed("seed", n);
  numbering.next = 0;
}

/**
 * The numbering of parameters as it stands: saved in a tree and loaded, parameters that are made afterwards begin as they
 * would have. What dropout draws is numbered by its backend: `backend.stream`, saved in the same way.
 *
 * @example
 * const run = { model, random: [randomState(), backend.stream] };
 * await save("run.safetensors", run);
 */
export const randomState = (): RandomState => numbering;

/** The key and the first counter of the next parameter's draws. */
export function nextStart(): readonly [key: readonly [number, number], counter: number] {
  const { seed } = numbering;
  // The top bit keeps these keys apart from those of the backends' streams, which count from the same small seeds. The
  // seed's upper bits do not fit into the key: they set where the counter starts. An initializer draws only a few
  // times.
  return [[seed | 0, numbering.next++ | 0x80000000], Math.floor(seed / 2 ** 32) * 2 ** 11];
}
