// WebGPU for tests that are not about devices: all backends are on one device, whose programs are compiled once. A
// driver in software takes longer to compile one than to run most tests.
import { EventEmitter, setMaxListeners } from "node:events";
import { open, type OpenOptions, type WebGpuBackend } from "@weft/tensor-webgpu";
import { opened } from "./opened.ts";

/** What `create` returned must stay referenced. */
let gpu: GPU | undefined;
let device: Promise<GPUDevice> | undefined;

/** WebGPU itself. */
export async function gpuOfTests(): Promise<GPU> {
  const { create } = (await import("webgpu")) as unknown as { create: (options: string[]) => GPU };
  return (gpu ??= create(["disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension"]));
}

async function requestDevice(limitsOf: (adapter: GPUAdapter) => Record<string, number>): Promise<GPUDevice> {
  const adapter = (await (await gpuOfTests()).requestAdapter())!;
  const requiredFeatures = (["subgroups"] as const).filter((name) => adapter.features.has(name));
  setMaxListeners(0); // of devices, too: each backend listens for errors
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: limitsOf(adapter) });
  setMaxListeners(EventEmitter.defaultMaxListeners);
  return device;
}

/** A new device for one test, with all the workgroup memory there is. */
export const ownDevice = (limits: Record<string, number> = {}): Promise<GPUDevice> =>
  requestDevice(({ limits: { maxComputeWorkgroupStorageSize } }) => ({ maxComputeWorkgroupStorageSize, ...limits }));

/** Makes a device return what it has compiled for the same text. */
function remembering(device: GPUDevice): GPUDevice {
  const modules = new Map<string, GPUShaderModule>();
  const pipelines = new Map<GPUShaderModule, GPUComputePipeline>();
  const coming = new Map<GPUShaderModule, Promise<GPUComputePipeline>>();
  const { createShaderModule, createComputePipeline, createComputePipelineAsync } = device;
  device.createShaderModule = (descriptor) => {
    const module = modules.get(descriptor.code) ?? createShaderModule.call(device, descriptor);
    modules.set(descriptor.code, module);
    return module;
  };
  device.createComputePipeline = (descriptor) => {
    const { module } = descriptor.compute;
    // Such a layout is of this pipeline alone.
    if (descriptor.layout === "auto") return createComputePipeline.call(device, descriptor);
    const pipeline = pipelines.get(module) ?? createComputePipeline.call(device, descriptor);
    pipelines.set(module, pipeline);
    return pipeline;
  };
  device.createComputePipelineAsync = async (descriptor) => {
    const { module } = descriptor.compute;
    const known = pipelines.get(module);
    if (known !== undefined) return known;
    const started = coming.get(module) ?? createComputePipelineAsync.call(device, descriptor);
    coming.set(module, started);
    const pipeline = await started;
    pipelines.set(module, pipeline);
    return pipeline;
  };
  return device;
}

/** The device that tests share: like those of `open`, it has all that the adapter has. */
export const sharedDevice = (): Promise<GPUDevice> =>
  (device ??= requestDevice(({ limits }) => {
    const all: Record<string, number> = {};
    for (const name in limits) {
      const limit = limits[name as keyof GPUSupportedLimits];
      if (typeof limit === "number") all[name] = limit;
    }
    return all;
  }).then(remembering));

/** Opens a backend on the device that tests share, for one file of tests. */
export async function openWebGpu(options: OpenOptions = {}): Promise<WebGpuBackend> {
  const backend = await open({ device: await sharedDevice(), ...options });
  opened.push(backend);
  return backend;
}
