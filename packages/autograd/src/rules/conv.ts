// Derivatives of convolution and pooling. Both families are closed: the derivative of each member is another member.
import { apply, type Tensor } from "@weft/tensor";
import type { ConvAttrs, PoolAttrs } from "@weft/tensor/internals";
import type { Family } from "../rule.ts";

const convOf = ({ stride, padding, dilation, groups }: ConvAttrs): ConvAttrs => ({ stride, padding, dilation, groups });
const poolOf = ({ stride, padding, dilation, window }: PoolAttrs): PoolAttrs => ({ stride, padding, dilation, window });
const spatial = (x: Tensor): readonly number[] => x.shape.slice(2);

const forward = (x: Tensor, w: Tensor, attrs: ConvAttrs): Tensor => apply("conv", [x, w], convOf(attrs));
const toInput = (g: Tensor, w: Tensor, x: Tensor, attrs: ConvAttrs): Tensor =>
  apply("convInputGrad", [g, w], { ...convOf(attrs), inputSize: spatial(x) });
const toWeight = (x: Tensor, g: Tensor, w: Tensor, attrs: ConvAttrs): Tensor =>
  apply("convWeightGrad", [x, g], { ...convOf(attrs), kernelSize: spatial(w) });

export const conv: Family<
  | ("conv" | "convInputGrad" | "convWeightGrad")
  | ("maxPool" | "maxPoolGrad" | "maxPoolPick" | "sumPool" | "sumPoolGrad")
> = {
  conv: (_, x, w, attrs) => [(g) => toInput(g, w, x, attrs), (g) => toWeight(x, g, w, attrs)],
  convInputGrad: (_, h, w, attrs) => [(u) => forward(u, w, attrs), (u) => toWeight(u, h, w, attrs)],
  convWeightGrad: (_, x, h, attrs) => [(u) => toInput(h, u, x, attrs), (u) => forward(x, u, attrs)],
  // The position of the maximum is piecewise constant in x, so the operand that only selects positions has no gradient.
  maxPool: (_, x, attrs) => [(g) => apply("maxPoolGrad", [x, g], poolOf(attrs))],
  maxPoolGrad: (_, x, __, attrs) => [undefined, (u) => apply("maxPoolPick", [x, u], poolOf(attrs))],
  maxPoolPick: (_, x, __, attrs) => [undefined, (g) => apply("maxPoolGrad", [x, g], poolOf(attrs))],
  sumPool: (_, x, attrs) => [(g) => apply("sumPoolGrad", [g], { ...poolOf(attrs), inputSize: spatial(x) })],
  sumPoolGrad: (_, __, attrs) => [(u) => apply("sumPool", [u], poolOf(attrs))],
};
