// Samples of narrow floats, which are stored and moved, and computed with in f32.
import * as weft from "@weft/tensor";
import { storage as reference } from "../reference/storage.ts";
import { between, integers, sample, values, type Collection, type Input, type Sample } from "../sample.ts";

const notDifferentiable = { differentiable: [] };
const halves: Input = values([0, -0, 1, -1.5, 65504, 6e-8, NaN, Infinity, -Infinity, 0.1, 1 / 3, 1000], "f16", [3, 4]);
const bfloats: Input = values(
  [0, -0, 1, -1.5, 3e38, 1e-40, NaN, Infinity, -Infinity, 0.1, 1 / 3, 1000],
  "bf16",
  [3, 4],
);

/** Every number of 16 bits. */
const all = (dtype: "f16" | "bf16"): Input => ({
  shape: [2 ** 16],
  dtype,
  fill: () => Array.from({ length: 2 ** 16 }, (_, bits) => reference[dtype].load(bits)),
});

/** The midpoint of each two neighbors, and the f32 on either side of it. */
function ties(dtype: "f16" | "bf16"): Input {
  const { load, store } = reference[dtype];
  const pairs = store(Infinity) - 1;
  const around = (tie: number): number[] => [tie, -tie * (1 + 2 ** -23), tie * (1 - 2 ** -23)];
  return {
    shape: [3 * pairs],
    dtype: "f32",
    fill: () => Array.from({ length: pairs }, (_, bits) => around((load(bits) + load(bits + 1)) / 2)).flat(),
  };
}

const stored = (dtype: "f16" | "bf16", some: Input, ends: readonly number[]): Sample[] => [
  sample("to f32", [some], (x) => weft.cast(x, "f32")),
  sample("every one to f32", [all(dtype)], (x) => weft.cast(x, "f32"), { views: false }),
  sample("from f32, to the nearest", [between(-10, 10, 37)], (x) => weft.cast(x, dtype), notDifferentiable),
  sample("from f32, at the ends", [values(ends)], (x) => weft.cast(x, dtype), notDifferentiable),
  sample("from f32, ties", [ties(dtype)], (x) => weft.cast(x, dtype), { differentiable: [], views: false }),
  sample("meets f32", [some, between(-2, 2, 4)], (x, y) => weft.maximum(x, y), notDifferentiable),
  sample("rows", [some, integers(0, 3, 5)], (x, i) => weft.take(x, i)),
  sample("elements", [some, integers(0, 4, 3, 2)], (x, i) => weft.gather(x, i, { axis: 1 })),
  sample("transposed", [some], (x) => weft.transpose(x)),
  sample("joined", [some, some], (x, y) => weft.flip(weft.concat([x, y], { axis: 1 }))),
];

export const storage: Collection<"f16" | "bf16"> = {
  family: "movement",
  samples: {
    f16: stored("f16", halves, [65504, 65519, 65520, 1e9, 1e-9, 5.9e-8, NaN]),
    bf16: [
      ...stored("bf16", bfloats, [3.39e38, 3.4e38, -1e-40, 2 ** -133, 2 ** -134, 2 ** -149, Infinity, NaN]),
      sample("meets f16", [bfloats, halves], (x, y) => weft.maximum(x, y), notDifferentiable),
    ],
  },
};
