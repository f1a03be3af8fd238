// The accuracy of the models on the published datasets. The files are large, so this runs only where WEFT_DATA is set.
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { readSafetensors } from "@weft/nn";
import { expect, test } from "vitest";
import { temporaryFolder, weft } from "./session.ts";

const here = (process.env["WEFT_DATA"] ?? "") !== "";
if (!here)
  console.warn("\nSKIPPED: accuracy on MNIST and Housing, because WEFT_DATA names no folder with their files\n");

/** The software driver takes minutes per epoch of the small models, and most of an hour per epoch of LeNet. */
const long = process.env["WEFT_LONG"] === "1" && process.env["WEFT_NO_DRIVER"] === undefined;
if (here && !long) console.warn("\nSKIPPED: accuracy on MNIST on WebGPU, which takes minutes: WEFT_LONG=1 runs it\n");

test.skipIf(!here).each([
  ["softmax", "10", "cpu", 0.915],
  ["mlp", "10", "cpu", 0.97],
  ["lenet", "1", "cpu", 0.975],
  ...(long
    ? ([
        ["softmax", "1", "webgpu", 0.9],
        ["mlp", "2", "webgpu", 0.945],
      ] as const)
    : []),
] as const)(
  "%s on MNIST, epochs: %s, on %s, gets at least %d",
  { timeout: 600_000 },
  async (name, epochs, on, wanted) => {
    const folder = temporaryFolder();
    const words = ["--data", "mnist", "--epochs", epochs, "--backend", on, "--out", folder];
    expect(await weft("train", name, ...words)).toMatchObject({ code: 0, err: "" });
    const { metadata } = readSafetensors(readFileSync(join(folder, "model.safetensors")));
    console.log(`${name} on MNIST after ${epochs} epochs on ${on}: ${metadata["testAccuracy"]}`);
    expect(Number(metadata["testAccuracy"])).toBeGreaterThanOrEqual(wanted);
  },
);

// Every step reads its loss, which takes 10 ms on the software driver.
test
  .skipIf(!here)
  .each([
    ["cpu", "10,000"],
    ...(process.env["WEFT_NO_DRIVER"] === undefined ? ([["webgpu", "1,000"]] as const) : []),
  ] as const)(
  "linreg on Housing ends at the optimum, on %s, after %s steps",
  { timeout: 120_000 },
  async (on, steps) => {
    const words = ["--steps", steps.replace(",", ""), "--backend", on, "--out", temporaryFolder()];
    const { code, out } = await weft("train", "linreg", ...words);
    expect(code).toBe(0);
    expect(out).toContain(` after ${steps} steps, `);
    const error = Number(/Mean squared error ([\d.]+) after/.exec(out)![1]);
    expect(Math.abs(error - 21.8948)).toBeLessThan(0.001);
  },
);
