// Functions whose results have sizes that depend on values: they read, and give promises. Their numbers, their gradients
// in a `diff` that waits, and that a scope which waits for them releases what they made.
import { diff, param } from "@weft/autograd";
import * as weft from "@weft/tensor";
import { sizeOf } from "@weft/tensor/internals";
import type { Backend, Tensor } from "@weft/tensor";
import type { Case } from "./case.ts";

interface Count {
  readonly name: string;
  /** The elements of x, a matrix of two rows. */
  readonly x: readonly number[];
  readonly call: (x: Tensor) => Promise<readonly Tensor[]>;
  /** The shapes and elements of the results. */
  readonly wanted: readonly (readonly [shape: readonly number[], elements: readonly number[]])[];
  /** The gradient of the sum of the squares of the first result. */
  readonly gradient?: readonly number[];
}

const x = [3, 0, -1, 0, 3, 5];
const counts: readonly Count[] = [
  {
    name: "nonzero",
    x,
    call: async (t) => [await weft.nonzero(t)],
    wanted: [
      [
        [4, 2],
        [0, 0, 0, 2, 1, 1, 1, 2],
      ],
    ],
  },
  {
    name: "nonzero: none",
    x: [0, 0, 0, -0, 0, 0],
    call: (t) => Promise.all([weft.nonzero(t), weft.nonzero(weft.at(t, 0, 0))]),
    wanted: [
      [[0, 2], []],
      [[0, 0], []],
    ],
  },
  {
    name: "maskedSelect",
    x,
    call: async (t) => [await weft.maskedSelect(t, weft.less(t, 3))],
    wanted: [[[3], [0, -1, 0]]],
    gradient: [0, 0, -2, 0, 0, 0],
  },
  {
    name: "maskedSelect: a mask of columns",
    x,
    call: async (t) => [await weft.maskedSelect(t, weft.less(weft.at(t, 0), 1))],
    wanted: [[[4], [0, -1, 3, 5]]],
    gradient: [0, 0, -2, 0, 6, 10],
  },
  {
    name: "unique",
    x,
    call: async (t) => Object.values(await weft.unique(t)) as Tensor[],
    wanted: [
      [[4], [-1, 0, 3, 5]],
      [
        [2, 3],
        [2, 1, 0, 1, 2, 3],
      ],
      [[4], [1, 2, 2, 1]],
    ],
    gradient: [6, 0, -2, 0, 0, 10],
  },
  {
    name: "unique: columns",
    x: [2, 1, 2, 0, NaN, 0],
    call: async (t) => Object.values(await weft.unique(t, { axis: 1 })) as Tensor[],
    wanted: [
      [
        [2, 2],
        [1, 2, NaN, 0],
      ],
      [[3], [1, 0, 1]],
      [[2], [1, 2]],
    ],
  },
];

const differ = (what: string, got: Iterable<number>, wanted: readonly number[]): void => {
  if (String([...got]) !== String(wanted))
    throw new Error(`${what}: wanted ${String(wanted)}, got ${String([...got])}`);
};

async function check(backend: Backend, { x: data, call, wanted, gradient }: Count): Promise<void> {
  const make = () => backend.upload(Float32Array.from(data), [2, 3], "f32");
  await weft.scope(async () => {
    const t = make();
    const got = call(t); // what is made before the scope waits belongs to it
    for (const [i, y] of (await got).entries()) {
      const [shape, elements] = wanted[i]!;
      differ(`the shape of result ${i}`, y.shape, shape);
      differ(`result ${i}`, await backend.read(y), elements);
      if (sizeOf(shape) !== elements.length) throw new Error("the case is wrong");
      y.release();
    }
  });
  if (gradient === undefined) return;
  const p = param(make());
  const tape = await diff(async (t) => {
    const [y] = await t.wait(call(weft.mul(p, 1)));
    return weft.sum(weft.square(y!));
  });
  const g = tape.grad(p);
  differ("the gradient", await backend.read(g), gradient);
  tape.release();
  p.value.release();
}

export const countedCases = (open: () => Promise<Backend>, live: (backend: Backend) => number): Case[] =>
  counts.map((count) => ({
    name: `a size that depends on values: ${count.name}`,
    run: async () => {
      const backend = await open();
      const before = live(backend);
      await check(backend, count);
      const after = live(backend);
      if (count.gradient === undefined && after !== before)
        throw new Error(`wanted as many storages alive as before, got ${after - before} more`);
    },
  }));
