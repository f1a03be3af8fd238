// The WebGPU backend as users see it: finding a device, the creation functions, statistics.
import { context, creation, UnsupportedError, type Creation } from "@weft/tensor";
import { Deferred, type DeferredStats } from "@weft/kernel";
import { Executor, type Executable, type Profile } from "./executor.ts";
import { Faults } from "./faults.ts";
import { Profiler, type ProfileReport } from "./profiler.ts";
import { Slabs, type Block } from "./slabs.ts";

export interface OpenOptions {
  /** The adapter to ask for a device; found with `powerPreference` if left out. */
  readonly adapter?: GPUAdapter;
  readonly powerPreference?: GPUPowerPreference;
  /** A device of your own; it is not destroyed with the backend. */
  readonly device?: GPUDevice;
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

/**
 * Where WebGPU is found on this platform, set up for a software driver or not, and whether its checks are switched off. Throws an
 * UnsupportedError that says what is missing.
 */
export type Platform = (
  options: OpenOptions,
  software: boolean,
) => Promise<{ readonly gpu: GPU; readonly trusted: boolean }>;

/** What is asked of an adapter: as much as it has. */
const wanted = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxUniformBufferBindingSize",
] as const;

/** Workgroups that keep a large graphics processor busy: two for each of its multiprocessors. */
const CROWD = 264;

/** Limits of the device that Weft goes by. */
export type WebGpuLimits = { readonly [Name in (typeof wanted)[number]]: number };

/** Bytes of the first slab: a small one where memory is the host's. */
const firstSlab = { software: 1 << 22, hardware: 1 << 26 } as const;

class WebGpu extends Deferred<Block, Executable> {
  readonly #executor: Executor;
  readonly #slabs: Slabs;
  readonly #faults: Faults;
  readonly #device: GPUDevice;
  readonly #own: boolean;
  readonly #info: WebGpuInfo;
  readonly #profiler: Profiler | undefined;

