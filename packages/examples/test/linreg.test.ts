// Linear regression, whose steps are counted: a training that is interrupted in an epoch, or at its end, takes no step twice.
import { test } from "vitest";
import { learner } from "../src/programs/linreg.ts";
import { expectResumes } from "./runs.ts";

const column = (data: readonly number[], width: number) =>
  ({ data: Float32Array.from(data), shape: [data.length / width, width], dtype: "f32" }) as const;
const data = { inputs: column([1, 2, 0, 1, 3, 1, 2, 2], 2), targets: column([1, 0, 2, 1], 1) };

test.each([1, 3, 5])("resumes after step %i to the same bits", (step) =>
  expectResumes((backend) => learner(data, backend, { steps: 3 }), step, { epochs: 2 }),
);
