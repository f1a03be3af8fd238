// Whole training steps: forward, backward, update, and reading the loss. (PyTorch computes the loss, but does not read
// it.)
import { scope } from "@weft/tensor";
import type { Row } from "./row.ts";
import { task } from "./tasks.ts";

/** The wanted speed of each, as a multiple of PyTorch's. */
const wanted: Record<string, number> = {
  "linreg-sgd": 5,
  "softmax-sgd": 1,
  "mlp-sgd": 0.65,
  "mlp-adam": 0.65,
  "lenet-sgd": 0.6,
  "lenet-adam": 0.6,
  "charlm-adam": 0.45,
  "gru-adam": 1,
  "vgg-momentum": 0.45,
  "gpt-adamw": 0.4,
};

export const training: readonly Row[] = Object.entries(wanted).map(([name, timesPyTorch]): Row => {
  const { what, made } = task(name);
  return {
    name,
    what,
    unit: "ms",
    target: { timesPyTorch },
    weft(backend) {
      const { step } = made(backend);
      // The inner scope releases the gradients, so that nothing needs them after the update; the outer one keeps the
      // loss.
      return { run: () => scope(() => void scope(step).itemSync()) };
    },
  };
});
