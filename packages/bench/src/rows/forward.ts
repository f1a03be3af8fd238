// What a model gives for one picture, read at once.
import { LeNet, MLP } from "@weft/examples";
import { resnet50 } from "@weft/nn/models";
import { seed } from "@weft/nn";
import { scope, type Tensor } from "@weft/tensor";
import type { Row } from "./row.ts";

const forward = (
  name: string,
  what: string,
  unit: Row["unit"],
  shape: readonly number[],
  build: () => (x: Tensor) => Tensor,
): Row => ({
  name,
  what: `${what}, one picture forward, read`,
  unit,
  weft({ randn }) {
    seed(1);
    const model = build();
    const x = randn([1, ...shape]);
    return { run: () => void scope(() => model(x)).dataSync() };
  },
});

export const forwards: readonly Row[] = [
  forward("forward-mlp", "perceptron 784-64-10", "µs", [1, 28, 28], MLP),
  forward("forward-lenet", "LeNet", "µs", [1, 28, 28], LeNet),
  forward("resnet50-1", "ResNet-50, 224×224", "ms", [3, 224, 224], () => resnet50()),
];
