// The CPU backend: kernels translated to WebAssembly SIMD on one heap.
import { openSync, type CpuBackend } from "./open.ts";

export { open, openSync, type CpuBackend, type CpuInfo, type CpuStats, type OpenOptions } from "./open.ts";

/** The CPU backend that `open()` returns, opened synchronously. */
export const cpu: CpuBackend = /* @__PURE__ */ openSync();
