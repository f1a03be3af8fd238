// The page's side of the speed test: a worker runs it on one backend.
import type { BackendName } from "../cells/backends.ts";
import type { SpeedReport } from "./run.ts";

/** Runs the test on a backend; reports go to `tell`. Resolves when it has ended, by itself or by `signal`. */
export function speedOn(name: BackendName, tell: (report: SpeedReport) => void, signal: AbortSignal): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "speed" });
  return new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    worker.addEventListener("error", ({ message }) => {
      tell({ failed: message || "the worker ended" });
      resolve();
    });
    worker.addEventListener("message", ({ data }: MessageEvent<SpeedReport>) => {
      if ("ended" in data) resolve();
      else tell(data);
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
    worker.postMessage(name);
  }).finally(() => worker.terminate());
}
