// PyTorch on the GPU: a process for each of its modes, which runs gpu_rows.py.
import { median } from "@weft/examples/internals";
import { isMissing } from "../measure.ts";
import { pythonProgram, pythonWithTorch } from "../contenders/torch.ts";
import { start, type Rival } from "../rival.ts";
import type { Side } from "./rounds.ts";

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

/** PyTorch's compiler may take long for a row, or forever. */
const PATIENCE = 150;

/** A process of PyTorch as a side of the table. It is asked again in each round. */
export const torchSide = (rival: Rival): Side => ({
  name: rival.name,
  patience: PATIENCE,
  async prepare({ name, steps }, { warmUp }) {
    const prepared = await rival.prepare(name, warmUp);
    if (isMissing(prepared)) return prepared;
    return {
      async block() {
        const before = await rival.run(name, 1);
        if (isMissing(before)) return before;
        const sample = await rival.run(name, steps);
        return isMissing(sample) ? sample : sample.wall;
      },
      async end(samples) {
        await rival.end(name);
        return { step: median(samples), samples, first: prepared.first };
      },
    };
  },
  stop: () => rival.stop(),
});
