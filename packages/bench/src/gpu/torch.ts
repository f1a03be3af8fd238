// PyTorch on the GPU: a process for each of its modes, which runs torch-rows.py.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "@weft/examples/internals";
import { isMissing } from "../measure.ts";
import type { Missing, Sample } from "../contender.ts";
import { pythonWithTorch } from "../contenders/torch.ts";
import { start, type Rival } from "../rival.ts";
import type { Timed } from "./report.ts";
import type { GpuRow } from "./rows.ts";
import type { Settings } from "./weft.ts";

/** The text of torch-rows.py, if the bundler has inlined it. */
declare const TORCH_GPU_ROWS: string | undefined;

/** Operation by operation; a whole step as one CUDA graph; compiled, and as one graph. */
export const modes = ["eager", "graph", "compile"] as const;
export type Mode = (typeof modes)[number];

/** PyTorch's compiler needs the program in a file. */
function program(): string {
  if (typeof TORCH_GPU_ROWS !== "string") return fileURLToPath(new URL("torch-rows.py", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "weft-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "torch-rows.py");
  writeFileSync(file, TORCH_GPU_ROWS);
  return file;
}

/** Starts PyTorch in these modes, all at once: it takes seconds to load. */
export async function startTorch(python: string | undefined, chosen: readonly Mode[]): Promise<Rival[]> {
  if (chosen.length === 0) return [];
  const [interpreter, file] = [pythonWithTorch(python), program()];
  return Promise.all(chosen.map((mode) => start({ name: mode, program: interpreter, args: [file, mode] }, undefined)));
}

/** Measures a row. */
export async function measureTorch(rival: Rival, row: GpuRow, settings: Settings): Promise<Timed | Missing> {
  const prepared = await rival.prepare(row.name, settings.warmUp);
  if (isMissing(prepared)) return prepared;
  const samples: Sample[] = [];
  for (let i = 0; i < settings.samples; i++) {
    const sample = await rival.run(row.name, row.steps);
    if (isMissing(sample)) return sample;
    samples.push(sample);
  }
  await rival.end(row.name);
  const walls = samples.map(({ wall }) => wall);
  return { step: median(walls), samples: walls, first: prepared.first };
}
