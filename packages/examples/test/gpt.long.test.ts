// The GPT on a small text: it learns it, keeps its best, resumes, and computes what PyTorch computes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { place, readSafetensors, seed } from "@weft/nn";
import type { Optimizer } from "@weft/optim";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { GPT, writer } from "../src/models/gpt.ts";
import { elements } from "./html.ts";
import { hasModule, pytorch } from "./pytorch.ts";
import { expectResumes, lastMean, reportOn, trained, type Start } from "./runs.ts";
import { smallText } from "./text.ts";

const sizes = { layers: 1, heads: 2, features: 32, length: 16, dropout: 0.1, rows: 4, parts: 2 };
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
  expect([...tensors.keys()].filter((name) => /^(model|learning)\.place$/.test(name))).toHaveLength(2);
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

test.skipIf(!hasModule("torch"))("the scores are those of PyTorch's encoder with the same weights", async () => {
  const backend = await open({});
  seed(1);
  const model = GPT(5, sizes);
  await place(model, backend);
  const ids = Array.from({ length: 2 }, (_, row) => Array.from({ length: 16 }, (_, i) => (i * (row + 2)) % 5));
  const wanted = await pytorch(
    `
block = nn.TransformerEncoderLayer(32, 2, 128, 0.0, "gelu", norm_first=True, batch_first=True)
blocks = nn.TransformerEncoder(block, 1, nn.LayerNorm(32))
blocks.load_state_dict({name[7:]: w for name, w in weights.items() if name.startswith("blocks.")})
seen = torch.triu(torch.full((16, 16), float("-inf")), 1)
embed = weights["embed.weight"]
say(blocks(embed[given["ids"]] + weights["place"], seen) @ embed.T)
`,
    model,
    { ids },
  );
  const found = await model(backend.tensor(ids, { dtype: "i32" })).data();
  expect(wanted).toHaveLength(2 * 16 * 5);
  for (const [i, y] of wanted.entries()) expect(Math.abs(Number(found[i]) - y)).toBeLessThan(1e-5);
});
