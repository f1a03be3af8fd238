// A package outside brings a fused operation with its kernel.
import { grad } from "@weft/autograd";
import { add, applyFused, ArgumentError, matmul, mul, scope, sum, type FusedOp, type Tensor } from "@weft/tensor";
import { kernel as webgpuKernel } from "@weft/tensor-webgpu/kernels";
import { expect, test } from "vitest";
import { openSync } from "../src/index.ts";
import { dense, floats, kernel, machineCode, routine, lanes, type Call } from "../src/kernels.ts";

interface Scale {
  readonly factor: number;
}

/** factor · x², under the name of an operation of Weft's. */
const scaledSquareOp: FusedOp<Scale> = {
  name: "softmax",
  infer: ([x]) => [{ shape: (x as Tensor).shape, dtype: (x as Tensor).dtype }],
  fallback: ([x], { factor }) => [mul(mul(x!, x!), factor)],
  gradient: (_, [x], { factor }) => [(g) => mul(g, mul(x!, 2 * factor))],
};

let runs = 0;
const scaledSquare: Call<Scale> = dense((m, { factor }, [out]) => {
  const { square } = machineCode<"square">(m, `test/scaledSquare ${factor}`, (module) => {
    routine(module, "square", (f, y, x, n) => {
      f.while(n, () => {
        const value = lanes.loadSplat(x);
        f.do(lanes.storeFirst(y, floats.mul(floats.mul(value, value), floats.const(factor))));
        f.advance(x, 4);
        f.advance(y, 4);
        f.advance(n, -1);
      });
    });
  });
  const n = out.shape.reduce((size, d) => size * d, 1);
  return {
    units: n,
    scratch: 0,
    run: ([to], [x], _scratch, begin, end) => {
      runs++;
      square(to + 4 * begin, x! + 4 * begin, end - begin);
    },
  };
});

const use = (x: Tensor): Tensor => applyFused(scaledSquareOp, [add(x, 1)], { factor: 3 })[0]!;

test.each([true, false])("runs, with a gradient, as its fallback does (fuse: %s)", (fuse) => {
  const having = openSync({ fuse, kernels: [kernel(scaledSquareOp, scaledSquare)] });
  const [values, gradients] = [[12, 27, 48, 75, 108], [12, 18, 24, 30, 36]]; // oxfmt-ignore
  for (const b of [having, openSync({ fuse })])
    scope(() => {
      runs = 0;
      const x = b.tensor([1, 2, 3, 4, 5]);
      expect([...use(x).dataSync()]).toEqual(values);
      expect([...grad((z: Tensor) => sum(use(z)))(x).dataSync()]).toEqual(gradients);
      expect([...use(b.tensor([1], { dtype: "f64" })).dataSync()]).toEqual([12]); // the fallback: no kernel for f64
      expect(runs).toBe(b === having ? 1 : 0);
    });
});

test("what kernel() of this backend did not give is refused", () => {
  const foreign = [webgpuKernel(scaledSquareOp, { prepare: () => ({ stages: [], workspace: 0 }) })];
  for (const kernels of [foreign, [undefined], 3, {}])
    expect(() => openSync({ kernels: kernels as never })).toThrow(ArgumentError);
  expect(() => openSync({ kernels: foreign as never })).toThrow(
    "open: @weft/tensor-cpu got a kernel of @weft/tensor-webgpu",
  );
});

/** times · x, whose code is called what the products of Weft call theirs. */
const timesOp: FusedOp<Scale> = { ...scaledSquareOp, name: "times", fallback: ([x], { factor }) => [mul(x!, factor)] };
const times = (factor: number): Call<Scale> =>
  dense((m, _, [out]) => {
    const { multiply } = machineCode<"multiply">(m, "panels", (module) => {
      routine(module, "multiply", (f, y, x) => {
        f.do(lanes.storeFirst(y, floats.mul(lanes.loadSplat(x), floats.const(factor))));
      });
    });
    return {
      units: out.shape.reduce((size, d) => size * d, 1),
      scratch: 0,
      run: ([to], [x], _scratch, begin, end) => {
        for (let i = begin; i < end; i++) multiply(to + 4 * i, x! + 4 * i);
      },
    };
  });

test("the names of its code are free: Weft and others may use them, too", () => {
  const otherOp: FusedOp<Scale> = { ...timesOp };
  const b = openSync({ kernels: [kernel(timesOp, times(3)), kernel(otherOp, times(5))] });
  scope(() => {
    const x = b.tensor([1, 2]);
    const [y] = applyFused(timesOp, [x], { factor: 3 });
    const [z] = applyFused(otherOp, [x], { factor: 5 });
    expect([[...y!.dataSync()], [...z!.dataSync()]]).toEqual([[3, 6], [5, 10]]); // oxfmt-ignore
    const product = matmul(b.ones([40, 50]), b.ones([50, 60]));
    expect(new Set(product.dataSync())).toEqual(new Set([50]));
  });
});
