// Batches of sequences of one length, in a random order: nothing has to be padded.
import { ArgumentError } from "@weft/tensor";
import { randomSampler, type Sampler } from "@weft/data";

export interface SameLengthOptions {
  /** How many sequences are in a batch. */
  readonly size: number;
  /** How many batches are in a pass. */
  readonly batches: number;
  readonly seed: number;
}

/**
 * The sequences are shuffled again and again, and those of one length wait until there are enough for a batch. A pass is
 * over after so many batches, whatever the number of sequences.
 */
export function sameLength(lengths: readonly number[], { size, batches, seed }: SameLengthOptions): Sampler {
  const counts = new Map<number, number>();
  for (const length of lengths) counts.set(length, (counts.get(length) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  if (most < size) throw new ArgumentError(`a batch needs ${size} of one length, and there are at most ${most}.`);
  const shuffled = randomSampler(lengths.length, { seed });
  return {
    length: batches * size,
    pass(n) {
      const order: number[] = [];
      const waiting = new Map<number, number[]>();
      for (let round = 0; order.length < batches * size; round++)
        for (const item of shuffled.pass(n * batches + round, size) as Int32Array) {
          const group = waiting.get(lengths[item]!) ?? [];
          waiting.set(lengths[item]!, group);
          if (group.push(item) === size) order.push(...group.splice(0));
        }
      return order.slice(0, batches * size);
    },
  };
}
