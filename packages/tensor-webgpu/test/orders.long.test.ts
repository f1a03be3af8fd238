// Orders and running sums of long lines, where invocations and workgroups share them: the same as on the CPU, with
// ties, NaN and infinities, along any axis.
import * as T from "@weft/tensor";
import { scope, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect } from "vitest";
import { describeOnDevice, onDevice } from "./device.ts";
import { openSmall } from "./small.ts";

const memory = { first: 1 << 22, most: 1 << 22, limit: 1 << 25 };

/** Some values repeat; `special` adds values that are not finite, and both zeros. */
function values(n: number, special: boolean): Float32Array {
  const odd = [NaN, Infinity, -Infinity, -0, 0];
  return Float32Array.from({ length: n }, (_, i) => {
    const u = (Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32;
    return special && i % 97 === 5 ? odd[i % 5]! : Math.round(u * 4000 - 2000) / 8;
  });
}

const exact: Record<string, (x: Tensor, axis: number) => Tensor> = {
  argmax: (x, axis) => T.argmax(x, { axis }),
  argmin: (x, axis) => T.argmin(x, { axis }),
  argsort: (x, axis) => T.argsort(x, { axis }),
  "argsort, descending": (x, axis) => T.argsort(x, { axis, descending: true }),
  "argmax of i32": (x, axis) => T.argmax(T.cast(T.where(T.isFinite(x), x, 0), "i32"), { axis }),
  "argsort of i32": (x, axis) => T.argsort(T.cast(T.where(T.isFinite(x), x, 0), "i32"), { axis }),
  "cumsum of i32": (x, axis) => T.cumsum(T.cast(T.where(T.isFinite(x), x, 0), "i32"), { axis }),
};

const shapes: readonly { readonly shape: readonly number[]; readonly axis: number }[] = [
  { shape: [20_000], axis: 0 },
  { shape: [3, 2500], axis: 1 },
  { shape: [2100, 5], axis: 0 },
  { shape: [2, 300, 3], axis: 1 },
  { shape: [70, 9], axis: 1 },
];

/** Sorting is slow on the software driver. */
const shapesOf = (name: string) =>
  name.startsWith("argsort") ? [{ shape: [6000], axis: 0 }, ...shapes.slice(1)] : shapes;

describeOnDevice.each([64, 256])("long lines, %i invocations", (threads) => {
  let opened: ReturnType<typeof openSmall> | undefined;
  const backends = async () => [await (opened ??= openSmall({ threads }, memory)), openSync({})] as const;

  onDevice.each(Object.entries(exact))("%s", async (name, write) => {
    for (const { shape, axis } of shapesOf(name))
      for (const special of [false, true]) {
        const n = shape.reduce((a, b) => a * b, 1);
        const [got, wanted] = (await backends()).map((b) =>
          scope(() => write(b.tensor(values(n, special), { shape }), axis)),
        ) as [Tensor, Tensor];
        const [a, w] = [await got.data(), await wanted.data()];
        expect(a.length).toBe(w.length);
        const other = a.findIndex((v: number, i: number) => v !== w[i]);
        if (other >= 0) expect.fail(`${shape.join("x")}: element ${other} is ${a[other]}, wanted ${w[other]}`);
      }
  });

  onDevice.each([false, true])("cumsum, backwards: %s", async (reverse) => {
    const [backend] = await backends();
    for (const { shape, axis } of shapes) {
      const n = shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length: n }, (_, i) => Math.sin(i * 0.37));
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const size = shape[axis]!;
      const got = await T.cumsum(backend.tensor(data, { shape }), { axis, reverse }).data();
      for (let line = 0; line < n / size; line++) {
        const first = Math.floor(line / inner) * size * inner + (line % inner);
        let sum = 0;
        for (let j = 0; j < size; j++) {
          const at = first + (reverse ? size - 1 - j : j) * inner;
          sum += data[at]!;
          if (!(Math.abs(got[at]! - sum) < 1e-4)) expect.fail(`${shape.join("x")}: ${at} is ${got[at]}, wanted ${sum}`);
        }
      }
    }
  });

  onDevice("cumsum continues after an infinity", async () => {
    const [{ tensor }] = await backends();
    const data = new Float32Array(1000).fill(1);
    data[300] = Infinity;
    data[700] = -Infinity;
    const y = await T.cumsum(tensor(data)).data();
    expect([y[299], y[300], y[699]]).toEqual([300, Infinity, Infinity]);
    for (const i of [700, 999]) expect(y[i]).toBeNaN();
  });
});
