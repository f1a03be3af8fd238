// The CPU and WebGPU agree on products, convolutions, pools, rows, sums and indices of random sizes, strides and axes.
import * as T from "@weft/tensor";
import { scope, type Creation, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect } from "vitest";
import { everything } from "../../../test/extent.ts";
import { open } from "../src/index.node.ts";
import { describeOnDevice, onDevice } from "./device.ts";

/** Numbers that depend on a seed alone (mulberry32). */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  next(): number {
    let t = (this.#state = (this.#state + 0x6d2b79f5) | 0);
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  /** From low to high, both included. */
  from(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }
  flag(): boolean {
    return this.next() < 0.5;
  }
}

/** A computation of random shape, the same on every backend; operands of f32, and then numbers for indices. */
type Draw = (d: Dice) => {
  readonly shapes: readonly (readonly number[])[];
  readonly run: (xs: readonly Tensor[], backend: Creation) => Tensor;
};

const draws: Record<string, Draw> = {
  matmul: (d) => {
    const [m, n, k] = [d.from(1, 70), d.from(1, 70), d.from(1, 90)];
    const [transA, transB, batch] = [d.flag(), d.flag(), d.flag() ? [d.from(1, 3)] : []];
    const a = [...batch, ...(transA ? [k, m] : [m, k])];
    const b = [...(d.flag() ? batch : []), ...(transB ? [n, k] : [k, n])];
    const turned = (x: Tensor, turn: boolean): Tensor =>
      turn ? T.permute(x, [...x.shape.keys()].slice(0, -2).concat(x.shape.length - 1, x.shape.length - 2)) : x;
    return {
      shapes: [a, b, [n]],
      run: ([x, y, bias]) => T.relu(T.add(T.matmul(turned(x!, transA), turned(y!, transB)), bias!)),
    };
  },
  conv: (d) => {
    const axes = d.from(1, 3);
    const groups = d.from(1, 2);
    const [channels, outputs] = [groups * d.from(1, 5), groups * d.from(1, 6)];
    const window = Array.from({ length: axes }, () => d.from(1, 3));
    const options = { stride: d.from(1, 2), padding: d.from(0, 1), dilation: d.from(1, 2), groups };
    const size = window.map((w) => (w - 1) * options.dilation + d.from(1, axes === 1 ? 40 : 8));
    return {
      shapes: [
        [d.from(1, 3), channels, ...size],
        [outputs, channels / groups, ...window],
      ],
      run: ([x, w]) => T.conv(x!, w!, options),
    };
  },
  pool: (d) => {
    const window = d.from(1, 3);
    const options = { window, stride: d.from(1, 3), padding: d.from(0, Math.floor(window / 2)) };
    const pool = d.flag() ? T.maxPool : T.avgPool;
    return {
      shapes: [[d.from(1, 2), d.from(1, 3), d.from(window, 11), d.from(window, 11)]],
      run: ([x]) => pool(x!, options),
    };
  },
  reduce: (d) => {
    const shape = Array.from({ length: d.from(1, 4) }, () => d.from(1, 13));
    const axis = shape.map((_, a) => a).filter(() => d.flag());
    const fold = [T.sum, T.mean, T.max, T.variance][d.from(0, 3)]!;
    return { shapes: [shape], run: ([x]) => T.mul(fold(x!, { axis, keepDims: true }), 2) };
  },
  rows: (d) => {
    const rows = [T.softmax, T.logSoftmax, (x: Tensor) => T.standardize(x)][d.from(0, 2)]!;
    return { shapes: [[d.from(1, 9), d.from(1, 300)]], run: ([x]) => rows(x!) };
  },
  indices: (d) => {
    const [size, count, inner, seed] = [d.from(1, 30), d.from(1, 400), d.from(1, 40), d.from(1, 9)];
    return {
      shapes: [
        [size, inner],
        [count, inner],
      ],
      run: ([x, updates], { randint }) => {
        const indices = randint([count], { high: size, seed });
        return T.add(T.take(T.indexAdd(x!, indices, updates!), indices), 1);
      },
    };
  },
  order: (d) => ({
    shapes: [[d.from(1, 4), d.from(1, 200)]],
    run: ([x]) => T.cumsum(T.sort(x!, { axis: 1 }).values, { axis: 1 }),
  }),
};

describeOnDevice("random shapes", () => {
  onDevice.each(Object.keys(draws))("%s", async (name) => {
    const [gpu, cpu] = [await open({}), openSync({})];
    for (let seed = 1; seed <= (everything ? 10 : 3); seed++) {
      const { shapes, run } = draws[name]!(new Dice(seed * 7919));
      const results = await Promise.all(
        [gpu, cpu].map((backend) =>
          scope(() =>
            run(
              shapes.map((shape, k) => backend.randn(shape, { seed: seed + 100 * k })),
              backend,
            ),
          ).data(),
        ),
      );
      const [got, wanted] = results as [Float32Array, Float32Array];
      const what = `seed ${seed}: ${shapes.map((s) => s.join("×")).join(" and ")}`;
      expect(got.length, what).toBe(wanted.length);
      const scale = Math.max(1, ...wanted.map(Math.abs));
      got.forEach((v, i) => {
        if (!(Math.abs(v - wanted[i]!) <= 2e-5 * scale))
          expect.fail(`${what}: element ${i} is ${v}, wanted ${wanted[i]}`);
      });
    }
  });
});
