// The backends by name. Each is loaded on first use, so that a program on the CPU needs no GPU and no package for it.
import { ArgumentError, UnsupportedError, type Backend, type Creation } from "@weft/tensor";
import type { CpuInfo } from "@weft/tensor-cpu";
import type { WebGpuInfo } from "@weft/tensor-webgpu";
import { counted } from "./format.ts";

interface Module {
  readonly open?: (options: { seed: number; threads?: number }) => Promise<Backend & Creation>;
}

const modules = {
  cpu: (): Promise<Module> => import("@weft/tensor-cpu"),
  webgpu: (): Promise<Module> => import("@weft/tensor-webgpu"),
};

export type BackendName = keyof typeof modules;
export const backendNames = Object.keys(modules) as BackendName[];

/** The most threads that the CPU backend takes. It checks that itself, but it is loaded only when it is needed. */
export const mostThreads = 64;

/**
 * Opens a backend, or throws an UnsupportedError that says why it cannot run here. Without `threads`, the CPU has as many
 * as there are cores; another backend has none.
 */
export async function openBackend(name: BackendName, seed: number, threads?: number): Promise<Backend & Creation> {
  if (threads !== undefined && name !== "cpu")
    throw new ArgumentError(`--threads ${threads}: only the backend cpu has threads, ${name} has none. Leave it out.`);
  try {
    const { open } = await modules[name]();
    if (open === undefined) throw new UnsupportedError("its package has no function open");
    return await open({ seed, ...(threads === undefined ? {} : { threads }) });
  } catch (cause) {
    if (cause instanceof ArgumentError) throw cause; // it runs here, but not with these options
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnsupportedError(`the backend ${name} cannot run here: ${reason}`, { cause });
  }
}

/** What backends say of themselves. */
const infoOf = (backend: Backend) =>
  (
    backend as { info?(): Partial<Pick<CpuInfo, "threads" | "code"> & Pick<WebGpuInfo, "description" | "vendor">> }
  ).info?.() ?? {};

/** On how many threads a backend computes; undefined for a device, whose `info` counts those of a workgroup. */
export function threadsOf(backend: Backend): number | undefined {
  const { code, threads } = infoOf(backend);
  return code === undefined ? undefined : threads;
}

/** What computes, for the first line of the output: the backend, and what its code is for, on how many threads; or the device. */
export function machineOf(backend: Backend): string {
  const { code, description, vendor } = infoOf(backend);
  const threads = threadsOf(backend);
  if (code !== undefined && threads !== undefined) return `${backend.name}, ${code}, ${counted(threads, "thread")}`;
  const device = description || vendor;
  return device ? `${backend.name}, ${device}` : backend.name;
}
