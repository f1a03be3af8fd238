// The pace of a loop over steps on a device: no more are queued than it needs, and timers, input and drawing run.
import type { Tensor } from "@weft/tensor";

/** Every so many steps the loop waits for the result of as many steps before, so that twice as many may be queued. */
const queue = 8;
/** After so many milliseconds the loop yields to the event loop. */
const yieldEvery = 20;

export class Pace {
  #waiting: Promise<unknown> | undefined;
  #count = 0;
  #since = performance.now();

  /** Notes a step and its result; resolves when the loop may go on. */
  async after(result: Tensor): Promise<void> {
    if (++this.#count % queue === 0) {
      await this.#waiting;
      this.#waiting = result.data();
      // It may be rejected before it is awaited; the later await still throws.
      this.#waiting.catch(() => undefined);
    }
    if (performance.now() - this.#since <= yieldEvery) return;
    await yieldToEventLoop();
    this.#since = performance.now();
  }

  /** Resolves when the last result that was waited for is there. */
  async settled(): Promise<void> {
    await this.#waiting;
  }
}

const immediate = (globalThis as { setImmediate?: (f: () => void) => unknown }).setImmediate;

const yieldToEventLoop = (): Promise<void> =>
  new Promise((resolve) => {
    if (immediate === undefined) setTimeout(resolve, 0);
    else immediate(resolve);
  });
