// The backend with limits so small that tests reach them: few bytes per slab, few slabs per dispatch, few workgroups
// per axis.
import { Deferred } from "@weft/kernel";
import { creation } from "@weft/tensor/internals";
import type { DeviceProfile } from "../src/device-profile.ts";
import { Executor } from "../src/executor.ts";
import { DeviceErrors } from "../src/device-errors.ts";
import { hardware, isHardware, software } from "../src/forms/device-traits.ts";
import { Slabs, type SlabOptions } from "../src/slabs.ts";
import { bareDevice } from "./device.ts";

const usual = {
  threads: software.threads,
  slabs: 7,
  groups: 65_535,
  arguments: 65_536,
  settled: 3,
  shared: 16_384,
  subgroups: 0,
  vectors: true,
};

interface SmallOptions {
  readonly fuse?: boolean;
  readonly debug?: boolean;
  readonly device?: GPUDevice;
}

export async function openSmall(
  profile: Partial<DeviceProfile>,
  memory: SlabOptions,
  { debug = false, device, ...options }: SmallOptions = {},
) {
  device ??= await bareDevice();
  const errors = new DeviceErrors(device, debug);
  const slabs = new Slabs(device, errors, memory);
  const { targetWorkgroups } = isHardware({ ...usual, ...profile }) ? hardware : software;
  const whole = { targetWorkgroups: { ...targetWorkgroups, reductions: 1 }, ...usual, ...profile };
  const executor = new Executor(device, whole, slabs, errors);
  const backend = new Deferred(executor, options);
  return Object.assign(backend, creation(backend), { executor, slabs });
}
