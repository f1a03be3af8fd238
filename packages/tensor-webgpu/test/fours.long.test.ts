// Maps whose invocations take four elements: masks and numbers, repeated rows, operands aligned to sixteen bytes or
// not, and results in place of their operands; the same numbers as on the CPU.
import * as T from "@weft/tensor";
import { scope, type Creation, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect, vi } from "vitest";
import { bareDevice, describeOnDevice, onDevice } from "./device.ts";
import { openSmall } from "./small.ts";

const memory = { first: 1 << 20, most: 1 << 20, limit: 1 << 23 };
const wave = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 0.37) * 3);

type Program = (x: Tensor, backend: Creation) => Tensor;
const programs: Record<string, Program> = {
  sum: (x) => T.add(x, T.mul(x, 0.5)),
  "a mask": (x) => T.greater(x, 0),
  "a mask of masks": (x) => T.and(T.greater(x, 0), T.less(x, 1)),
  "by a mask in memory": (x) => {
    const positive = T.greater(x, 0);
    return T.where(T.not(positive), T.mul(x, 0.01), x);
  },
  "whole numbers": (x) => T.add(T.cast(T.mul(x, 10), "i32"), 3),
  bytes: (x) => T.cast(T.mul(T.abs(x), 40), "u8"),
  "a row for all": (x, { tensor }) => T.add(x, tensor(wave(x.shape.at(-1)!))),
  "a number for each row": (x, { tensor }) => T.mul(x, tensor(wave(x.shape[0]!), { shape: [x.shape[0]!, 1] })),
  "the place": (x, { arange }) => T.add(x, arange(x.shape.at(-1)!)),
  "some columns": (x) => T.neg(T.slice(x, { starts: [0, 4] })),
  "columns from the second": (x) => T.neg(T.slice(x, { starts: [0, 1] })),
};

const shapes = [
  [4, 8],
  [3, 12],
  [33, 40],
  [5, 7],
  [1, 4],
];

describeOnDevice("four elements per invocation", () => {
  for (const [kind, profile, options] of [
    ["merged", {}, {}],
    ["each operation by itself", {}, { fuse: false }],
    ["slabs of words", { vectors: false }, { fuse: false }],
  ] as const) {
    let opened: ReturnType<typeof openSmall> | undefined;
    onDevice.each(Object.entries(programs))(`${kind}: %s`, async (_, write) => {
      const [backend, cpu] = [await (opened ??= openSmall(profile, memory, options)), openSync({})];
      for (const shape of shapes)
        for (const shift of [0, 1]) {
          const [got, wanted] = [backend, cpu].map((b) =>
            scope(() => {
              const n = shape[0]! * shape[1]!;
              const all = b.tensor(wave(n + shift));
              return write(T.reshape(T.slice(all, { starts: [shift] }), shape), b);
            }),
          ) as [Tensor, Tensor];
          expect(got.dtype).toBe(wanted.dtype);
          const [a, w] = [[...(await got.data())], [...(await wanted.data())]];
          expect(a.length).toBe(w.length);
          a.forEach((v, i) => expect(Math.abs(v - w[i]!), `${shape} ${shift} ${i}`).toBeLessThan(1e-5));
        }
    });
  }

  onDevice("in place, and a mask beside numbers", async () => {
    const { tensor, executor } = await openSmall({ settled: 0 }, memory);
    let x = tensor(wave(64));
    for (let i = 0; i < 5; i++)
      x = scope(() => {
        const y = T.add(x, 1);
        x.release();
        return y;
      });
    const mask = T.greater(x, 4);
    const [a, b] = await Promise.all([x.data(), mask.data()]);
    wave(64).forEach((v, i) => {
      expect(a[i]).toBeCloseTo(v + 5, 5);
      expect(b[i]).toBe(v + 5 > 4 ? 1 : 0);
    });
    expect(executor.commands.counts.dispatches).toBeGreaterThan(0);
  });

  onDevice("are taken where they can be, and need no atomics", async () => {
    const made = vi.spyOn(await bareDevice(), "createShaderModule");
    const { tensor } = await openSmall({}, memory);
    const text = async (n: number): Promise<string> => {
      await scope(() => T.greater(tensor(wave(n)), 0)).data();
      return made.mock.lastCall![0].code;
    };
    expect(await text(64)).toMatch(/let q\d = slab0\[/);
    expect(await text(64)).not.toContain("atomicAnd(&");
    expect(await text(63)).toContain("atomicAnd(&");
    made.mockRestore();
  });
});
