// The same program on another backend: the same numbers to rounding, and a clear line where it cannot run.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { digits } from "@weft/data";
import { seed } from "@weft/nn";
import { expect, test } from "vitest";
import { backendNames, openBackend, type BackendName } from "../src/backends.ts";
import { recipes, type RecipeName } from "../src/recipes.ts";
import { train } from "../src/training.ts";

const display = { update: () => {}, close: () => {} };

async function run(recipe: RecipeName, name: BackendName) {
  const backend = await openBackend(name, 1);
  seed(1);
  const how = { backend, optimizer: recipes[recipe].optimizer(), epochs: 2, size: 20, display };
  const found: number[] = [];
  for await (const { losses } of train(recipes[recipe].model(), digits({ train: 60, test: 10 }), how))
    found.push(...losses);
  return found;
}

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined).each(["softmax", "mlp"] as const)(
  "%s learns the same on every backend",
  { timeout: 120_000 },
  async (recipe) => {
    const wanted = await run(recipe, "cpu");
    for (const name of backendNames) {
      const found = await run(recipe, name);
      expect(found).toHaveLength(6);
      for (const [i, loss] of found.entries()) expect(Math.abs(loss / wanted[i]! - 1)).toBeLessThan(1e-3);
    }
  },
);

test.skipIf(process.platform !== "linux")("a backend that cannot run here says so and ends with 1", async () => {
  const nowhere = join(import.meta.dirname, "nowhere.json");
  const program = join(import.meta.dirname, "../src/weft.ts");
  const ended = promisify(execFile)(process.execPath, [program, "train", "mlp", "--backend", "webgpu", "--out", "."], {
    env: { ...process.env, VK_DRIVER_FILES: nowhere, VK_ICD_FILENAMES: nowhere },
  });
  const { code, stdout, stderr } = (await ended.catch((error: unknown) => error)) as Record<string, unknown>;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^weft: the backend webgpu cannot run here: .+\n/m);
});
