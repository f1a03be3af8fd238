// What draws digits learns on WebGPU what it learns on the CPU.
import { digits } from "@weft/data";
import { seed } from "@weft/nn";
import { expect, test } from "vitest";
import { openBackend, type BackendName } from "../src/backends.ts";
import { learner as drawing } from "../src/programs/dcgan.ts";
import { lines, temporaryFolder, weft } from "./session.ts";

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)(
  "weft train vae --backend webgpu learns what the CPU learns",
  { timeout: 120_000 },
  async () => {
    const learn = async (backend: string) => {
      const folder = temporaryFolder();
      const words = ["--limit", "10", "--steps", "3", "--codes", "2", "--backend", backend, "--out", folder];
      expect(await weft("train", "vae", ...words)).toMatchObject({ code: 0, err: "" });
      return (lines(folder) as { loss?: number }[]).flatMap(({ loss }) => loss ?? []);
    };
    const [cpu, gpu] = [await learn("cpu"), await learn("webgpu")];
    expect(gpu).toHaveLength(3);
    for (const [i, loss] of gpu.entries()) expect(Math.abs(loss - cpu[i]!)).toBeLessThan(1e-3 * cpu[i]!);
  },
);

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)(
  "dcgan on WebGPU learns what it learns on the CPU",
  { timeout: 120_000 },
  async () => {
    const learn = async (name: BackendName) => {
      seed(1);
      const { epoch } = drawing(digits({ train: 4, test: 1 }), { backend: await openBackend(name, 1), seed: 1 });
      const losses: number[] = [];
      for (let n = 0; n < 2; n++)
        for await (const { loss, discriminatorLoss } of epoch()) losses.push(loss, discriminatorLoss);
      return losses;
    };
    const [cpu, gpu] = [await learn("cpu"), await learn("webgpu")];
    expect(gpu).toHaveLength(4);
    for (const [i, loss] of gpu.entries()) expect(Math.abs(loss - cpu[i]!)).toBeLessThan(1e-3);
  },
);
