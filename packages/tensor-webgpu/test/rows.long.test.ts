// Kernels of rows in all their forms, with subgroups and without: rows of one subgroup, of several, of a workgroup, too
// long for registers, along any axis; NaN and infinities; the same numbers as on the CPU.
import * as T from "@weft/tensor";
import { scope, type Creation, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { crossEntropyGradOp, logSoftmaxGradOp, softmaxGradOp, standardizeGrad } from "@weft/tensor/internals";
import { expect } from "vitest";
import { weighted } from "../../kernel/test/row-op.ts";
import { bareDevice, describeOnDevice, onDevice } from "./device.ts";
import { openSmall } from "./small.ts";

const memory = { first: 1 << 20, most: 1 << 20, limit: 1 << 23 };
const wave = (n: number, by = 0.37): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * by) * 4);

const fused = <A extends T.FusedAttrs<A>>(op: T.FusedOp<A>, inputs: Tensor[], attrs: A): Tensor =>
  T.applyFused(op, inputs, attrs)[0]!;
const labels = (b: Creation, rows: number, n: number): Tensor =>
  b.tensor(Int32Array.from({ length: rows }, (_, i) => (i % 5 === 4 ? -1 : (i * 7) % n)));
const loss = { ignoreIndex: -1, labelSmoothing: 0.1 };

const programs: Record<string, (x: Tensor, b: Creation) => Tensor> = {
  softmax: (x) => T.softmax(x),
  "softmax, then more": (x) => T.mul(T.softmax(x), 3),
  "softmax of columns": (x) => T.softmax(x, { axis: 0 }),
  logSoftmax: (x) => T.logSoftmax(x),
  softmaxGrad: (x, b) => fused(softmaxGradOp, [x, b.tensor(wave(x.size, 0.7), { shape: x.shape })], { axis: 1 }),
  logSoftmaxGrad: (x, b) =>
    fused(logSoftmaxGradOp, [T.logSoftmax(x), b.tensor(wave(x.size, 0.7), { shape: x.shape })], { axis: 1 }),
  standardize: (x) => T.standardize(x),
  standardizeGrad: (x, b) => standardizeGrad(x, b.tensor(wave(x.size, 0.7), { shape: x.shape })),
  crossEntropy: (x, b) => T.crossEntropyRows(x, labels(b, x.shape[0]!, x.shape[1]!), loss),
  crossEntropyGrad: (x, b) => fused(crossEntropyGradOp, [x, labels(b, x.shape[0]!, x.shape[1]!)], loss),
};

const long = [
  [3, 33],
  [6, 100],
];
const shapes = [
  [70, 1],
  [5, 3],
  [33, 10],
  [3, 33],
  [6, 100],
  [2, 1000],
];

describeOnDevice("rows", () => {
  for (const [kind, profile] of [
    ["without subgroups", { subgroups: 0 }],
    ["subgroups of four", { subgroups: 4 }],
    ["subgroups of four that keep longer rows", { subgroups: 4, threads: 256 }],
  ] as const) {
    let opened: ReturnType<typeof openSmall> | undefined;
    const missing = async (): Promise<boolean> =>
      profile.subgroups > 0 && !(await bareDevice()).features.has("subgroups");
    onDevice.for(Object.entries(programs))(`${kind}: %s`, async ([, write], { skip }) => {
      skip(await missing(), "the driver has no subgroups");
      const [backend, cpu] = [await (opened ??= openSmall(profile, memory)), openSync({})];
      for (const shape of "threads" in profile ? long : shapes) {
        const [got, wanted] = [backend, cpu].map((b) =>
          scope(() => write(b.tensor(wave(shape[0]! * shape[1]!), { shape }), b)),
        ) as [Tensor, Tensor];
        const [a, w] = [[...(await got.data())], [...(await wanted.data())]];
        expect(a.length).toBe(w.length);
        a.forEach((v, i) => {
          if (!(Math.abs(v - w[i]!) <= 4e-6 * (1 + 4 * Math.abs(w[i]!))))
            expect.fail(`${shape.join("x")}: element ${i} is ${v}, wanted ${w[i]}`);
        });
      }
    });

    onDevice(`${kind}: an operation from outside, with operands and results of every kind`, async ({ skip }) => {
      skip(await missing(), "the driver has no subgroups");
      const backend = await (opened ??= openSmall(profile, memory));
      for (const [shape, axis] of [
        [[5, 7], 1],
        [[2, 1000], 1],
        [[3, 5, 4], 1],
      ] as const) {
        const x = backend.tensor(wave(shape.reduce((n, d) => n * d, 1)), { shape });
        const [got, wanted] = [true, false].map((kernel) => weighted(x, axis, kernel)) as [Tensor[], Tensor[]];
        for (const [r, y] of got.entries()) {
          const w = await wanted[r]!.data();
          (await y.data()).forEach((v, i) => {
            if (!(Math.abs(v - w[i]!) <= 1e-5 * (1 + Math.abs(w[i]!)))) expect.fail(`${shape}: result ${r}, element ${i} is ${v}, wanted ${w[i]}`); // prettier-ignore
          });
        }
      }
    });

    onDevice(`${kind}: values that are not finite`, async ({ skip }) => {
      skip(await missing(), "the driver has no subgroups");
      const { tensor } = await (opened ??= openSmall(profile, memory));
      for (const n of [4, 40, 700]) {
        const data = new Float32Array(3 * n);
        data[1] = NaN;
        data[n + 2] = -Infinity;
        data[2 * n] = 3e38;
        data[2 * n + 3] = -3e38;
        const y = await T.softmax(tensor(data, { shape: [3, n] })).data();
        for (let i = 0; i < n; i++) {
          expect(y[i]).toBeNaN();
          expect(y[n + i]).toBeCloseTo(i === 2 ? 0 : 1 / (n - 1), 6);
          expect(y[2 * n + i]).toBe(i === 0 ? 1 : 0);
        }
      }
    });

    onDevice(`${kind}: a label out of range is reported`, async ({ skip }) => {
      skip(await missing(), "the driver has no subgroups");
      const { tensor, zeros } = await (opened ??= openSmall(profile, memory));
      const y = T.crossEntropyRows(zeros([3, 10]), tensor([0, 10, 9], { dtype: "i32" }));
      // A label that only the device knows: the sum is of integers that were uploaded.
      const computed = T.crossEntropyRows(zeros([3, 10]), T.add(tensor([0, 9, 9], { dtype: "i32" }), tensor([0, 1, 0], { dtype: "i32" }))); // prettier-ignore
      const fine = T.crossEntropyRows(zeros([3, 10]), tensor([0, 3, 9], { dtype: "i32" }));
      for (let i = 0; i < 2; i++)
        for (const wrong of [y, computed]) await expect(wrong.data()).rejects.toThrow(T.IndexError);
      for (const v of await fine.data()) expect(v).toBeCloseTo(Math.log(10), 5);
    });
  }
});
