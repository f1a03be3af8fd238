// The worker in which the speed test runs, so that the page stays responsive.
import type { BackendName } from "../cells/backends.ts";
import { measure } from "./run.ts";

addEventListener("message", ({ data }: MessageEvent<BackendName>) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
  void measure(data, (report) => postMessage(report));
});
