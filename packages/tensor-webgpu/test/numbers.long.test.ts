// Hard numbers on WebGPU: floats of any size, compared with JavaScript's Math.
import { anyFloats } from "@weft/conformance";
import * as T from "@weft/tensor";
import type { Tensor } from "@weft/tensor";
import { expect } from "vitest";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describeOnDevice, onDevice } from "./device.ts";

const python = (a: number, b: number): number => {
  const r = a % b;
  return r === 0 ? (b < 0 ? -0 : 0) : r < 0 !== b < 0 ? r + b : r;
};

/** Function, exact form, and the digits that must be right. */
const functions: [string, (x: Tensor, y: Tensor) => Tensor, (x: number, y: number) => number, number][] = [
  ["sin", (x) => T.sin(x), Math.sin, 4e-7],
  ["cos", (x) => T.cos(x), Math.cos, 4e-7],
  ["tan", (x) => T.tan(x), Math.tan, 5e-7],
  ["tanh", (x) => T.tanh(x), Math.tanh, 8e-7],
  ["sigmoid", (x) => T.sigmoid(x), (x) => 1 / (1 + Math.exp(-x)), 1e-6],
  ["mod", T.mod, python, 6e-8],
];

describeOnDevice("any two floats", () => {
  onDevice("sin, cos, tan, tanh, sigmoid, mod", async () => {
    const backend = await openWebGpu({});
    // A device may flush subnormal numbers to 0.
    const normal = (v: number): number => (Math.abs(v) < 2 ** -126 ? 1 : v);
    const [a, b] = [anyFloats(4000, 17).map(normal), anyFloats(4000, 19).map(normal)];
    a.forEach((v, i) => i % 2 && (b[i] = Math.fround(v / (1 + (i % 1500))))); // quotients around the reach of the short form
    const all = T.scope(() => {
      const [x, y] = [backend.tensor(a), backend.tensor(b)];
      return functions.map(([, f]) => f(x, y));
    });
    for (const [k, [name, , exact, relative]] of functions.entries()) {
      const got = await all[k]!.data();
      const wrong = a.findIndex((v, i) => {
        const wanted = Math.fround(exact(v, b[i]!));
        if (Object.is(got[i], wanted)) return false;
        return !(Math.abs(got[i]! - wanted) <= relative * Math.abs(wanted) + 2 ** -126);
      });
      if (wrong >= 0)
        expect.fail(`${name} of ${a[wrong]} (and ${b[wrong]}): ${got[wrong]}, wanted ${exact(a[wrong]!, b[wrong]!)}`);
    }
  });
});

describeOnDevice("sums of a million equal terms", () => {
  onDevice("in products, rows, pools, convolutions and at indices", async () => {
    const b = await openWebGpu({});
    const n = 1_000_000;
    const tenth = Math.fround(0.1);
    const full = (...shape: number[]): Tensor => b.full(shape, 0.1);
    const places = b.zeros([n], { dtype: "i32" });
    const sums: [string, () => Tensor, number][] = [
      ["matmul of vectors", () => T.matmul(full(n), full(n)), n * tenth * tenth],
      ["matmul, five rows and five columns", () => T.matmul(full(5, n), full(n, 5)), n * tenth * tenth],
      ["softmax", () => T.sum(T.softmax(full(1, n))), 1],
      ["average pooling", () => T.avgPool(full(1, 1, n), { window: n }), tenth],
      ["conv", () => T.conv(full(1, 1, n / 10), full(1, 1, n / 10)), (n / 10) * tenth * tenth],
      ["indexAdd", () => T.indexAdd(b.zeros([2]), places, full(n)), n * tenth],
      ["scatterAdd", () => T.scatterAdd(b.zeros([1]), places, full(n)), n * tenth],
    ];
    for (const [name, run, wanted] of sums) {
      const [y] = await T.scope(run).data();
      expect(Math.abs(y! / wanted - 1), name).toBeLessThan(3e-5);
    }
  });
});
