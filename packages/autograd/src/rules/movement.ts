// Derivatives of movement: the gradient moves the other way.
import { flip, permute, reshape, type Attrs, type Shape, type Tensor } from "@weft/tensor";
import { applyOwn } from "@weft/tensor/internals";
import type { Family } from "../rule.ts";

const inverse = (axes: readonly number[]): number[] => {
  const back: number[] = Array.from({ length: axes.length });
  for (const [i, axis] of axes.entries()) back[axis] = i;
  return back;
};

/**
 * The gradient of a slice at the slice's position, with zeros elsewhere: also between neighbors if the slice had steps.
 */
export function placed(g: Tensor, shape: Shape, { starts, sizes, steps }: Attrs<"slice">): Tensor {
  const interior = steps.map((step) => step - 1);
  const after = shape.map((d, i) => d - starts[i]! - (sizes[i] === 0 ? 0 : (sizes[i]! - 1) * steps[i]! + 1));
  return applyOwn("pad", [g], { before: starts, after, interior, value: 0 });
}

/** The part of a padded tensor that came from the operand. */
function unpadded(g: Tensor, shape: Shape, { before, interior }: Attrs<"pad">): Tensor {
  return applyOwn("slice", [g], { starts: before, sizes: shape, steps: interior.map((n) => n + 1) });
}

/** The part of a concatenation that came from operand k. */
function part(g: Tensor, xs: readonly Tensor[], k: number, axis: number): Tensor {
  let start = 0;
  for (let i = 0; i < k; i++) start += xs[i]!.shape[axis]!;
  const { shape } = xs[k]!;
  const starts = shape.map((_, i) => (i === axis ? start : 0));
  return applyOwn("slice", [g], { starts, sizes: shape, steps: shape.map(() => 1) });
}

export const movement: Family<"reshape" | "permute" | "broadcastTo" | "slice" | "flip" | "pad" | "concat"> = {
  reshape: (y, x) => [(g) => (y.shape === x.shape ? g : reshape(g, x.shape))],
  permute: (_, __, { axes }) => [(g) => permute(g, inverse(axes))],
  broadcastTo: () => [(g) => g],
  slice: (_, x, attrs) => [(g) => placed(g, x.shape, attrs)],
  flip: (_, __, { axes }) => [(g) => flip(g, { axis: axes })],
  pad: (_, x, attrs) => [(g) => unpadded(g, x.shape, attrs)],
  concat: (_, xs, { axis }) => xs.map((__, k) => (g) => part(g, xs, k, axis)),
};
