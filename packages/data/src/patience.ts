// How long a download may keep us waiting: a mirror that is silent, or that sends drop by drop, is left for the next one.
import { DataError } from "./data-error.ts";

/** Seconds without a byte. */
const silence = 30;
/** Bytes a second, on the average of a minute. */
const slowest = 1000;

export interface Patience {
  /** Is aborted when the patience is at its end, or by the signal of the caller. */
  readonly signal: AbortSignal;
  /** So many bytes have come. */
  came(bytes: number): void;
  end(): void;
}

/** Watches a download. Seconds are those in which this program listens: while it computes, nothing can arrive. */
export function patience(given: AbortSignal | undefined): Patience {
  const controller = new AbortController();
  const giveUp = (why: string): void => controller.abort(new DataError(why));
  let quiet = 0;
  let seconds = 0;
  let bytes = 0;
  const timer = setInterval(() => {
    if (++quiet > silence) giveUp(`the server sent nothing for ${silence} seconds`);
    if (++seconds < 60) return;
    if (bytes < slowest * seconds) giveUp(`the server sends less than ${slowest} bytes a second`);
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
