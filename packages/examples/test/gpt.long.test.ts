// The GPT on a small text: it learns it, keeps its best, resumes, and computes what PyTorch computes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { params, place, readSafetensors, seed } from "@weft/nn";
import { mul } from "@weft/tensor";
import type { Optimizer } from "@weft/optim";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { GPT } from "../src/models/gpt.ts";
import { learner as writer } from "../src/programs/gpt.ts";
import { elements } from "./html.ts";
import { hasModule, pytorch } from "./pytorch.ts";
import { expectResumes, lastMean, reportOn, trained, type Start } from "./runs.ts";
import { smallText } from "./text.ts";

const sizes = { layers: 1, heads: 2, features: 32, contextLength: 16, dropout: 0.1, batchSize: 4, parts: 2 };
const text = smallText(200);
const start =
  ({ batches, epochs }: { batches: number; epochs: number }): Start =>
  (backend) =>
    writer(text, { ...sizes, warmup: 5, batches }, { backend, seed: 1, epochs });

test("learns to write, and says what it writes", async () => {
  const run = await trained(start({ batches: 150, epochs: 4 }), { epochs: 4 });
  expect(run.losses[0]).toBeGreaterThan(2.7);
  expect(lastMean(run.losses, 10)).toBeLessThan(1.5);
  expect(run.result!["bestValidationLoss"]).toBeLessThan(1.5);
  const written = await run.learner.says!();
  expect(written).toHaveLength(101);
  expect(written).toMatch(/the/);
  const html = await reportOn(run);
  expect(elements(html)).toContain("pre");
});

test("the file has the model whose validation loss was lowest", async () => {
  const run = await trained(start({ batches: 10, epochs: 3 }), { epochs: 3 });
  const losses = run.record.evaluations.map(({ values }) => values["validationLoss"]!);
  expect(run.result).toEqual({ bestValidationLoss: Math.min(...losses), validationLoss: losses.at(-1) });
  const { tensors } = readSafetensors(readFileSync(join(run.folder, "training.safetensors")));
  expect([...tensors.keys()].filter((name) => /^(model|learning)\.positions\.weight$/.test(name))).toHaveLength(2);
});

test("interrupted in the middle of an epoch, it says the loss of the model in the file", async () => {
  const run = await trained(start({ batches: 10, epochs: 3 }), { epochs: 3, steps: 15 });
  const { bestValidationLoss, validationLoss } = run.result!;
  expect(validationLoss).toBeLessThan(bestValidationLoss!); // of a model that is not the one in the file
  expect(bestValidationLoss).toBe(run.record.evaluations[0]!.values["validationLoss"]);

  const first = await trained(start({ batches: 10, epochs: 3 }), { epochs: 3, steps: 5 });
  expect(first.result!["bestValidationLoss"]).toBe(first.result!["validationLoss"]);
});

test.each([1, 3])("the rate falls to its end in %d epochs, as many as are wanted", async (epochs) => {
  const { learner } = await trained(start({ batches: 20, epochs }), { epochs });
  const { optimizer } = learner.state as { optimizer: Optimizer };
  expect(optimizer.lr).toBeCloseTo(1e-4, 9);
});

test.each([5, 10, 12])("resumes after step %d to the same bits", (steps) =>
  expectResumes(start({ batches: 10, epochs: 2 }), steps, { epochs: 2 }),
);

test("everything begins as in nanoGPT", async () => {
  const backend = await open({});
  seed(1);
  const model = GPT(50, { ...sizes, layers: 8, features: 64 });
  await place(model, backend);
  const paths: string[] = [];
  const all = params(model, (_, path) => paths.push(path) > 0);
  expect(all).toHaveLength(2 + 8 * 6 + 1); // no biases, and one matrix of characters
  for (const [at, p] of all.entries()) {
    const values = Array.from((await p.value.data()) as Float32Array);
    const square = values.reduce((sum, x) => sum + x * x, 0) / values.length;
    const std = /norm/.test(paths[at]!) ? 1 : /out_proj|mlp\.2/.test(paths[at]!) ? 0.02 / 4 : 0.02;
    expect(Math.sqrt(square) / std, paths[at]).toBeCloseTo(1, 1);
  }
});

test.skipIf(!hasModule("torch"))(
  "the scores are those of nanoGPT's formula in PyTorch with the same weights",
  async () => {
    const backend = await open({});
    seed(1);
    const model = GPT(5, { ...sizes, layers: 2 });
    await place(model, backend);
    for (const p of params(model)) p.value = mul(p, 10); // so that attention is not even
    const ids = Array.from({ length: 2 }, (_, row) => Array.from({ length: 16 }, (_, i) => (i * (row + 2)) % 5));
    const wanted = await pytorch(
      `
F = nn.functional
x = weights["embed.weight"][given["ids"]] + weights["positions.weight"]
for layer in "01":
    w = {name[9:]: w for name, w in weights.items() if name.startswith(f"blocks.{layer}.")}
    normed = F.layer_norm(x, [32], w["norm1.weight"])
    q, k, v = [part.view(2, 16, 2, 16).transpose(1, 2) for part in (normed @ w["attend.in_proj_weight"].T).split(32, 2)]
    scores = (q @ k.transpose(2, 3) / 4).masked_fill(torch.ones(16, 16).tril() == 0, float("-inf"))
    x = x + (scores.softmax(3) @ v).transpose(1, 2).reshape(2, 16, 32) @ w["attend.out_proj.weight"].T
    x = x + F.gelu(F.layer_norm(x, [32], w["norm2.weight"]) @ w["mlp.0.weight"].T) @ w["mlp.2.weight"].T
say(F.layer_norm(x, [32], weights["norm.weight"]) @ weights["embed.weight"].T)
`,
      model,
      { ids },
    );
    const found = await model(backend.tensor(ids, { dtype: "i32" })).data();
    expect(wanted).toHaveLength(2 * 16 * 5);
    const largest = Math.max(...wanted.map(Math.abs));
    for (const [i, y] of wanted.entries()) expect(Math.abs(Number(found[i]) - y)).toBeLessThan(1e-5 * largest);
  },
);
