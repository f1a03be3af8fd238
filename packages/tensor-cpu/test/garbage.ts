// The garbage collector at once, and how much is left after it: for tests of what must not grow.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, vi } from "vitest";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** Collects garbage, and lets what the collector found be finalized. */
export async function collect(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Waits until few values live, or none: what was collected is finalized in a task of its own, which a busy machine may run late. */
export const untilFewLive = (backend: { flush(): void; stats(): { live: number } }, most = 9): Promise<void> =>
  vi.waitFor(
    async () => {
      await collect();
      backend.flush();
      expect(backend.stats().live).toBeLessThanOrEqual(most);
    },
    { timeout: 60_000 },
  );

/** Bytes of JavaScript values that are in use. */
export async function heapUsed(): Promise<number> {
  await collect();
  return process.memoryUsage().heapUsed;
}
