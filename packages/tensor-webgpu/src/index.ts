// The WebGPU backend in pages: kernels translated to WGSL, on `navigator.gpu`.
import { UnsupportedError } from "@weft/tensor";
import { opener } from "./open.ts";

export type { OpenOptions, WebGpuBackend, WebGpuInfo, WebGpuLimits, WebGpuStats } from "./backend.ts";
export type { ProfiledDispatch, ProfileReport } from "./report.ts";

/**
 * Opens the WebGPU backend. Without options it is the same instance each time.
 *
 * @example
 * const { tensor, randn } = await open();
 */
export const open = /* @__PURE__ */ opener(async () => {
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (gpu === undefined)
    throw new UnsupportedError(
      "open: this browser has no WebGPU (navigator.gpu), or the page is not served over https",
    );
  return { gpu, trusted: false };
});
