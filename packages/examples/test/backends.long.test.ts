// The command where WebGPU cannot run: one line that says what is missing, and exit code 1.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "./session.ts";

const program = join(import.meta.dirname, "../src/weft.ts");

/** How `weft train mlp --backend webgpu` ends, in a process of its own. */
async function failed(flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Record<string, unknown>> {
  const words = ["train", "mlp", "--backend", "webgpu", "--out", temporaryFolder()];
  const run = promisify(execFile)(process.execPath, [...flags, program, ...words], { env: { ...process.env, ...env } });
  return run.then(
    () => expect.fail("it ran"),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

test.skipIf(process.platform !== "linux")("without a driver it names the packages that have one", async () => {
  const nowhere = join(import.meta.dirname, "nowhere.json");
  const { stderr, ...rest } = await failed([], { VK_DRIVER_FILES: nowhere, VK_ICD_FILENAMES: nowhere });
  expect(rest).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^weft: the backend webgpu cannot run here: .*mesa-vulkan-drivers.*VK_DRIVER_FILES.*\n/m);
});

test("without the package webgpu it says how to install it", async () => {
  const hidden = `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) { return next(name === "webgpu" ? "nowhere" : name, context); } });`;
  const { stderr, ...rest } = await failed(["--import", `data:text/javascript,${encodeURIComponent(hidden)}`]);
  expect(rest).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^weft: the backend webgpu cannot run here: .*"npm install webgpu" \(.*\)\n$/);
});
