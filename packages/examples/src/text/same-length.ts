// Batches of sequences of one length, in a random order: nothing has to be padded.
import { ArgumentError } from "@weft/tensor";
import { randomSampler, type Sampler } from "@weft/data";

export interface SameLengthOptions {
  /** How many sequences are in a batch. */
  readonly batchSize: number;
  /** How many batches are in a pass. */
  readonly batches: number;
  readonly seed: number;
}

/**
 * The sequences are shuffled again and again, and those of one length wait until there are enough for a batch. A pass is
 * over after so many batches, whatever the number of sequences.
 */
export function sameLength(lengths: readonly number[], { batchSize, batches, seed }: SameLengthOptions): Sampler {
  const counts = new Map<number, number>();
  for (const length of lengths) counts.set(length, (counts.get(length) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  if (most < batchSize)
    throw new ArgumentError(`a batch needs ${batchSize} of one length, and there are at most ${most}.`);
  const shuffled = randomSampler(lengths.length, { seed });
  return {
    length: batches * batchSize,
    pass(n) {
      const order: number[] = [];
      const waiting = new Map<number, number[]>();
      for (let round = 0; order.length < batches * batchSize; round++)
        for (const item of shuffled.pass(n * batches + round, batchSize) as Int32Array) {
          const group = waiting.get(lengths[item]!) ?? [];
          waiting.set(lengths[item]!, group);
          if (group.push(item) === batchSize) order.push(...group.splice(0));
        }
      return order.slice(0, batches * batchSize);
    },
  };
}
