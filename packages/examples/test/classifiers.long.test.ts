// The recipes for digits are those of Knet's benchmarks: the order of their pictures, how they learn.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "@weft/nn";
import { digits } from "@weft/data";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { classifierLearner } from "../src/images/classifier.ts";
import { recipes } from "../src/classifiers.ts";
import { temporaryFolder, weft } from "./session.ts";

const trainingIn = (folder: string) => readSafetensors(readFileSync(join(folder, "training.safetensors")));

test.each(["softmax", "mlp"] as const)("%s takes the pictures in their order, epoch after epoch", async (name) => {
  const data = digits({ train: 12, test: 1 });
  const { state } = classifierLearner(recipes[name], data, { backend: await open({}), batchSize: 4, seed: 1 });
  for (let epoch = 0; epoch < 2; epoch++) {
    const labels: number[] = [];
    for (const [, y] of state.batches) labels.push(...Array.from(await y.data(), Number));
    expect(labels).toEqual([...data.train.labels.data]);
  }
});

test("LeNet learns with Adam where that is wanted", async () => {
  const out = async (...more: string[]) => {
    const folder = temporaryFolder();
    const words = ["--limit", "20", "--epochs", "1", ...more, "--out", folder];
    expect(await weft("train", "lenet", ...words)).toMatchObject({ code: 0, err: "" });
    return folder;
  };
  const { metadata, tensors } = trainingIn(await out("--optimizer", "adam"));
  expect(JSON.parse(String(metadata["wanted"]))).toMatchObject({ options: { optimizer: "adam" } });
  expect([...tensors.keys()].some((path) => /^optimizer\..*\.m$/.test(path))).toBe(true);
  for (const folder of [await out(), await out("--optimizer", "sgd")])
    expect([...trainingIn(folder).tensors.keys()].some((path) => /^optimizer\..*\.m$/.test(path))).toBe(false);
});
