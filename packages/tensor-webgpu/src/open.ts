// The WebGPU backend as users see it: finding a device, the creation functions, statistics.
import { creation, UnsupportedError, type Creation } from "@weft/tensor";
import { Deferred, type DeferredStats } from "@weft/kernel";
import { Executor, type Executable, type Profile } from "./executor.ts";
import { Profiler, type ProfileReport } from "./profiler.ts";
import { Slabs, type Block } from "./slabs.ts";

export interface OpenOptions {
  /** The adapter to ask for a device; found with `powerPreference` if left out. */
  readonly adapter?: GPUAdapter;
  readonly powerPreference?: GPUPowerPreference;
  /** A device of your own; it is not destroyed with the backend. */
  readonly device?: GPUDevice;
  /** Where the stream of random numbers starts (0). */
  readonly seed?: number;
  /** False runs every operation by itself: slower, for tests; results do not change. */
  readonly fuse?: boolean;
  /** Bytes of device memory that may be taken (all there is). */
  readonly memoryLimit?: number;
  /** Measures every dispatch by itself, for `profile()`; slower. */
  readonly profile?: boolean;
}

export interface WebGpuStats extends DeferredStats {
  /** Kernels started, passes that they were in, and submits to the queue; several flushes may share a pass. */
  readonly dispatches: number;
  readonly passes: number;
  readonly submits: number;
  /** Pipelines compiled and groups of bindings made. */
  readonly pipelines: number;
  readonly bindGroups: number;
  /** Slabs of device memory, and their bytes. */
  readonly slabs: number;
  readonly reserved: number;
}

export interface WebGpuInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Whether a program stands in for a graphics processor. */
  readonly software: boolean;
  readonly features: readonly string[];
  /** Bytes that one value may have. */
  readonly largest: number;
  /** Invocations in a workgroup. */
  readonly threads: number;
}

/** Where WebGPU is found on this platform. Throws an UnsupportedError that says what is missing. */
export type Platform = () => Promise<GPU>;

/** What is asked of an adapter: as much as it has. */
const wanted = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
] as const;

/** Workgroups that keep a large graphics processor busy: two for each of its multiprocessors. */
const CROWD = 264;

/** Bytes of the first slab: a small one where memory is the host's. */
const firstSlab = { software: 1 << 22, hardware: 1 << 26 } as const;

class WebGpu extends Deferred<Block, Executable> {
  readonly #executor: Executor;
  readonly #slabs: Slabs;
  readonly #device: GPUDevice;
  readonly #own: boolean;
  readonly #info: WebGpuInfo;
  readonly #profiler: Profiler | undefined;

  constructor(device: GPUDevice, info: GPUAdapterInfo, options: OpenOptions) {
    const { limits } = device;
    const software = isSoftware(info);
    const largest =
      Math.floor(Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize, 2 ** 32 - 256) / 256) * 256;
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
    const slabs = new Slabs(device, {
      first: Math.min(firstSlab[software ? "software" : "hardware"], largest),
      most: largest,
      limit: options.memoryLimit ?? Infinity,
    });
    const profiler = options.profile === true ? new Profiler(device) : undefined;
    const executor = new Executor(device, profile, slabs, profiler);
    super(executor, options);
    this.#executor = executor;
    this.#profiler = profiler;
    this.#slabs = slabs;
    this.#device = device;
    this.#own = options.device === undefined;
    this.#info = {
      vendor: info.vendor,
      architecture: info.architecture,
      description: info.description,
      software,
      features: [...device.features],
      largest,
      threads,
    };
    void device.lost.then(({ reason, message }) => executor.lose(message || reason));
    device.addEventListener("uncapturederror", ({ error }) => executor.fail(error.message));
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
      bindGroups: pipelines.groups,
      slabs: this.#slabs.count,
      reserved: this.#slabs.reserved,
    };
  }

  /** What ran since this was last asked, and how long it took; only if opened with `profile`. */
  async profile(): Promise<ProfileReport> {
    if (this.#profiler === undefined)
      throw new UnsupportedError("profile: wanted a backend opened with { profile: true }");
    return this.#profiler.report();
  }

  /** Gives the device's memory back at once. Whatever is asked of the backend afterwards fails. */
  destroy(): void {
    this.#executor.destroy();
    if (this.#own) this.#device.destroy();
    this.#executor.lose("destroyed");
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

async function make(platform: Platform, options: OpenOptions): Promise<WebGpuBackend> {
  let { device } = options;
  let info = device?.adapterInfo;
  if (device === undefined) {
    const adapter = options.adapter ?? (await adapterOf(await platform(), options.powerPreference));
    ({ info } = adapter);
    const { features, limits } = adapter;
    const requiredLimits = Object.fromEntries(wanted.map((name) => [name, limits[name]]));
    const optional: GPUFeatureName[] = ["subgroups", ...(options.profile === true ? ["timestamp-query" as const] : [])];
    const requiredFeatures = optional.filter((name) => features.has(name));
    device = await adapter.requestDevice({ label: "weft", requiredLimits, requiredFeatures });
  }
  const backend = new WebGpu(device, info!, options);
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
      const opening = make(platform, {});
      const forget = (): void => void (shared === opening && (shared = undefined));
      shared = opening;
      opening.then((backend) => backend.lost.then(forget), forget);
    }
    return shared;
  };
}
