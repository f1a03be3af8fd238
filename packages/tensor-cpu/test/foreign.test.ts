// Fused operations of other packages: what they are called says nothing about what they are.
import { grad } from "@weft/autograd";
import { add, applyFused, mul, reshape, scope, sum, type FusedOp, type Tensor } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { expect, test } from "vitest";
import { openSync } from "../src/index.ts";

const named = (name: string, own: boolean): FusedOp => ({
  name,
  infer: ([x]) => [{ shape: (x as Tensor).shape, dtype: (x as Tensor).dtype }],
  fallback: ([x]) => [add(mul(x!, 2), 1)],
  ...(own && { gradient: () => [(g: Tensor) => mul(g, 3)] }),
});

test.each(
  ["softmax", "matmul", "crossEntropy", "take", "valueOf", "constructor", "__proto__", "mine"].flatMap((name) =>
    [true, false].map((own) => [name, own] as const),
  ),
)("%s of somebody else's is theirs (with a derivative: %s)", (name, own) => {
  for (const fuse of [true, false]) {
    const b = openSync({ fuse });
    const op = named(name, own);
    scope(() => {
      const x = reshape(b.tensor(dtypeInfo.f32.array.of(1, 2, 3, 4)), [2, 2]);
      expect(applyFused(op, [x], { axis: 0 })[0]!.arraySync()).toEqual([[3, 5], [7, 9]]); // oxfmt-ignore
      const g = grad((z: Tensor) => sum(applyFused(op, [z], { axis: 0 })[0]!))(x);
      expect([...g.dataSync()]).toEqual(Array(4).fill(own ? 3 : 2));
    });
  }
});
