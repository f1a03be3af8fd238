// The network with batch normalization on pictures of the form of CIFAR-10.
import { crossEntropy, seed, training } from "@weft/nn";
import { scope, type Backend } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { classifierLearner } from "../src/images/classifier.ts";
import { cifarBatchnorm } from "../src/programs/cifar-batchnorm.ts";
import { colorPictures, firstBatch } from "./colors.ts";
import { expectResumes, trained } from "./runs.ts";
import { hasModule, pytorch } from "./pytorch.ts";

const pictures = colorPictures(80, 20);
const start = (backend: Backend) => classifierLearner(cifarBatchnorm, pictures, { backend, batchSize: 16, seed: 1 });

test("learns", async () => {
  const { losses } = await trained(start, { steps: 25 });
  expect(losses[0]).toBeGreaterThan(2);
  expect(Math.min(...losses)).toBeLessThan(0.2); // at this rate it jumps
});

test("is refused a single picture, which cannot be normalized, before it begins", async () => {
  const backend = await open();
  const one = () => classifierLearner(cifarBatchnorm, colorPictures(1, 1), { backend, seed: 1 });
  expect(one).toThrow("a batch has 2 or more, and there is 1.");
});

test("is resumed to the bit, with its running moments", async () => {
  await expectResumes(start, 2, { steps: 4 });
});

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)("learns the same on WebGPU", async () => {
  const few = (backend: Backend) =>
    classifierLearner(cifarBatchnorm, colorPictures(8, 2), { backend, batchSize: 4, seed: 1 });
  const [cpu, gpu] = [await trained(few, { steps: 2 }), await trained(few, { steps: 2 }, "webgpu")];
  for (const [i, loss] of cpu.losses.entries()) expect(Math.abs(gpu.losses[i]! / loss - 1)).toBeLessThan(1e-4);
});

test.skipIf(!hasModule("torch"))("has the loss that PyTorch has with the same weights", async () => {
  const backend = await open();
  seed(1);
  const model = cifarBatchnorm.model();
  const [x, y] = firstBatch(pictures.test, 10, backend);
  const loss = await scope(() => training(true, () => crossEntropy(model(x), y)).item());
  const program = `
class Centered(nn.Module):
    def forward(self, x): return x - torch.tensor([.4914, .4822, .4465]).view(3, 1, 1)
conv = lambda i, o: nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
net = nn.Sequential(
    Centered(), conv(3, 16), nn.MaxPool2d(2), conv(16, 32), nn.MaxPool2d(2), conv(32, 64), nn.Flatten(),
    nn.Linear(4096, 100, bias=False), nn.BatchNorm1d(100), nn.ReLU(), nn.Linear(100, 10))
net.load_state_dict(weights)
say(nn.functional.cross_entropy(net(given["x"]), given["y"]))
`;
  const [wanted] = await pytorch(program, model, { x: await x.array(), y: await y.array() });
  expect(Math.abs(Number(loss) / wanted! - 1)).toBeLessThan(1e-5);
});
