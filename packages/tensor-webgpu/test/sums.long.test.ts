// Sums at many indices against plain loops: few and many rows, repeated indices, axes before and after, indices
// out of range, and the same bits every time.
import { add, gather, indexAdd, IndexError, mul, scatterAdd, take, type Tensor } from "@weft/tensor";
import { expect } from "vitest";
import { everything } from "../../../test/extent.ts";
import { describeOnDevice, onDevice } from "./device.ts";
import { openSmall } from "./small.ts";

const small = (threads = 64) => openSmall({ threads }, { first: 1 << 24, most: 1 << 24, limit: 1 << 26 });

/** Numbers from 0 to below 1, always the same. */
function draws(seed: number): () => number {
  let s = seed;
  return () => (s = (Math.imul(s, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

interface Case {
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
  readonly length: number;
  /** The share of indices that are row 0. */
  readonly zeros?: number;
}

// Large enough to be sorted: without it, more than 2^21 comparisons of indices would be needed.
const cases: Record<string, Case> = {
  "few rows": { outer: 1, rows: 50, inner: 1, length: 50_000 },
  "as many rows as fit one digit": { outer: 2, rows: 63, inner: 2, length: 20_000 },
  "two digits": { outer: 1, rows: 64, inner: 3, length: 33_000 },
  "more rows than indices": { outer: 1, rows: 50_000, inner: 2, length: 65 },
  "three digits": { outer: 1, rows: 5000, inner: 1, length: 500 },
  "one row most of the time": { outer: 1, rows: 900, inner: 4, length: 9000, zeros: 0.7 },
};

function drawn({ outer, rows, inner, length, zeros = 0 }: Case) {
  const next = draws(length);
  const index = Int32Array.from({ length }, () => (next() < zeros ? 0 : Math.floor(next() * rows)));
  const x = Float32Array.from({ length: outer * rows * inner }, () => next() - 0.5);
  const u = Float32Array.from({ length: outer * length * inner }, () => next() - 0.5);
  return { index, x, u };
}

function expected({ outer, rows, inner, length }: Case, { index, x, u }: ReturnType<typeof drawn>): Float64Array {
  const y = Float64Array.from(x);
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < length; j++)
      for (let k = 0; k < inner; k++) y[(o * rows + index[j]!) * inner + k]! += u[(o * length + j) * inner + k]!;
  return y;
}

async function near(got: Tensor, wanted: Float64Array): Promise<void> {
  const data = await got.data();
  expect(data.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++)
    if (!(Math.abs(data[i]! - wanted[i]!) <= 1e-5 * (1 + Math.abs(wanted[i]!))))
      expect.fail(`element ${i} is ${data[i]}, wanted ${wanted[i]}`);
}

describeOnDevice("sums at many indices", () => {
  for (const [name, c] of Object.entries(cases)) {
    const { outer, rows, inner, length } = c;
    // Digits have as many values as there are invocations, at most 256.
    onDevice.each(everything ? [64, 256] : [64])(`indexAdd: ${name}, %i invocations`, async (threads) => {
      const { tensor } = await small(threads);
      const given = drawn(c);
      const add = (): Tensor =>
        indexAdd(
          tensor(given.x, { shape: [outer, rows, inner] }),
          tensor(given.index),
          tensor(given.u, { shape: [outer, length, inner] }),
          { axis: 1 },
        );
      const first = add();
      await near(first, expected(c, given));
      expect(await add().data()).toEqual(await first.data());
    });
  }

  onDevice("indexAdd of i32, and with an epilogue", async () => {
    const { tensor } = await small();
    const c = { outer: 1, rows: 3000, inner: 2, length: 1000 };
    const given = drawn(c);
    const [x, u] = [given.x, given.u].map((v) => v.map((e) => Math.round(e * 100)));
    const wanted = expected(c, { ...given, x: x!, u: u! });
    const whole = (v: Float32Array, n: number): Tensor => tensor(Int32Array.from(v), { shape: [n, 2] });
    expect(Array.from(await indexAdd(whole(x!, 3000), tensor(given.index), whole(u!, 1000)).data())).toEqual(
      Array.from(wanted, (v) => v + 0), // i32 has no -0
    );
    const y = indexAdd(tensor(x!, { shape: [3000, 2] }), tensor(given.index), tensor(u!, { shape: [1000, 2] }));
    await near(
      mul(y, 0.5),
      wanted.map((v) => v * 0.5),
    );
  });

  onDevice("scatterAdd along each axis", async () => {
    const { tensor } = await small();
    for (const axis of [0, 1]) {
      const shape = axis === 0 ? [600, 40] : [40, 600];
      const many = axis === 0 ? [100, 30] : [30, 100];
      const next = draws(axis + 1);
      const index = Int32Array.from({ length: 3000 }, () => Math.floor(next() * 600));
      const x = Float32Array.from({ length: 24_000 }, () => next() - 0.5);
      const u = Float32Array.from({ length: 3000 }, () => next() - 0.5);
      const wanted = Float64Array.from(x);
      for (let j = 0; j < 3000; j++) {
        const [row, column] = [Math.floor(j / many[1]!), j % many[1]!];
        wanted[axis === 0 ? index[j]! * 40 + column : row * 600 + index[j]!]! += u[j]!;
      }
      const y = scatterAdd(tensor(x, { shape }), tensor(index, { shape: many }), tensor(u, { shape: many }), { axis });
      await near(y, wanted);
    }
  });

  onDevice("an index out of range is reported at each read, and touches nothing else", async () => {
    const { tensor, zeros } = await small();
    for (const wrong of [-1, 30_000]) {
      const index = Int32Array.from({ length: 100 }, (_, i) => 10_000 * (i % 3));
      // An index that only the device knows.
      const far = add(tensor(index), tensor(index.map((v, i) => (i === 50 ? wrong - v : 0))));
      const three = async (y: Tensor) => {
        const data = await y.data();
        return [data[0], data[10_000], data[20_000], [...data].reduce((a, b) => a + b, 0)];
      };
      for (const sums of [indexAdd, scatterAdd]) {
        const [lost, fine] = [sums(zeros([30_000]), far, 1), sums(zeros([30_000]), tensor(index), 1)];
        for (let i = 0; i < 2; i++) await expect(lost.data()).rejects.toThrow(IndexError);
        expect(await three(fine)).toEqual([34, 33, 33, 100]);
      }
    }
  });

  onDevice("take copies whole vectors from any offset", async () => {
    const { tensor } = await small();
    const x = tensor(Float32Array.from({ length: 45 }, (_, i) => i));
    const index = tensor([2, 0, 1], { dtype: "i32" });
    for (const start of [0, 1, 4]) {
      const rows = x.slice({ starts: [start], ends: [start + 24] }).reshape([3, 8]);
      const wanted = [2, 0, 1].flatMap((r) => Array.from({ length: 8 }, (_, k) => start + r * 8 + k));
      expect([...(await take(rows, index).data())]).toEqual(wanted);
    }
    const lost = take(x.slice({ starts: [0], ends: [8] }).reshape([2, 4]), tensor([1, 2], { dtype: "i32" }));
    for (let i = 0; i < 2; i++) await expect(lost.data()).rejects.toThrow(IndexError);
    expect([...(await gather(x, index).data())]).toEqual([2, 0, 1]);
  });
});
