// Reductions over elements with equal indices, one segment for each index. The elements are sorted by their indices, and
// the results of segments twice as long are made from two of those before.
import { applyRead } from "../apply.ts";
import { add, div, equal, less, maximum, minimum, mul, where } from "../elementwise.ts";
import { filled, iota } from "../filled.ts";
import type { FusedOp } from "../fused.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";

import { gather, scatterAdd } from "../indexing.ts";
import { inDType } from "../operands.ts";
import { numbered, runsOf } from "./winners.ts";

/** Combines neighbors of one segment: `same` says where `before` belongs to the segment of `x`. */
type Combine = (x: Tensor, before: Tensor, same: Tensor) => Tensor;

const combinations = {
  prod: (x, before, same) => mul(x, where(same, before, 1)),
  max: (x, before, same) => where(same, maximum(x, before), x),
  min: (x, before, same) => where(same, minimum(x, before), x),
} satisfies Record<string, Combine>;
export type Combination = keyof typeof combinations;

/** x moved along an axis by `count`, with 0 in front. */
function delayed(x: Tensor, axis: number, count: number): Tensor {
  const none = x.shape.map(() => 0);
  const part = span(x, axis, 0, x.shape[axis]! - count);
  return applyRead("pad", [part], { before: none.with(axis, count), after: none, interior: none, value: 0 });
}

/** x combined with the updates of each of its places along an axis. Updates and indices have one shape. */
export function combined(
  how: Combination,
  x: Tensor,
  index: Tensor,
  updates: Tensor,
  axis: number,
  includeSelf: boolean,
): Tensor {
  const combine: Combine = combinations[how];
  const { order, sorted, last } = runsOf(index, axis);
  const n = index.shape[axis]!;
  let y = applyRead("gather", [updates, order], { axis });
  for (let d = 1; d < n; d *= 2) {
    const same = equal(span(sorted, axis, d, n - d), span(sorted, axis, 0, n - d));
    const none = index.shape.map(() => 0);
    const flags = applyRead("pad", [same], { before: none.with(axis, d), after: none, interior: none, value: 0 });
    y = combine(y, delayed(y, axis, d), flags);
  }
  const ends = where(last, add(iota(index, index.shape, axis), 1), 0);
  const zeros = filled(index, 0, index.shape.with(axis, x.shape[axis]!), "i32");
  const end = applyRead("scatterAdd", [zeros, sorted, ends], { axis });
  const reached = less(0, end);
  const total = applyRead("gather", [y, numbered(end, n)], { axis });
  return where(reached, includeSelf ? combine(total, x, reached) : total, x);
}

interface ExtremeAttrs {
  readonly axis: number;
  readonly includeSelf: boolean;
}

/** The largest or smallest of a place and its updates. Tied elements share the gradient, as in `max`. */
const extremeOp = (how: "max" | "min"): FusedOp<ExtremeAttrs> => ({
  name: `scatter ${how}`,
  infer: ([x]) => [x as Tensor],
  fallback: ([x, index, updates], { axis, includeSelf }) => [
    combined(how, x as Tensor, index as Tensor, updates as Tensor, axis, includeSelf),
  ],
  gradient([result], inputs, { axis, includeSelf }) {
    const [x, index, updates] = inputs as [Tensor, Tensor, Tensor];
    const y = result!;
    const zeros = filled(y, 0, y.shape);
    const reached = less(0, scatterAdd(zeros, index, 1, { axis }));
    const chosen = equal(updates, gather(y, index, { axis }));
    const own = includeSelf ? inDType(equal(x, y), y.dtype) : zeros;
    const ties = scatterAdd(own, index, inDType(chosen, y.dtype), { axis });
    const shared = (g: Tensor): Tensor => div(g, maximum(ties, 1));
    return [
      (g) => where(reached, mul(shared(g), own), g),
      undefined,
      (g) => where(chosen, gather(shared(g), index, { axis }), 0),
    ];
  },
});
export const scatterMaxOp: FusedOp<ExtremeAttrs> = /* @__PURE__ */ extremeOp("max");
export const scatterMinOp: FusedOp<ExtremeAttrs> = /* @__PURE__ */ extremeOp("min");
