// Host data of every kind: typed arrays of other widths, halves, large integers, booleans, masks.
import { expect, test, vi } from "vitest";
import * as weft from "../src/index.ts";
import { ArgumentError, DTypeError, type HostArray } from "../src/index.ts";
import { reference } from "./backend.ts";

const b = reference({ rounding: true });
const made = (data: HostArray, options?: Parameters<typeof b.tensor>[1]) => {
  const x = b.tensor(data, options);
  return [x.dtype, x.arraySync()];
};

/** A Float16Array, or a stand-in for it in engines without that class. */
function halves(...values: number[]): HostArray {
  const Half = (globalThis as unknown as { Float16Array?: new (xs: number[]) => HostArray }).Float16Array;
  if (Half !== undefined) return new Half(values);
  const bits: Record<number, number> = { 1: 0x3c00, 0.5: 0x3800, [-2]: 0xc000, 65504: 0x7bff };
  class Float16Array extends Uint16Array {
    override get [Symbol.toStringTag](): never {
      return "Float16Array" as never;
    }
  }
  return Float16Array.from(values, (x) => bits[x]!) as never;
}

test("each typed array has its dtype", () => {
  expect(made(Int8Array.of(-1, 2))).toEqual(["i32", [-1, 2]]);
  expect(made(Int16Array.of(-1, 2))).toEqual(["i32", [-1, 2]]);
  expect(made(Uint16Array.of(65535))).toEqual(["i32", [65535]]);
  expect(made(Uint8ClampedArray.of(300, -1))).toEqual(["u8", [255, 0]]);
  expect(made(Float64Array.of(0.1))).toEqual(["f64", [0.1]]);
  expect(made(Float64Array.of(0.1), { dtype: "f32" })).toEqual(["f32", [Math.fround(0.1)]]);
  expect(made(halves(1, 0.5, -2, 65504))).toEqual(["f16", [1, 0.5, -2, 65504]]);
  expect(made((halves(1, -2) as Uint16Array).subarray(1), { shape: [1, 1] })).toEqual(["f16", [[-2]]]);
});

test.runIf("Float16Array" in globalThis)("halves are converted by their values", () => {
  expect(made(halves(1, 0.5), { dtype: "f32" })).toEqual(["f32", [1, 0.5]]);
  expect(made(halves(1.9, -2), { dtype: "i32" })).toEqual(["i32", [1, -2]]);
});

test("wide integers become i32 if they fit; otherwise the message says which one does not, and what to do", () => {
  expect(made(Uint32Array.of(7, 2 ** 31 - 1))).toEqual(["i32", [7, 2 ** 31 - 1]]);
  expect(made(BigInt64Array.of(-7n, 2n ** 31n - 1n))).toEqual(["i32", [-7, 2 ** 31 - 1]]);
  expect(made(BigUint64Array.of(7n))).toEqual(["i32", [7]]);
  for (const data of [
    Uint32Array.of(1, 4e9),
    BigInt64Array.of(2n ** 31n),
    BigInt64Array.of(-(2n ** 40n)),
    BigUint64Array.of(2n ** 63n),
  ]) {
    expect(() => b.tensor(data)).toThrow(ArgumentError);
    expect(() => b.tensor(data)).toThrow(/^tensor: -?\d+ of a \w+ does not fit an i32; give \{ dtype: "f64" \}/);
    expect(() => b.tensor(data, { dtype: "i32" })).toThrow(ArgumentError);
  }
  expect(made(Uint32Array.of(4e9), { dtype: "f64" })).toEqual(["f64", [4e9]]);
  expect(made(BigInt64Array.of(2n ** 40n), { dtype: "f32" })).toEqual(["f32", [2 ** 40]]);
  expect(made(BigInt64Array.of(0n, 3n), { dtype: "bool" })).toEqual(["bool", [0, 1]]);
});

test("numbers become integers and booleans as `cast` does it", () => {
  const values = [NaN, Infinity, -Infinity, 1e10, -1.9, 0.5];
  const x = b.tensor(values);
  for (const dtype of ["i32", "bool", "u8"] as const) {
    const wanted = weft.cast(x, dtype).arraySync();
    expect(b.tensor(values, { dtype }).arraySync(), dtype).toEqual(wanted);
    expect(values.map((v) => b.full([1], v, { dtype }).arraySync()).flat(), dtype).toEqual(wanted);
  }
});

test("full accepts booleans", () => {
  const filled = (...args: Parameters<typeof b.full>) => made2(b.full(...args));
  expect(filled([1], true)).toEqual(["bool", [1]]);
  expect(filled([2], false)).toEqual(["bool", [0, 0]]);
  expect(filled([1], false, { dtype: "bool" })).toEqual(["bool", [0]]);
  expect(filled([1], true, { dtype: "f32" })).toEqual(["f32", [1]]);
  expect(filled([1], true, { dtype: "i32" })).toEqual(["i32", [1]]);
});
const made2 = (x: weft.Tensor) => [x.dtype, x.arraySync()];

test("a mask is refused as indices", () => {
  const x = b.tensor([10, 20, 30]);
  const mask = weft.greater(x, 15);
  for (const call of [
    () => weft.take(x, mask),
    () => x.take(mask),
    () => weft.gather(x, mask),
    () => weft.scatterAdd(x, mask, 1),
    () => weft.indexAdd(x, mask, 1),
  ]) {
    expect(call).toThrow(DTypeError);
    expect(call).toThrow(/: indices must be integers, got bool, a mask\. Use where\(mask, x, 0\)/);
  }
  expect(weft.take(x, weft.cast(mask, "i32")).arraySync()).toEqual([10, 20, 20]);
  expect(weft.oneHot(mask, { depth: 2 }).arraySync()).toEqual([[1, 0], [0, 1], [0, 1]]); // prettier-ignore
});

test("data is copied at the call", () => {
  const upload = vi.spyOn(b, "upload");
  const data = Float32Array.of(1, 2);
  const x = b.tensor(data);
  data.fill(9);
  expect(x.arraySync()).toEqual([1, 2]);
  expect(upload).toHaveBeenCalledOnce();
});

test("an array whose buffer was transferred is refused, not read as empty", () => {
  for (const Kind of [Float32Array, Int32Array, Uint8Array, Float64Array, BigInt64Array]) {
    const array = new Kind(4);
    structuredClone(array, { transfer: [array.buffer] });
    for (const options of [undefined, { shape: [0] }, { dtype: "f32" as const }])
      expect(() => b.tensor(array, options)).toThrow(
        new ArgumentError("tensor: the array's buffer is detached: it was transferred, perhaps to a worker"),
      );
    expect(b.tensor(new Kind(0)).shape).toEqual([0]);
  }
});
