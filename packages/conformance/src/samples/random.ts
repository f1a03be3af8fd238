// Samples of the sources. They have no operand, so each takes a scalar that selects the backend.
import * as weft from "@weft/tensor";
import { source, type Backend, type Tensor } from "@weft/tensor";
import { creation, type RandomAttrs, type SourceOps } from "@weft/tensor/internals";
import { between, booleans, distinct, floats, integers, positive, sample, separately, values } from "../sample.ts";
import type { Collection, Sample } from "../sample.ts";

type Creation = "zerosLike" | "onesLike" | "eye" | "rand" | "randn" | "randint";
type Distribution = "bernoulli" | "exponential" | "truncatedNormal" | "permutation" | "multinomial" | "categorical";

const made = (name: string, make: (backend: Backend) => Tensor): Sample =>
  sample(name, [integers(0, 1)], (x) => make(x.interpreter.backend));

const noGradient = { differentiable: [] };
const rounding = { relative: 2e-6, absolute: 1e-6, sums: false };

const draws: readonly RandomAttrs[] = [
  { shape: [37], key: [0, 0], counter: 0 },
  { shape: [3, 5], key: [0xffffffff, 0xffffffff], counter: 0xffffffff },
  { shape: [5, 211], key: [0x13198a2e, 0x03707344], counter: 7 },
  { shape: [], key: [1, 2], counter: 3 },
  { shape: [0, 3], key: [1, 2], counter: 3 },
];

export const random: Collection<keyof SourceOps | Creation | Distribution> = {
  family: "random",
  samples: {
    full: [
      made("f32", (backend) => source(backend, "full", [1.5], { shape: [3, 7], dtype: "f32" })),
      made("i32", (backend) => source(backend, "full", [-7], { shape: [5], dtype: "i32" })),
      made("bool", (backend) => source(backend, "full", [1], { shape: [5], dtype: "bool" })),
      made("NaN", (backend) => source(backend, "full", [NaN], { shape: [5], dtype: "f32" })),
      made("a scalar", (backend) => source(backend, "full", [Infinity], { shape: [], dtype: "f32" })),
      made("nothing", (backend) => source(backend, "full", [1], { shape: [0], dtype: "f32" })),
    ],
    iota: [
      made("f32", (backend) => source(backend, "iota", [], { shape: [37], axis: 0, dtype: "f32" })),
      made("i32 along axis 0", (backend) => source(backend, "iota", [], { shape: [5, 3], axis: 0, dtype: "i32" })),
      made("i32 along axis 1", (backend) => source(backend, "iota", [], { shape: [2, 5, 3], axis: 1, dtype: "i32" })),
      made("nothing", (backend) => source(backend, "iota", [], { shape: [0], axis: 0, dtype: "i32" })),
    ],
    randomBits: draws.map((attrs) => made(`[${attrs.shape}]`, (backend) => source(backend, "randomBits", [], attrs))),
    randomUniform: draws.map((attrs) =>
      made(`[${attrs.shape}]`, (backend) => source(backend, "randomUniform", [], attrs)),
    ),
    zerosLike: [sample("f32", [floats(3, 4)], weft.zerosLike), sample("bool", [booleans(3)], weft.zerosLike)],
    onesLike: [sample("f32", [floats(3, 4)], weft.onesLike), sample("i32", [integers(0, 9, 3)], weft.onesLike)],
    eye: [
      made("square", (backend) => creation(backend).eye(4)),
      made("with columns", (backend) => creation(backend).eye(2, { columns: 5, dtype: "i32" })),
    ],
    rand: [made("a seed", (backend) => creation(backend).rand([5, 7], { seed: 1 }))],
    randint: [
      made("a seed", (backend) => creation(backend).randint([5, 7], { low: -3, high: 10, seed: 1 })),
      made("a wide range", (backend) => creation(backend).randint(100, { high: 1_000_003, seed: 2 ** 33 + 5 })),
    ],
    // Bits and uniform numbers are equal everywhere; the logarithm and the cosine agree to rounding.
    randn: [
      { ...made("a seed", (backend) => creation(backend).randn([5, 7], { seed: 1 })), tolerance: rounding },
      {
        ...made("moments", (backend) => creation(backend).randn(300, { mean: 3, std: 0.5, seed: 2 })),
        tolerance: rounding,
      },
    ],
    bernoulli: [
      sample("a seed", [between(0, 1, 5, 7)], (p) => weft.bernoulli(p, { seed: 1 }), noGradient),
      separately(
        sample(
          "certain, never, nothing",
          [values([1, 0]), floats(0, 3)],
          (p, q) => [p, q].map((t) => weft.bernoulli(t, { seed: 2 })),
          noGradient,
        ),
      ),
    ],
    exponential: [
      {
        ...made("a seed, cast", (backend) => weft.exponential([3], { backend, dtype: "f16", seed: 2 })),
        tolerance: { relative: 2 ** -10, absolute: 1e-3, sums: false },
      },
      {
        ...made("a seed", (backend) => weft.exponential([5, 7], { backend, rate: 2, seed: 1 })),
        tolerance: rounding,
      },
    ],
    truncatedNormal: [
      {
        ...made("a seed", (backend) =>
          weft.truncatedNormal(35, { backend, dtype: "f32", mean: 1, std: 1.5, low: 0, high: 2.5, seed: 1 }),
        ),
        // erfinv is steep at its ends
        tolerance: { relative: 1e-5, absolute: 1e-5, sums: false },
      },
      {
        ...made("far from the mean", (backend) =>
          weft.truncatedNormal(35, { backend, mean: 3, std: 0.5, low: -Infinity, high: 0, seed: 1 }),
        ),
        tolerance: { relative: 1e-5, absolute: 1e-5, sums: false },
      },
    ],
    permutation: [
      made("a seed", (backend) => weft.permutation(37, { backend, seed: 1 })),
      made("nothing", (backend) => weft.permutation(0, { backend, seed: 1, dtype: "f32" })),
    ],
    multinomial: [
      sample(
        "with replacement",
        [positive(3, 5)],
        (w) => weft.multinomial(w, 7, { replacement: true, seed: 1 }),
        noGradient,
      ),
      sample("without", [positive(3, 5)], (w) => weft.multinomial(w, 4, { seed: 1 }), noGradient),
    ],
    categorical: [
      sample("a temperature", [floats(7, 5)], (x) => weft.categorical(x, { temperature: 0.5, seed: 1 }), noGradient),
      sample(
        "the most probable",
        [distinct(2, 7, 5)],
        (x) => weft.categorical(x, { temperature: 3, topK: 3, topP: 0.6, seed: 1 }),
        noGradient,
      ),
      sample(
        "some impossible",
        [values([-Infinity, 1, -Infinity, 2, Infinity, 0], "f32", [2, 3])],
        (x) => weft.categorical(x, { seed: 1 }),
        noGradient,
      ),
    ],
  },
};
