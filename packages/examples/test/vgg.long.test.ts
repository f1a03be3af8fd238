// The network in the style of VGG on pictures of the form of CIFAR-10.
import { crossEntropy, seed } from "@weft/nn";
import { scope, type Backend } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { classifierLearner } from "../src/images/classifier.ts";
import { vgg } from "../src/programs/vgg.ts";
import { colorPictures, firstBatch } from "./colors.ts";
import { elements } from "./html.ts";
import { expectResumes, reportOn, trained } from "./runs.ts";
import { hasModule, pytorch } from "./pytorch.ts";

const pictures = colorPictures(80, 20);
const start = (backend: Backend) => classifierLearner(vgg, pictures, { backend, batchSize: 16, seed: 1 });

test("learns, and shows what it confuses by the names of the classes", async () => {
  const { losses, learner } = await trained(start, { steps: 25 });
  expect(Math.abs(losses[0]! - Math.log(10))).toBeLessThan(0.1);
  expect(Math.min(...losses.slice(-5))).toBeLessThan(1.5);
  const html = await reportOn({ learner });
  expect(elements(html).filter((name) => name === "img").length).toBeGreaterThanOrEqual(50); // filters
  expect(html).toContain("violet");
});

test("is resumed to the bit", async () => {
  await expectResumes(start, 2, { steps: 3 });
});

test.skipIf(!hasModule("torch"))("has the loss that PyTorch has with the same weights", async () => {
  const backend = await open();
  seed(1);
  const model = vgg.model();
  const [x, y] = firstBatch(pictures.test, 4, backend);
  const loss = await scope(() => crossEntropy(model(x), y).item());
  const program = `
net = nn.Sequential(
    nn.Conv2d(3, 50, 3, padding=1), nn.ReLU(), nn.Conv2d(50, 50, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(.25),
    nn.Conv2d(50, 100, 3, padding=1), nn.ReLU(), nn.Conv2d(100, 100, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(.25),
    nn.Flatten(), nn.Linear(6400, 512), nn.ReLU(), nn.Dropout(.5), nn.Linear(512, 10)).eval()
net.load_state_dict(weights)
say(nn.functional.cross_entropy(net(given["x"]), given["y"]))
`;
  const [wanted] = await pytorch(program, model, { x: await x.array(), y: await y.array() });
  expect(Math.abs(Number(loss) / wanted! - 1)).toBeLessThan(1e-5);
});
