// The program that saves and resumes: two runs of it equal one uninterrupted training.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digits, minibatch } from "@weft/data";
import { Chain, crossEntropy, Linear, params, seed } from "@weft/nn";
import { adamw, minimize } from "@weft/optim";
import { flatten, relu } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, onTestFinished, test } from "vitest";
import { execute } from "../../../test/pack.ts";
import { root } from "../../../test/source-graph.ts";

const program = join(root, "packages/examples/src/resume.ts");

test("AdamW with groups is saved and resumed in 20 lines, to the bit", { timeout: 120_000 }, async () => {
  expect(readFileSync(program, "utf8").trim().split("\n").length).toBeLessThanOrEqual(20);
  const folder = mkdtempSync(join(tmpdir(), "weft-resume-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const run = () => execute(folder, process.execPath, program);
  const texts = [await run(), await run()];

  seed(1);
  const model = Chain(flatten, Linear(784, 64), relu, Linear(64, 10));
  const [weights, biases] = [2, 1].map((rank) => params(model).filter((p) => p.shape.length === rank));
  const optimizer = adamw({
    lr: (step) => 0.003 / (1 + step / 100),
    weightDecay: 0.1,
    groups: [{ params: weights }, { params: biases, weightDecay: 0, lr: 1e-3 }],
  });
  const batches = minibatch(digits().train, 100, { backend: await open() });
  for (const text of texts) {
    const loss = await minimize((x, y) => crossEntropy(model(x), y), batches, optimizer);
    expect(text).toBe(`${optimizer.steps} steps, loss ${await loss.item()}\n`);
  }
});
