// A device as the backend sees it: the traits by which forms are chosen, and the limits of one dispatch.
import { hardware, software, type DeviceTraits } from "./forms/device-traits.ts";

export interface DeviceProfile extends DeviceTraits {
  /** Slabs that one dispatch may bind. */
  readonly slabs: number;
  /** Bytes of arguments that one dispatch may have. */
  readonly arguments: number;
  /**
   * After this many runs of a plan, its stages share dispatches. Until then each has a program of its own, which other
   * plans also use: compiling a program for every group that runs only once would take long.
   */
  readonly settled: number;
  /** Workgroups along one axis of a dispatch. */
  readonly groups: number;
}

export const isSoftware = ({ architecture, description, isFallbackAdapter }: GPUAdapterInfo): boolean =>
  isFallbackAdapter === true ||
  /swiftshader|llvmpipe|lavapipe|softpipe|software/i.test(`${architecture} ${description}`);

/** 0 where the sizes of subgroups may differ. */
const sizeOfSubgroups = (info: GPUAdapterInfo): number => {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  return subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0;
};

export function profileOf({ limits, features }: GPUDevice, info: GPUAdapterInfo): DeviceProfile {
  const { threads, targetWorkgroups } = isSoftware(info) ? software : hardware;
  return {
    threads: Math.min(threads, limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
    shared: limits.maxComputeWorkgroupStorageSize,
    subgroups: features.has("subgroups") ? sizeOfSubgroups(info) : 0,
    // Metal may write all four components of a vector where a program writes one.
    vectors: info.vendor !== "apple",
    targetWorkgroups,
    slabs: limits.maxStorageBuffersPerShaderStage - 1,
    arguments: limits.maxUniformBufferBindingSize,
    settled: 3,
    groups: limits.maxComputeWorkgroupsPerDimension,
  };
}
