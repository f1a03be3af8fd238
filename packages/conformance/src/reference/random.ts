// The meaning of the sources: constants, counting, and Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011).
import type { Shape } from "@weft/tensor";
import type { RandomAttrs, SourceOps } from "@weft/tensor/internals";
import { linesAlong, sizeOf, type Kernels } from "./kernels.ts";

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const PARITY = 0x1bd11bda;

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** Both words of the block with this key and counter, as unsigned integers. */
export function threefry(key: readonly [number, number], counter: readonly [number, number]): [number, number] {
  const keys = [key[0] | 0, key[1] | 0, PARITY ^ key[0] ^ key[1]] as const;
  let a = (counter[0] + keys[0]) | 0;
  let b = (counter[1] + keys[1]) | 0;
  for (let round = 0; round < 20; round++) {
    a = (a + b) | 0;
    b = rotate(b, ROTATIONS[round % 8]!) ^ a;
    if (round % 4 === 3) {
      const turn = (round + 1) / 4;
      a = (a + keys[turn % 3]!) | 0;
      b = (b + keys[(turn + 1) % 3]! + turn) | 0;
    }
  }
  return [a >>> 0, b >>> 0];
}

const words = ({ key, counter }: RandomAttrs, shape: Shape, f: (word: number) => number): Float64Array =>
  new Float64Array(sizeOf(shape)).map((_, i) => f(threefry(key, [i, counter])[0]));

export const random: Kernels<keyof SourceOps> = {
  full: ([value], _, shape) => new Float64Array(sizeOf(shape)).fill(value!.data[0]!),
  iota: (_, { axis }, shape) => {
    const result = new Float64Array(sizeOf(shape));
    const { starts, stride, length } = linesAlong(shape, axis);
    for (const start of starts) for (let k = 0; k < length; k++) result[start + k * stride] = k;
    return result;
  },
  randomBits: (_, attrs, shape) => words(attrs, shape, (word) => word | 0),
  randomUniform: (_, attrs, shape) => words(attrs, shape, (word) => (word >>> 8) * 2 ** -24),
};
