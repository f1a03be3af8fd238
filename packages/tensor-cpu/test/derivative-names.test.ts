// Whose derivative an operation is, its object says: an error in a derivative names the operation that was called.
import { grad } from "@weft/autograd";
import { applyFused, gather, IndexError, mul, reshape, sum, type FusedOp, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openSync } from "../src/index.ts";

/** x[row, index[row]] for each row, as a row kernel or, without one, by its fallback. */
function pickOp(name: string, kernel: boolean, more: Partial<FusedOp<undefined>> = {}): FusedOp<undefined> {
  return {
    name,
    indices: { operand: 1, size: ([x]) => x!.shape[1]! },
    infer: ([x, i]) => [{ shape: (i as Tensor).shape, dtype: (x as Tensor).dtype }],
    fallback: ([x, i]) => [reshape(gather(x!, reshape(i!, [-1, 1]), { axis: 1 }), (i as Tensor).shape)],
    ...(kernel && {
      rows: {
        operands: ["row", "scalar"],
        results: ["scalar"],
        write: (k, _, x, i) => {
          k.outOfRange(k.or(k.less(i, k.integer(0)), k.lessEqual(k.length, i)));
          return [k.at(x, i)];
        },
      },
    }),
    ...more,
  };
}

function messageOf(f: () => unknown): string {
  try {
    f();
  } catch (error) {
    expect(error).toBeInstanceOf(IndexError);
    return (error as Error).message;
  }
  return "nothing was thrown";
}

test.each([true, false])("an operation named softGrad is no derivative of soft (kernel: %s)", (kernel) => {
  const b = openSync({});
  const [x, wrong, right] = [b.ones([2, 3]), b.tensor([0, 7], { dtype: "i32" }), b.tensor([0, 1], { dtype: "i32" })];
  const softOp = pickOp("soft", kernel);
  /** The gradient of an operation, which uses another one with a wrong index. */
  const use = (inner: FusedOp<undefined>): (() => unknown) => {
    const outerOp = pickOp("outer", kernel, {
      gradient: () => [
        (g) => mul(b.ones([2, 3]), sum(mul(g, applyFused(inner, [x, wrong], undefined)[0]!))),
        undefined,
      ],
    });
    return () => grad((z: Tensor) => sum(applyFused(outerOp, [z, right], undefined)[0]!))(x).dataSync();
  };
  expect(messageOf(use(pickOp("softGrad", kernel)))).toMatch(/^softGrad: an index was outside its axis/);
  expect(messageOf(use(pickOp("derived", kernel, { derivativeOf: softOp })))).toMatch(/^soft: an index was outside/);
});

test.each([true, false])(
  "an error in a derivative names the call, of this operation and no other (kernel: %s)",
  (kernel) => {
    const b = openSync({});
    const x = b.ones([2, 3]);
    const wrong = b.tensor([0, 7], { dtype: "i32" });
    const softOp: FusedOp<undefined> = pickOp("soft", kernel, {
      gradient: (_, [t, i]) => [
        (g) => mul(b.ones([2, 3]), sum(mul(g, applyFused(slopeOp, [t!, i!], undefined)[0]!))),
        undefined,
      ],
    });
    const slopeOp = pickOp("slope", kernel, { derivativeOf: softOp });
    const otherOp = pickOp(kernel ? "soft" : "other", kernel); // of another package
    const at = (): number => Number(/names\.test\.ts:(\d+):/.exec(new Error().stack!.split("\n")[2]!)![1]);
    let line = 0;
    const g = grad((z: Tensor) => {
      const y = sum(applyFused(softOp, [z, wrong], undefined)[0]!);
      line = at() - 1;
      applyFused(otherOp, [z, wrong], undefined);
      return y;
    })(x);
    const message = messageOf(() => g.dataSync());
    expect(message).toMatch(/^soft: an index was outside its axis/);
    // A fallback outside of Weft is a place of its own.
    if (kernel) expect(message).toContain(`names.test.ts:${line}:`);
  },
);
