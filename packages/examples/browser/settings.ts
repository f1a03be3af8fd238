// Settings from the page's URL: ?images=2000&batch=50&backend=cpu&steps=500.
import type { BackendName } from "../src/backends.ts";

export interface Settings {
  /** Training pictures (10,000). */
  readonly images: number;
  /** Test pictures (500). */
  readonly test: number;
  /** Batch size (100). */
  readonly batch: number;
  /** After how many steps training stops (never). */
  readonly steps: number;
  /** Seed of the initial weights and of the order of the pictures (1). */
  readonly seed: number;
  /** Where it runs (WebGPU if there is a device for it, otherwise the CPU). */
  readonly backend: BackendName | undefined;
}

export function settingsFrom(query: string): Settings {
  const parameters = new URLSearchParams(query);
  const whole = (name: string, otherwise: number): number => {
    const n = Number(parameters.get(name) ?? otherwise);
    return n >= 1 ? Math.floor(n) : otherwise;
  };
  const backend = parameters.get("backend");
  const images = whole("images", 10_000);
  return {
    images,
    test: whole("test", 500),
    batch: Math.min(whole("batch", 100), images),
    steps: whole("steps", Infinity),
    seed: whole("seed", 1),
    backend: backend === "cpu" || backend === "webgpu" ? backend : undefined,
  };
}