  constructor(
    device: GPUDevice,
    info: GPUAdapterInfo,
    trusted: boolean,
    options: OpenOptions,
    onLoss: (() => void) | undefined,
  ) {
    const { limits } = device;
    const software = isSoftware(info);
    // A value is read through a buffer that is a little larger.
    const most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize - 256, 2 ** 32 - 256);
    const largest = Math.floor(most / 256) * 256;
    const threads = Math.min(
      software ? 64 : 256,
      limits.maxComputeInvocationsPerWorkgroup,
      limits.maxComputeWorkgroupSizeX,
    );
    const profile: Profile = {
      threads,
      slabs: limits.maxStorageBuffersPerShaderStage - 1,
      settled: 3,
      arguments: limits.maxUniformBufferBindingSize,
      groups: limits.maxComputeWorkgroupsPerDimension,
      crowd: software ? 1 : CROWD,
      shared: limits.maxComputeWorkgroupStorageSize,
      subgroups: device.features.has("subgroups") ? sizeOfSubgroups(info) : 0,
      // Metal may write all four components of a vector where a program writes one.
      vectors: info.vendor !== "apple",
    };
    const faults = new Faults(device, undefined, onLoss);
    const slabs = new Slabs(device, faults, {
      first: Math.min(firstSlab[software ? "software" : "hardware"], largest),
      most: largest,
      limit: options.memoryLimit ?? Infinity,
    });
    const profiler = options.profile === true ? new Profiler(device) : undefined;
    const executor = new Executor(device, profile, slabs, faults, profiler);
    super(executor, options);
    this.#executor = executor;
    this.#profiler = profiler;
    this.#slabs = slabs;
    this.#faults = faults;
    this.#device = device;
    this.#own = options.device === undefined;
    this.#info = {
      vendor: info.vendor,
      architecture: info.architecture,
      description: info.description,
      software,
      trusted,
      debug: faults.debug,
      features: [...device.features],
      limits: Object.fromEntries(wanted.map((name) => [name, limits[name]])) as WebGpuLimits,
      largest,
      threads,
    };
  }

  /** Settles when the device is lost: nothing can be asked of this backend any more. */
  get lost(): Promise<unknown> {
    return this.#device.lost;
  }

  /** What this runs on. */
  info(): WebGpuInfo {
    return this.#info;
  }

  override stats(): WebGpuStats {
    const { pipelines, commands } = this.#executor;
    return {
      ...super.stats(),
      ...commands.counts,
      pipelines: pipelines.compiled,
      compiling: pipelines.compiling,
      bindGroups: pipelines.groups,
      slabs: this.#slabs.count,
      reserved: this.#slabs.reserved,
      pooled: this.#slabs.reserved - this.#slabs.used,
      peak: this.#slabs.peak,
    };
  }

  /** What ran since this was last asked, and how long it took; only if opened with `profile`. */
  async profile(): Promise<ProfileReport> {
    if (this.#profiler === undefined)
      throw new UnsupportedError("profile: wanted a backend opened with { profile: true }");
    try {
      return await this.#profiler.report();
    } catch (cause) {
      return this.#faults.explain(cause as Error);
    }
  }

  /** Gives the device's memory back at once. Whatever is asked of the backend afterwards fails. */
  destroy(): void {
    // What waits here will never run: the end of somebody's scope must not try.
    context.pending.delete(this);
    this.#executor.destroy();
    if (this.#own) this.#device.destroy();
    this.#faults.lose("destroyed");
  }
}

const isSoftware = ({ architecture, description, isFallbackAdapter }: GPUAdapterInfo): boolean =>
  isFallbackAdapter === true ||
  /swiftshader|llvmpipe|lavapipe|softpipe|software/i.test(`${architecture} ${description}`);

/** 0 where subgroups may differ in size. */
const sizeOfSubgroups = (info: GPUAdapterInfo): number => {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info as { subgroupMinSize?: number; subgroupMaxSize?: number };
  return subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0;
};

export type WebGpuBackend = WebGpu & Creation;

async function make(platform: Platform, options: OpenOptions, onLoss?: () => void): Promise<WebGpuBackend> {
  let { device } = options;
  let info = device?.adapterInfo;
  let trusted = false;
  if (device === undefined) {
    let { adapter } = options;
    if (adapter === undefined) {
      const found = await platform(options, false);
      ({ trusted } = found);
      adapter = await adapterOf(found.gpu, options.powerPreference);
      if (isSoftware(adapter.info)) {
        const { gpu } = await platform(options, true);
        if (gpu !== found.gpu) adapter = await adapterOf(gpu, options.powerPreference);
      }
    }
    ({ info } = adapter);
    const { features, limits } = adapter;
    const requiredLimits = Object.fromEntries(wanted.map((name) => [name, limits[name]]));
    const optional: GPUFeatureName[] = ["subgroups", ...(options.profile === true ? ["timestamp-query" as const] : [])];
    const requiredFeatures = optional.filter((name) => features.has(name));
    try {
      device = await adapter.requestDevice({ label: "weft", requiredLimits, requiredFeatures });
    } catch (cause) {
      throw new UnsupportedError(`open: the adapter gives no device: ${(cause as Error).message}`, { cause });
    }
  }
  const backend = new WebGpu(device, info!, trusted, options, onLoss);
  return Object.assign(backend, creation(backend));
}

async function adapterOf(gpu: GPU, powerPreference: GPUPowerPreference | undefined): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter(powerPreference === undefined ? {} : { powerPreference });
  if (adapter === null)
    throw new UnsupportedError(
      "open: WebGPU is here, but it found no adapter. On Linux a Vulkan driver is needed: on Debian and Ubuntu the packages " +
        "libvulkan1 with mesa-vulkan-drivers or the driver of the card's maker; without a card, the software driver " +
        "SwiftShader of the package chromium works where VK_DRIVER_FILES names its vk_swiftshader_icd.json",
    );
  return adapter;
}

/** `open` on a platform. Without options it gives the same instance each time, until that is lost. */
export function opener(platform: Platform): (options?: OpenOptions) => Promise<WebGpuBackend> {
  let shared: Promise<WebGpuBackend> | undefined;
  return (options) => {
    if (options !== undefined) return make(platform, options);
    if (shared === undefined) {
      const forget = (): void => void (shared === opening && (shared = undefined));
      const opening = make(platform, {}, forget);
      shared = opening;
      opening.catch(forget);
    }
    return shared;
  };
}
