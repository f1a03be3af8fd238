// How long a run takes: blocks of runs that are long enough for the clock, and their median.
import type { Block } from "./tasks.ts";

/** How a block is timed. */
export interface Timing {
  /** How long a block of runs should take, in seconds. */
  readonly seconds: number;
  /** Blocks that are timed, of which the median counts. */
  readonly blocks: number;
  /** The most runs in a block. */
  readonly most: number;
}

const usual: Timing = { seconds: 0.25, blocks: 3, most: 1024 };

/**
 * Seconds that one run takes. The first runs, which compile and find their plans, do not count. Throws if a block
 * computes no number: arithmetic with infinities need not take as long.
 */
export async function secondsOfRun(block: Block, { seconds, blocks, most }: Timing = usual): Promise<number> {
  const time = async (times: number): Promise<number> => {
    const start = performance.now();
    const reached = await block(times);
    if (!Number.isFinite(reached))
      throw new Error(
        `speed test: ${times} runs gave ${reached} where a number was wanted, so their time says nothing`,
      );
    return (performance.now() - start) / 1000;
  };
  await time(1);
  let times = 1;
  let took = await time(times);
  if (took > 4 * seconds) return took; // a driver in software
  while (took < seconds / 2 && times < most) {
    times = Math.min(most, 4 * times);
    took = await time(times);
  }
  times = Math.min(most, Math.max(1, Math.round((times * seconds) / took)));
  const all: number[] = [];
  for (let i = 0; i < blocks; i++) all.push(await time(times));
  return all.toSorted((a, b) => a - b)[Math.floor(blocks / 2)]! / times;
}
