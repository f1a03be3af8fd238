// PyTorch on the GPU: a process for each of its modes, which runs gpu_rows.py.
import { median } from "@weft/examples/internals";
import { isMissing } from "../measure.ts";
import type { Missing, Sample } from "../contender.ts";
import { pythonProgram, pythonWithTorch } from "../contenders/torch.ts";
import { start, type Rival } from "../rival.ts";
import type { Timed } from "./report.ts";
import type { GpuRow } from "./rows.ts";
import type { Settings } from "./weft.ts";

/** Operation by operation; a whole step as one CUDA graph; compiled, and as one graph. */
export const modes = ["eager", "graph", "compile"] as const;
export type Mode = (typeof modes)[number];

/** Starts PyTorch in these modes, all at once: it takes seconds to load. */
export async function startTorch(python: string | undefined, chosen: readonly Mode[]): Promise<Rival[]> {
  if (chosen.length === 0) return [];
  const program = pythonWithTorch(python);
  return Promise.all(
    chosen.map((mode) => start({ name: mode, program, args: pythonProgram("gpu_rows.py", mode) }, undefined)),
  );
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
