// Integers that floats would round stay exact: pooling as of floats where these are exact, powers of matrices as products.
import * as T from "@weft/tensor";
import type { MaxPoolOptions, Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { openSync } from "../src/index.ts";
import { codes, computingWith } from "./codes.ts";

/** The first integer that f32 does not hold. */
const P = 2 ** 24 + 1;

describe.each(codes)("%s", (_, native) => {
  computingWith(native);
  const of = (values: readonly number[], shape: readonly number[]): Tensor =>
    openSync({}).tensor(Int32Array.from(values), { shape });
  const read = (x: Tensor): unknown => [x.dtype, [...x.dataSync()]];

  test("maxima of windows", () => {
    const x = of([P - 1, P, -P, -P - 1], [1, 1, 4]);
    const pooled = T.maxPoolWithIndices(x, { window: 2 });
    for (const y of [T.maxPool(x, { window: 2 }), pooled.values, T.adaptiveMaxPool(x, 2)])
      expect(read(y)).toEqual(["i32", [P, -P]]);
    expect(read(pooled.indices)).toEqual(["i32", [1, 2]]);
    expect(read(T.maxUnpool(pooled.values, pooled.indices, { window: 2 }))).toEqual(["i32", [0, P, -P, 0]]);
    expect(read(T.globalMaxPool(x))).toEqual(["i32", [P]]);
    expect(read(T.adaptiveMaxPool(x, 3))).toEqual(["i32", [P, P, -P]]);
    expect(read(T.adaptiveMaxPoolWithIndices(x, 3).indices)).toEqual(["i32", [1, 1, 2]]);
    const low = of([-(2 ** 31), -(2 ** 31)], [1, 1, 2]);
    expect(read(T.maxPoolWithIndices(low, { window: 2, stride: 1, padding: 1 }).indices)).toEqual(["i32", [0, 0, 1]]);
  });

  const options: readonly MaxPoolOptions[] = [
    { window: 2 },
    { window: 3, stride: 1, padding: 1 },
    { window: [3, 2], stride: [2, 1], padding: 1, dilation: [1, 2], ceilMode: true },
    { window: 2, stride: [2, 3], padding: "same", dilation: [2, 1], ceilMode: true },
    { window: [7, 9] },
  ];
  test.each(options)("as of floats: %o", (option) => {
    for (const range of [2, 100]) {
      const x = of(
        Array.from({ length: 2 * 3 * 7 * 9 }, (__, i) => ((i * 7919) % 1013) % range),
        [2, 3, 7, 9],
      );
      const [whole, floats] = [x, T.cast(x, "f32")].map((t) => T.maxPoolWithIndices(t, option));
      expect(whole!.values.arraySync()).toEqual(floats!.values.arraySync());
      expect(whole!.indices.arraySync()).toEqual(floats!.indices.arraySync());
      expect(T.maxPool(x, option).arraySync()).toEqual(floats!.values.arraySync());
    }
  });

  test("powers of matrices", () => {
    const a = of([4097, 0, 0, 1], [2, 2]);
    expect(read(T.matrixPower(a, 2))).toEqual(["i32", [4097 ** 2, 0, 0, 1]]);
    expect(read(T.matrixPower(a, 2))).toEqual(read(T.matmul(a, a)));
    expect(read(T.matrixPower(of([P], [1, 1]), 1))).toEqual(["i32", [P]]);
    expect(read(T.matrixPower(of([1, 1, 1, 0], [2, 2]), 40))).toEqual([
      "i32",
      [165580141, 102334155, 102334155, 63245986],
    ]);
    expect(read(T.matrixPower(a, 0))).toEqual(["i32", [1, 0, 0, 1]]);
    expect(read(T.matrixPower(of([4, 0, 0, 1], [2, 2]), -1))).toEqual(["f32", [0.25, 0, 0, 1]]);
    expect(read(T.matrixPower(T.equal(of([1, 1, 0, 1], [2, 2]), 1), 2))).toEqual(["i32", [1, 2, 0, 1]]);
  });
});
