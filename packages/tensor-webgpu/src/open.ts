// Requesting a device, and the backend on it: creation functions and statistics.
import { UnsupportedError, type DType, type Shape, type Tensor, type TypedArray } from "@weft/tensor";
import { anything, boolean, context, creation, oneOf, positive, readOptions, seedNumber } from "@weft/tensor/internals";
import { Deferred, kernelsFor } from "@weft/kernel";
import {
  wanted,
  type OpenOptions,
  type WebGpuBackend,
  type WebGpuInfo,
  type WebGpuLimits,
  type WebGpuStats,
} from "./backend.ts";
import { isSoftware, profileOf } from "./device-profile.ts";
import type { Executable } from "./executable.ts";
import { Executor } from "./executor.ts";
import { DeviceErrors } from "./device-errors.ts";
import type { Pipelines } from "./pipelines.ts";
import { Profiler } from "./profiler.ts";
import type { ProfileReport } from "./report.ts";
import { Slabs, type Block } from "./slabs.ts";

/**
 * How a platform finds WebGPU, set up for a software driver or not, and whether validation is switched off. Throws an
 * UnsupportedError that says what is missing.
 */
export type Platform = (
  options: OpenOptions,
  software: boolean,
) => Promise<{ readonly gpu: GPU; readonly trusted: boolean }>;

/** What else depends on the platform: how programs are compiled, and what must end with the process. */
export interface ProcessHooks {
  /** Whether programs may be compiled while others run (true). */
  readonly background?: boolean;
  /** Told of what must end before the process does; returns a function that unregisters it. */
  readonly opened?: (pipelines: Pipelines) => () => void;
}

/** Values of at most this many elements can be printed whole. */
const FEW = 1000;
/** Of uploads, at most this many elements are kept for printing: what a step uploads is hardly ever printed. */
const FEWER = 16;

/** Bytes of the first slab: small where device memory is the host's. */
const firstSlab = { software: 1 << 22, hardware: 1 << 26 } as const;

class WebGpu extends Deferred<Block, Executable> {
  readonly #executor: Executor;
  readonly #slabs: Slabs;
  readonly #errors: DeviceErrors;
  readonly #device: GPUDevice;
  readonly #own: boolean;
  readonly #info: WebGpuInfo;
  readonly #profiler: Profiler | undefined;
  /** Elements of small values that were read, and of very small ones that were uploaded: they can be printed. */
  readonly #seen = new WeakMap<object, TypedArray>();
  readonly #ended: (() => void) | undefined;

  constructor(
    device: GPUDevice,
    info: GPUAdapterInfo,
    trusted: boolean,
    options: OpenOptions,
    { background = true, opened }: ProcessHooks,
    onLoss: (() => void) | undefined,
  ) {
    const { limits } = device;
    const software = isSoftware(info);
    // A value is read through a buffer that is a little larger.
    const most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize - 256, 2 ** 32 - 256);
    const largest = Math.floor(most / 256) * 256;
    const profile = profileOf(device, info);
    const errors = new DeviceErrors(device, undefined, onLoss);
    const slabs = new Slabs(device, errors, {
      first: Math.min(firstSlab[software ? "software" : "hardware"], largest),
      most: largest,
      limit: options.memoryLimit ?? Infinity,
    });
    const profiler = options.profile === true ? new Profiler(device) : undefined;
    const executor = new Executor(device, profile, slabs, errors, options.kernels, profiler);
    super(executor, options);
    this.#executor = executor;
    executor.pipelines.background = background;
    this.#ended = opened?.(executor.pipelines);
    this.#profiler = profiler;
    this.#slabs = slabs;
    this.#errors = errors;
    this.#device = device;
    this.#own = options.device === undefined;
    this.#info = {
      vendor: info.vendor,
      architecture: info.architecture,
      description: info.description,
      software,
      trusted,
      debug: errors.debug,
      features: [...device.features],
      limits: Object.fromEntries(wanted.map((name) => [name, limits[name]])) as WebGpuLimits,
      largest,
      threads: profile.threads,
    };
  }

  get lost(): Promise<unknown> {
    return this.#device.lost;
  }

  override upload(data: TypedArray, shape: Shape, dtype: DType): Tensor {
    const x = super.upload(data, shape, dtype);
    if (data.length <= FEWER) this.#see(x, data);
    return x;
  }

  override async read(x: Tensor): Promise<TypedArray> {
    const data = await super.read(x);
    this.#see(x, data);
    return data;
  }

  peek(x: Tensor): TypedArray | undefined {
    return this.#seen.get(x.payload as object);
  }

  /** Remembers the elements of a small value as long as it lives. */
  #see({ payload }: Tensor, data: TypedArray): void {
    if (data.length <= FEW) this.#seen.set(payload as object, data.slice());
  }

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

  async profile(): Promise<ProfileReport> {
    if (this.#profiler === undefined) throw new UnsupportedError("profile: open the backend with { profile: true }");
    try {
      return await this.#profiler.report();
    } catch (cause) {
      return this.#errors.explain(cause as Error);
    }
  }

  destroy(): void {
    // Pending work will never run: the end of an enclosing scope must not try.
    context.pending.delete(this);
    this.forget();
    this.#executor.destroy();
    // On a device that the user brought, something may still be compiling.
    if (this.#own) {
      this.#device.destroy();
      this.#ended?.();
    }
    this.#errors.lose("destroyed");
  }
}

const openOptions = {
  adapter: anything,
  powerPreference: oneOf("low-power", "high-performance"),
  device: anything,
  trusted: boolean,
  seed: seedNumber,
  fuse: boolean,
  memoryLimit: positive,
  profile: boolean,
  kernels: kernelsFor("@weft/tensor-webgpu"),
};

async function make(
  platform: Platform,
  hooks: ProcessHooks,
  given: OpenOptions,
  onLoss?: () => void,
): Promise<WebGpuBackend> {
  const options = readOptions<OpenOptions, object>("open", given, openOptions, {});
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
      throw new UnsupportedError(`open: the adapter returned no device: ${(cause as Error).message}`, { cause });
    }
  }
  const backend = new WebGpu(device, info!, trusted, options, hooks, onLoss);
  return Object.assign(backend, creation(backend));
}

async function adapterOf(gpu: GPU, powerPreference: GPUPowerPreference | undefined): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter(powerPreference === undefined ? {} : { powerPreference });
  if (adapter === null)
    throw new UnsupportedError(
      "open: WebGPU is available but found no adapter. On Linux it needs a Vulkan driver: on Debian and Ubuntu " +
        "the packages libvulkan1 with mesa-vulkan-drivers or the driver of the card's maker; without a card, " +
        "the software driver SwiftShader of the package chromium works where VK_DRIVER_FILES names its vk_swiftshader_icd.json",
    );
  return adapter;
}

/** `open` on a platform. Without options it returns the same instance each time, until that is lost. */
export function opener(
  platform: Platform,
  hooks: ProcessHooks = {},
): (options?: OpenOptions) => Promise<WebGpuBackend> {
  let shared: Promise<WebGpuBackend> | undefined;
  return (options) => {
    if (options !== undefined) return make(platform, hooks, options);
    if (shared === undefined) {
      const forget = (): void => void (shared === opening && (shared = undefined));
      const opening = make(platform, hooks, {}, forget);
      shared = opening;
      opening.catch(forget);
    }
    return shared;
  };
}
