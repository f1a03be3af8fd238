// WebGPU without a GPU: Chromium and its software Vulkan driver, unpacked once from an npm package, for Node and for pages.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const folder = join(import.meta.dirname, "../node_modules/.cache/chromium-153.0.0");

/** Unpacks Chromium and its driver once, into a folder of this version's own. */
async function unpack(): Promise<string> {
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const part = mkdtempSync(`${folder}-`);
  const { TMPDIR, AWS_EXECUTION_ENV } = process.env;
  // The package unpacks into the temporary folder; the second variable makes it unpack Chromium's libraries too.
  Object.assign(process.env, { TMPDIR: part, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" });
  try {
    await (await import("@sparticuz/chromium")).default.executablePath();
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw error;
  } finally {
    for (const [name, value] of Object.entries({ TMPDIR, AWS_EXECUTION_ENV }))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
  try {
    renameSync(part, folder);
  } catch {
    rmSync(part, { recursive: true, force: true }); // another process was first
  }
  return folder;
}

/** The folder of the driver, or the reason why there is none on this machine. */
export async function findDriver(): Promise<{ folder: string } | { reason: string }> {
  if (process.platform !== "linux" || process.arch !== "x64")
    return { reason: `the software driver is built for Linux on x64, this is ${process.platform} on ${process.arch}` };
  try {
    return { folder: await unpack() };
  } catch (error) {
    return { reason: `the software driver could not be unpacked: ${(error as Error).message}` };
  }
}

/** What a process must be started with to find the driver and Chromium's libraries. */
export function environment(driver: string): Record<string, string> {
  const icd = join(driver, "vk_swiftshader_icd.json");
  const libraries = [driver, join(driver, "al2023/lib"), process.env["LD_LIBRARY_PATH"]];
  return { VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd, LD_LIBRARY_PATH: libraries.filter(Boolean).join(":") };
}

/** How to start the unpacked Chromium so that its pages have WebGPU on the software driver. */
export function launchOptions(driver: string): { executablePath: string; args: string[] } {
  return {
    executablePath: join(driver, "chromium"),
    args: [
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
      "--no-sandbox",
      "--disable-quic",
      // As in Node (packages/tensor-webgpu/src/index.node.ts): programs compile three times as fast.
      "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
    ],
  };
}
