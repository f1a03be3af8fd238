// Convolutions and pools whose windows lie far apart: places that 32 bits could not hold are refused, all others are right.
import { grad } from "@weft/autograd";
import { conv, convTranspose, maxPool, sum, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openSync } from "../src/index.ts";

test.each([2 ** 20, 2 ** 26 - 1, 2 ** 26])("strides, dilations and padding of %i reach what they should", (S) => {
  const b = openSync({});
  const [x, w] = [b.ones([1, 1, 3]), b.ones([1, 1, 1])];
  const options = { stride: S, padding: [[S, S]] as [[number, number]] };
  expect([...conv(x, w, options).dataSync()]).toEqual([0, 1, 0]);
  expect([...conv(x, b.ones([1, 1, 2]), { ...options, dilation: S }).dataSync()]).toEqual([1, 1]);
  expect([...grad((z: Tensor) => sum(conv(z, w, options)))(x).dataSync()]).toEqual([1, 0, 0]);
  expect([...grad((z: Tensor) => sum(conv(x, z, options)))(w).dataSync()]).toEqual([1]);
  const [short, two] = [b.ones([1, 1, 2]), b.ones([1, 1, 2])];
  expect([...convTranspose(short, two, { stride: S, padding: [[0, S]] }).dataSync()]).toEqual([1, 1]);
});

test.each([2 ** 26 + 1, 2 ** 28, 2 ** 30, 2 ** 32, 2 ** 52])("and of %i are refused", (S) => {
  const b = openSync({});
  const [x, w] = [b.ones([1, 1, 3]), b.ones([1, 1, 1])];
  for (const options of [{ stride: S }, { dilation: S }, { padding: S }])
    expect(() => conv(x, w, options)).toThrow(/^conv: .* must be integers from [01] to 67108864$/);
  expect(() => maxPool(x, { window: 2, stride: S })).toThrow("must be integers from 1 to 67108864");
  expect(() => conv(b.ones([1, 1, 2, 2]), b.ones([1, 1, 1, 1]), { padding: 2 ** 14 })).toThrow(
    "conv: with padding [[16384, 16384], [16384, 16384]] an image of shape [2, 2] has",
  );
});
