// The WebGPU backend in Node: the same backend on the npm package `webgpu`, which is loaded when a device is first
// requested.
import { isMainThread } from "node:worker_threads";
import { UnsupportedError } from "@weft/tensor";
import type { OpenOptions } from "./backend.ts";
import { endWithProcess } from "./ending.node.ts";
import { opener, type ProcessHooks } from "./open.ts";

export type { OpenOptions, WebGpuBackend, WebGpuInfo, WebGpuLimits, WebGpuStats } from "./backend.ts";
export type { ProfiledDispatch, ProfileReport } from "./report.ts";

/**
 * What `create` of `webgpu` returned, by its switches. The process crashes if one is garbage-collected while something
 * made from it is alive.
 */
const gpus = new Map<string, GPU>();

/** Dawn's switches. */
function switchesOf({ trusted, profile }: OpenOptions, software: boolean): string[] {
  const enabled = trusted === true ? ["allow_unsafe_apis", "skip_validation", "disable_robustness"] : [];
  const disabled = [
    // Timestamps in steps of 65 µs, which protect pages from each other, are too coarse for a dispatch.
    ...(profile === true ? ["timestamp_quantization"] : []),
    // With it SwiftShader clears a workgroup's memory word by word in the text: programs take three times as long to
    // compile.
    ...(software ? ["use_vulkan_zero_initialize_workgroup_memory_extension"] : []),
  ];
  return Object.entries({ enable: enabled, disable: disabled }).flatMap(([what, names]) =>
    names.length === 0 ? [] : [`${what}-dawn-features=${names.join()}`],
  );
}

/** A worker can be terminated at any time without notice, so workers compile nothing in the background. */
const hooks: ProcessHooks = { background: isMainThread, opened: endWithProcess };

/**
 * Opens the WebGPU backend. Without options it is the same instance each time.
 *
 * @example
 * const { tensor, randn } = await open();
 */
export const open = /* @__PURE__ */ opener(async (options, software) => {
  // Some runtimes that load this entry have a WebGPU of their own.
  const built = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (built !== undefined) return { gpu: built, trusted: false };
  const switches = switchesOf(options, software);
  const key = switches.join(" ");
  const trusted = options.trusted === true;
  const known = gpus.get(key);
  if (known !== undefined) return { gpu: known, trusted };
  let create: (options: string[]) => GPU;
  try {
    ({ create } = (await import("webgpu")) as unknown as { create: typeof create });
  } catch (cause) {
    throw new UnsupportedError(
      `open: WebGPU in Node needs the package webgpu: install it with "npm install webgpu" ` +
        `(${(cause as Error).message})`,
      { cause },
    );
  }
  const gpu = gpus.get(key) ?? create(switches);
  gpus.set(key, gpu);
  return { gpu, trusted };
}, hooks);
