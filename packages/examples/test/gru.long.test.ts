// The reader of reviews on short reviews of few words.
import { join } from "node:path";
import { load, readMetadata, seed } from "@weft/nn";
import type { HostArray, Reviews, ReviewSet } from "@weft/data";
import { scope, softmax, type Backend } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { SentimentGRU, sentimentLoss } from "../src/models/gru.ts";
import { gru, learner as judging } from "../src/programs/gru.ts";
import { vocabulariesIn } from "../src/training/vocabularies.ts";
import { elements } from "./html.ts";
import { expectResumes, reportOn, trained } from "./runs.ts";
import { hasModule, pytorch } from "./pytorch.ts";

const length = 10;
const vocabulary = ["<pad>", "<start>", "<oov>", ..."a b c d e f g h good fine great bad poor <dull>".split(" ")];
const [good, bad] = [vocabulary.indexOf("good"), vocabulary.indexOf("bad")];

/** Reviews of neutral words with one that says it, after padding and the beginning. */
function part(many: number, first: number): Reviews<HostArray<Int32Array>> {
  const data = new Int32Array(many * length);
  const labels = Int32Array.from({ length: many }, (_, i) => i % 2);
  for (let i = 0; i < many; i++) {
    const pads = (first + i) % 4;
    for (let t = pads; t < length; t++) data[i * length + t] = t === pads ? 1 : 2 + ((first + 7 * i + 3 * t) % 9);
    data[i * length + pads + 1 + (i % 6)] = (labels[i] === 1 ? good : bad) + (i % 3);
  }
  return {
    inputs: { data, shape: [many, length], dtype: "i32" },
    labels: { data: labels, shape: [many], dtype: "i32" },
  };
}

const reviews: ReviewSet<HostArray<Int32Array>> = { train: part(200, 0), test: part(40, 1), vocabulary };
const start = (backend: Backend) => judging(reviews, backend, 1, 20);

test("learns, and shows reviews as it read them", async () => {
  const { losses, result, learner } = await trained(start, { steps: 60 });
  expect(Math.abs(losses[0]! - Math.log(2))).toBeLessThan(0.1);
  expect(losses.at(-1)).toBeLessThan(0.05);
  expect(result!["testAccuracy"]).toBeGreaterThan(0.9);
  const html = await reportOn({ learner });
  expect(elements(html).filter((name) => name === "span").length).toBeGreaterThan(50);
  expect(html).not.toContain("&lt;pad&gt;");
  expect(html).toContain(">fine</span>");
});

test("says which kinds of reviews there are none of", async () => {
  const one = (backend: Backend) => judging({ ...reviews, test: part(1, 1) }, backend, 1, 20);
  const { learner } = await trained(one, { steps: 1 }); // it is right, or it is wrong
  expect(await reportOn({ learner })).toContain("There are none.");
});

test("learns also from less than a batch", async () => {
  const few = (backend: Backend) => judging({ ...reviews, train: part(1, 0) }, backend, 1);
  expect((await trained(few, { steps: 2 })).losses).toHaveLength(2);
});

test("judges a text by its words, numbered and filled up as reviews are", async () => {
  const { folder } = await trained(start, { steps: 60 });
  const file = join(folder, "model.safetensors");
  const known = vocabulariesIn(await readMetadata(file), file)!;
  const backend = await open();
  const { answer, model } = gru.answers!((name) => known[name]!, { backend, quick: false, options: {} });
  await load(file, model);

  const network = await load(file, SentimentGRU(vocabulary.length));
  const read = ["<start>", "a", "good", "<oov>", "fine", "c"].map((word) => vocabulary.indexOf(word));
  const filled = [...new Array<number>(150 - read.length).fill(0), ...read];
  const x = backend.tensor([filled], { dtype: "i32" });
  const [, positive] = await scope(() => softmax(network.logits(x)).data());
  expect(positive).toBeGreaterThan(0.5);
  expect(await answer("A GOOD, zzz... fine c!")).toBe(`positive (${(100 * positive!).toFixed(2)}%)`);
  // Of a longer text the last 150 words count.
  expect(await answer("bad ".repeat(150))).toMatch(/^negative \(\d+\.\d\d%\)$/);
  expect(await answer("good ".repeat(20) + "bad ".repeat(150))).toBe(await answer("bad ".repeat(150)));
});

test("is resumed to the bit", async () => {
  await expectResumes(start, 3, { steps: 12 }); // in the second pass
});

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)("learns the same on WebGPU", async () => {
  const [cpu, gpu] = [await trained(start, { steps: 3 }), await trained(start, { steps: 3 }, "webgpu")];
  for (const [i, loss] of cpu.losses.entries()) expect(Math.abs(gpu.losses[i]! / loss - 1)).toBeLessThan(1e-5);
});

test.skipIf(!hasModule("torch"))("has the loss that PyTorch has with the same weights", async () => {
  const backend = await open();
  seed(1);
  const { model } = judging(reviews, backend, 1);
  const { inputs, labels } = reviews.test;
  const x = backend.tensor(inputs.data, { shape: inputs.shape });
  const y = backend.tensor(labels.data, { shape: labels.shape });
  const loss = await scope(() => sentimentLoss(model, x, y).item());
  const program = `
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.memory, self.output = nn.Embedding(${vocabulary.length}, 125), nn.GRU(125, 100, batch_first=True), nn.Linear(100, 2)
    def forward(self, x): return self.output(self.memory(self.embed(x))[0][:, -1])
net = Net()
net.load_state_dict(weights)
say(nn.functional.cross_entropy(net(given["x"]), given["y"]))
`;
  const [wanted] = await pytorch(program, model, { x: await x.array(), y: await y.array() });
  expect(Math.abs(Number(loss) / wanted! - 1)).toBeLessThan(1e-5);
});
