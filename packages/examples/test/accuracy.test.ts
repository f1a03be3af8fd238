// What the models reach on the published data sets. The files are large, so this runs where WEFT_DATA says they are.
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { readSafetensors } from "@weft/nn";
import { expect, test } from "vitest";
import { temporaryFolder, weft } from "./session.ts";

const here = (process.env["WEFT_DATA"] ?? "") !== "";
if (!here)
  console.warn("\nSKIPPED: accuracy on MNIST and Housing, because WEFT_DATA names no folder with their files\n");

test.skipIf(!here).each([
  ["softmax", "10", 0.915],
  ["mlp", "10", 0.97],
  ["lenet", "1", 0.975],
] as const)("%s on MNIST, epochs: %s, gets at least %d", { timeout: 180_000 }, async (name, epochs, wanted) => {
  const folder = temporaryFolder();
  const { code, err } = await weft("train", name, "--data", "mnist", "--epochs", epochs, "--out", folder);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const { metadata } = readSafetensors(readFileSync(join(folder, "model.safetensors")));
  console.log(`${name} on MNIST after ${epochs} epochs: ${metadata["accuracy"]}`);
  expect(Number(metadata["accuracy"])).toBeGreaterThanOrEqual(wanted);
});

test.skipIf(!here)("linreg on Housing ends at the optimum", async () => {
  const { code, out } = await weft("train", "linreg", "--out", temporaryFolder());
  expect(code).toBe(0);
  const error = Number(/Mean squared error ([\d.]+) after 10,000 steps/.exec(out)![1]);
  expect(Math.abs(error - 21.8948)).toBeLessThan(0.001);
});
