// How long a download may stall: a mirror that sends nothing, or very little, is abandoned for the next one.
import { DataError } from "../data-error.ts";

/** Seconds without a byte. */
const silence = 30;
/** Bytes per second, averaged over a minute. */
const slowest = 1000;

export interface Patience {
  /** Aborted when the download has stalled too long, or by the caller's signal. */
  readonly signal: AbortSignal;
  /** Notes that `bytes` bytes have arrived. */
  came(bytes: number): void;
  end(): void;
}

/**
 * Watches a download. Only seconds in which the event loop runs count: while the program computes, nothing can arrive.
 */
export function patience(given: AbortSignal | undefined): Patience {
  const controller = new AbortController();
  const giveUp = (why: string): void => controller.abort(new DataError(why));
  let quiet = 0;
  let seconds = 0;
  let bytes = 0;
  const timer = setInterval(() => {
    if (++quiet > silence) giveUp(`the server sent nothing for ${silence} seconds`);
    if (++seconds < 60) return;
    if (bytes < slowest * seconds) giveUp(`the server sends less than ${slowest} bytes per second`);
    seconds = bytes = 0;
  }, 1000);
  return {
    signal: given === undefined ? controller.signal : AbortSignal.any([given, controller.signal]),
    came(count) {
      if (count > 0) quiet = 0;
      bytes += count;
    },
    end: () => clearInterval(timer),
  };
}
