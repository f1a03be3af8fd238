// A device as the backend sees it: what forms are chosen by, and how much one dispatch may have.
import { hardware, software, type DeviceTraits } from "./forms/device-traits.ts";

export interface DeviceProfile extends DeviceTraits {
  /** Slabs that one dispatch may bind. */
  readonly slabs: number;
  /** Bytes of arguments that one dispatch may have. */
  readonly arguments: number;
  /**
   * After so many runs of a plan its stages share dispatches. Before, each has a program of its own, which other plans
   * use too: a program for every group that is met once would take long to compile.
   */
  readonly settled: number;
  /** Workgroups along one axis of a dispatch. */
  readonly groups: number;
}

export const isSoftware = ({ architecture, description, isFallbackAdapter }: GPUAdapterInfo): boolean =>
  isFallbackAdapter === true ||
  /swiftshader|llvmpipe|lavapipe|softpipe|software/i.test(`${architecture} ${description}`);

/** 0 where subgroups may differ in size. */
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
