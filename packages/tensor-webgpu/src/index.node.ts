// The WebGPU backend in Node: the same, on the npm package `webgpu`, which is loaded when a device is first asked for.
import { UnsupportedError } from "@weft/tensor";
import { opener } from "./open.ts";

export type { OpenOptions, WebGpuBackend, WebGpuInfo, WebGpuStats } from "./open.ts";
export type { ProfiledDispatch, ProfileReport } from "./profiler.ts";

/** What `create` of `webgpu` gave. The process crashes when it is collected while something made from it lives. */
let gpu: GPU | undefined;

/**
 * Opens the WebGPU backend. Without options it is the same instance each time.
 *
 * @example
 * const { tensor, randn } = await open();
 */
export const open = /* @__PURE__ */ opener(async () => {
  if (gpu !== undefined) return gpu;
  // Some runtimes that take this entry have WebGPU of their own.
  const built = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (built !== undefined) return built;
  let create: (options: string[]) => GPU;
  try {
    ({ create } = (await import("webgpu")) as unknown as { create: typeof create });
  } catch (cause) {
    throw new UnsupportedError(
      `open: WebGPU in Node needs the package webgpu: install it with "npm install webgpu" (${(cause as Error).message})`,
      { cause },
    );
  }
  return (gpu = create([]));
});
