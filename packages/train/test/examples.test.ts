// The examples of the sources are true.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cycle, minibatch, takeFirst } from "@weft/data";
import { Linear, mse } from "@weft/nn";
import { adam, DivergenceError, minimize } from "@weft/optim";
import type { Operand } from "@weft/tensor";
import * as train from "@weft/train";
import { afterAll } from "vitest";
import { testExamples } from "../../../test/examples.ts";

const work = mkdtempSync(join(tmpdir(), "weft-train-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

testExamples({
  name: "train",
  atLeast: 22,
  around: ({ randn }) => {
    const model = Linear(3, 1);
    const [x, y] = [randn([4, 3]), randn([4, 1])];
    const batches = [[x, y] as const];
    return {
      ...train,
      adam,
      batches,
      DivergenceError,
      cycle: (data: typeof batches) => takeFirst(cycle(data), 20),
      f: (a: Operand, b: Operand) => mse(model(a), b),
      minibatch,
      minimize,
      mse,
      model,
      takeFirst,
      test: batches,
      x,
      y,
      // Files go to a folder of their own.
      checkpoints: ((steps, options) =>
        train.checkpoints(steps, { ...options, folder: join(work, options.folder) })) as typeof train.checkpoints,
      jsonl: (path: string) => train.jsonl(join(work, path)),
      tensorBoard: (folder: string) => train.tensorBoard(join(work, folder)),
      makeFolder: (folder: string) => train.makeFolder(join(work, folder)),
    };
  },
});
