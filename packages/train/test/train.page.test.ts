// In a page: training, logs of one's own, and what needs files says so.
import { minibatch } from "@weft/data";
import { Linear, mse } from "@weft/nn";
import { adam } from "@weft/optim";
import { open } from "@weft/tensor-cpu";
import { fit, jsonl, metrics } from "@weft/train";
import { expect, test } from "vitest";

test("fit trains, and calls a log", async () => {
  const backend = await open({ seed: 1 });
  const x = backend.randn([32, 3]);
  const batches = minibatch([x, x.sum({ axis: 1, keepDims: true })], 8, { backend, shuffle: true });
  const noted: number[] = [];
  const log = { scalars: (_: number, { loss }: Readonly<Record<string, number>>) => void noted.push(loss!) };
  const options = { loss: mse, optimizer: adam({ lr: 0.05 }), epochs: 20, log, metrics: { r2: metrics.r2() } };
  const history = await fit(Linear(3, 1), batches, options);
  expect(history.r2.at(-1)).toBeGreaterThan(0.9);
  expect(noted).toEqual(history.loss);
  await expect(fit(Linear(3, 1), batches, { ...options, checkpoints: { folder: "run" } })).rejects.toThrow(
    "checkpoints: a page has no files",
  );
  expect(() => jsonl("run.jsonl")).toThrow("a page has no files");
});
