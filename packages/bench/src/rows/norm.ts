// Normalization in training, with the gradients of input, weight and bias: over channels (batch) and over rows (layer).
import { vjp } from "@weft/autograd";
import { batchNorm, layerNorm } from "@weft/nn";
import type { Shape, Tensor } from "@weft/tensor";
import { stored, type Row } from "./row.ts";

type NormFunction = (x: Tensor, weight: Tensor, bias: Tensor) => Tensor;

const forms: Record<string, { readonly x: Shape; readonly features: number; readonly form: NormFunction }> = {
  "batch-norm": { x: [32, 64, 16, 16], features: 64, form: (...x) => batchNorm(...x, { training: true }) },
  "layer-norm": { x: [512, 512], features: 512, form: (...x) => layerNorm(...x) },
};

export const norms: readonly Row[] = Object.entries(forms).map(([name, { x, features, form }]): Row => ({
  name: `${name}-grad`,
  what: `${name.replace("-norm", "")} normalization of ${x.join("×")} with all three gradients`,
  unit: "ms",
  weft({ randn }) {
    const inputs = [randn(x), randn([features]), randn([features])] as const;
    const g = randn(x);
    return {
      run() {
        stored(() => {
          const [value, pullback] = vjp(form, ...inputs);
          return [value, ...pullback(g)];
        });
      },
    };
  },
}));
