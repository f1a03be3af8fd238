// The WebGPU backend as users see it: what is asked for, what `open` gives, statistics. Nothing here needs the types of WebGPU,
// which a program's `lib` may lack.
import type { Backend, Creation } from "@weft/tensor";
import type { DeferredStats, FusedKernel } from "@weft/kernel";
import type { ProfileReport } from "./report.ts";

/** `GPUAdapter` and `GPUDevice` where the program has these types: from TypeScript 6 in `lib.dom`, or by @webgpu/types. */
type Adapter = typeof globalThis extends { GPUAdapter: { prototype: infer T } } ? T : object;
type Device = typeof globalThis extends { GPUDevice: { prototype: infer T } } ? T : object;

export interface OpenOptions {
  /** The adapter to ask for a device; found with `powerPreference` if left out. */
  readonly adapter?: Adapter;
  readonly powerPreference?: "low-power" | "high-performance";
  /** A device of your own; it is not destroyed with the backend. */
  readonly device?: Device;
  /**
   * Says that the kernels are to be trusted: WebGPU neither checks calls nor keeps indices within bounds (false). Faster. In Node,
   * where Weft makes the adapter; elsewhere it changes nothing, and `info().trusted` says so. Numbers do not change; what would be
   * an error of the device otherwise may then end the process.
   */
  readonly trusted?: boolean;
  /** Where the stream of random numbers starts (0). */
  readonly seed?: number;
  /** False runs every operation by itself: slower, for tests; results do not change. */
  readonly fuse?: boolean;
  /** Bytes of device memory that values may take (all there is); beyond, a MemoryError at once. */
  readonly memoryLimit?: number;
  /** Measures every dispatch by itself, for `profile()`; slower. In Node the clock is then exact, not in steps of 65 µs. */
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
  /** Pipelines compiled, those being compiled in the background now, and groups of bindings made. */
  readonly pipelines: number;
  readonly compiling: number;
  readonly bindGroups: number;
  /** Buffers that values lie in (slabs), and their bytes. */
  readonly slabs: number;
  readonly reserved: number;
  /** Bytes of slabs that no value and no running plan has: they wait for the next. */
  readonly pooled: number;
  /** The most bytes that values and plans have had at one time. */
  readonly peak: number;
}

/** The adapter, and what Weft makes of it. */
export interface WebGpuInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Whether a program stands in for a graphics processor. */
  readonly software: boolean;
  /** Whether WebGPU's checks are switched off. */
  readonly trusted: boolean;
  /** Whether every dispatch is sent by itself, so that errors name it (`WEFT_DEBUG=1`). */
  readonly debug: boolean;
  /** Optional features of WebGPU that the device has. */
  readonly features: readonly string[];
  /** Sizes in bytes; counts for one compute stage, workgroup or dispatch. */
  readonly limits: WebGpuLimits;
  /** Bytes that one value may have. */
  readonly largest: number;
  /** Invocations in a workgroup. */
  readonly threads: number;
}

/** What is asked of an adapter: as much as it has. */
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

/** Limits of the device that Weft goes by. */
export type WebGpuLimits = { readonly [Name in (typeof wanted)[number]]: number };

/** What `open` gives. */
export interface WebGpuBackend extends Backend, Creation {
  /** Settles when the device is lost: nothing can be asked of this backend any more. */
  readonly lost: Promise<unknown>;
  /** What this runs on. */
  info(): WebGpuInfo;
  stats(): WebGpuStats;
  /** What ran since this was last asked, and how long it took; only if opened with `profile`. */
  profile(): Promise<ProfileReport>;
  /** Gives the device's memory back at once. Whatever is asked of the backend afterwards fails. */
  destroy(): void;
}
