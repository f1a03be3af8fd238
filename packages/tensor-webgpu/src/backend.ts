// The WebGPU backend as users see it: options, what `open` returns, statistics. Nothing here needs the types of WebGPU,
// which a program's `lib` may lack.
import type { Backend, Creation } from "@weft/tensor";
import type { DeferredStats, FusedKernel } from "@weft/kernel";
import type { ProfileReport } from "./report.ts";

/**
 * `GPUAdapter` and `GPUDevice` where the program has these types: in `lib.dom` from TypeScript 6, or from
 * @webgpu/types.
 */
type Adapter = typeof globalThis extends { GPUAdapter: { prototype: infer T } } ? T : object;
type Device = typeof globalThis extends { GPUDevice: { prototype: infer T } } ? T : object;

export interface OpenOptions {
  /** The adapter to request a device from; left out, `powerPreference` finds one. */
  readonly adapter?: Adapter;
  readonly powerPreference?: "low-power" | "high-performance";
  /** A device of your own; it is not destroyed with the backend. */
  readonly device?: Device;
  /**
   * Trusts the kernels: WebGPU neither validates calls nor keeps indices within bounds (default: false). Faster. It
   * applies in Node, where Weft makes the adapter; elsewhere it changes nothing, and `info().trusted` says so. Numbers
   * do not change; what would otherwise be an error of the device may then crash the process.
   */
  readonly trusted?: boolean;
  /** Where the stream of random numbers starts (0). */
  readonly seed?: number;
  /** False runs every operation by itself: slower, for tests. Results do not change. */
  readonly fuse?: boolean;
  /** Bytes of device memory that values may take (default: all there is); beyond it, a MemoryError at once. */
  readonly memoryLimit?: number;
  /**
   * Times every dispatch by itself, for `profile()`; slower. In Node the clock is then exact, not in steps of 65 µs.
   */
  readonly profile?: boolean;
  /** Kernels of fused operations of other packages, each made by `kernel` of `@weft/tensor-webgpu/kernels`. */
  readonly kernels?: readonly FusedKernel<"@weft/tensor-webgpu">[];
}

/** Counts since the backend was opened, and bytes of device memory now. */
export interface WebGpuStats extends DeferredStats {
  /** Kernels started, passes that they were in, and submits to the queue; several flushes may share a pass. */
  readonly dispatches: number;
  readonly passes: number;
  readonly submits: number;
  /** Pipelines compiled, pipelines being compiled in the background now, and bind groups made. */
  readonly pipelines: number;
  readonly compiling: number;
  readonly bindGroups: number;
  /** Buffers that values lie in (slabs), and their bytes. */
  readonly slabs: number;
  readonly reserved: number;
  /** Bytes of slabs that no value and no running plan uses: they are reused. */
  readonly pooled: number;
  /** The most bytes that values and plans have taken at one time. */
  readonly peak: number;
}

/** The adapter, and what Weft makes of it. */
export interface WebGpuInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Whether the adapter is a software driver. */
  readonly software: boolean;
  /** Whether WebGPU's validation is switched off. */
  readonly trusted: boolean;
  /** Whether every dispatch is sent by itself, so that errors name it (`WEFT_DEBUG=1`). */
  readonly debug: boolean;
  /** Optional features of WebGPU that the device has. */
  readonly features: readonly string[];
  /** Sizes in bytes; counts for one compute stage, workgroup or dispatch. */
  readonly limits: WebGpuLimits;
  /** Bytes that one value may take. */
  readonly largest: number;
  /** Invocations in a workgroup. */
  readonly threads: number;
}

/** The limits to request from an adapter: each as high as it offers. */
export const wanted = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxUniformBufferBindingSize",
] as const;

/** Limits of the device that Weft depends on. */
export type WebGpuLimits = { readonly [Name in (typeof wanted)[number]]: number };

/** What `open` returns. */
export interface WebGpuBackend extends Backend, Creation {
  /** Settles when the device is lost: from then on this backend fails every call. */
  readonly lost: Promise<unknown>;
  /** What this runs on. */
  info(): WebGpuInfo;
  stats(): WebGpuStats;
  /** What ran since the last call of this, and how long it took; only if opened with `profile`. */
  profile(): Promise<ProfileReport>;
  /** Frees the device's memory at once. Every later use of the backend fails. */
  destroy(): void;
}
