// The convolutions of LeNet, batch 100: forward, and with the gradients of image and kernel.
import { vjp } from "@weft/autograd";
import { conv, type Shape } from "@weft/tensor";
import { stored, type Row } from "./row.ts";

interface Sizes {
  readonly x: Shape;
  readonly w: Shape;
  readonly y: Shape;
}

const sizes: Record<string, Sizes> = {
  conv1: { x: [100, 1, 28, 28], w: [20, 1, 5, 5], y: [100, 20, 24, 24] },
  conv2: { x: [100, 20, 12, 12], w: [50, 20, 5, 5], y: [100, 50, 8, 8] },
};

export const convolutions: readonly Row[] = Object.entries(sizes).flatMap(([name, { x, w, y }]): Row[] => [
  {
    name,
    what: `convolution ${x.join("×")} by ${w.join("×")}`,
    unit: "ms",
    weft({ randn }) {
      const image = randn(x);
      const kernel = randn(w);
      return { run: () => stored(() => conv(image, kernel)) };
    },
  },
  {
    name: `${name}-grad`,
    what: "the same with both gradients",
    unit: "ms",
    weft({ randn }) {
      const image = randn(x);
      const kernel = randn(w);
      const g = randn(y);
      return {
        run() {
          stored(() => {
            const [value, pullback] = vjp((a, b) => conv(a, b), image, kernel);
            return [value, ...pullback(g)];
          });
        },
      };
    },
  },
]);
