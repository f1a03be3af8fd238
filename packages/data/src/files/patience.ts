// How long a download may stall: a mirror that sends nothing, or very little, is abandoned for the next one.
import { DataError } from "../data-error.ts";
import type { Signal } from "./files.ts";

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

/** Throws the reason of a signal that has been aborted. */
export function throwIfAborted(signal: Signal | undefined): void {
  const { aborted, reason }: { aborted: boolean; reason?: unknown } = signal ?? { aborted: false };
  if (aborted) throw reason ?? new DOMException("This operation was aborted", "AbortError");
}

/**
 * Watches a download. Only seconds in which the event loop runs count: while the program computes, nothing can arrive.
 */
export function patience(given: Signal | undefined): Patience {
  const controller = new AbortController();
  const giveUp = (why: string): void => controller.abort(new DataError(why));
  /** Only signals of this realm are followed at once. */
  const own = given instanceof AbortSignal;
  const look = (): void => {
    try {
      throwIfAborted(own ? undefined : given);
    } catch (error) {
      controller.abort(error);
    }
  };
  look();
  let quiet = 0;
  let seconds = 0;
  let bytes = 0;
  const timer = setInterval(() => {
    look();
    if (++quiet > silence) giveUp(`the server sent nothing for ${silence} seconds`);
    if (++seconds < 60) return;
    if (bytes < slowest * seconds) giveUp(`the server sends less than ${slowest} bytes per second`);
    seconds = bytes = 0;
  }, 1000);
  return {
    signal: own ? AbortSignal.any([given, controller.signal]) : controller.signal,
    came(count) {
      if (count > 0) quiet = 0;
      bytes += count;
      look();
    },
    end: () => clearInterval(timer),
  };
}
