// Samples of the sources. They have no operand, so each takes a scalar that names the backend.
import { source, type Backend, type RandomAttrs, type SourceOps, type Tensor } from "@weft/tensor";
import { integers, sample, type Collection, type Sample } from "../sample.ts";

const made = (name: string, make: (backend: Backend) => Tensor): Sample =>
  sample(name, [integers(0, 1)], (x) => make(x.interpreter.backend));

const draws: readonly RandomAttrs[] = [
  { shape: [37], key: [0, 0], counter: 0 },
  { shape: [3, 5], key: [0xffffffff, 0xffffffff], counter: 0xffffffff },
  { shape: [5, 211], key: [0x13198a2e, 0x03707344], counter: 7 },
  { shape: [], key: [1, 2], counter: 3 },
  { shape: [0, 3], key: [1, 2], counter: 3 },
];

export const random: Collection<keyof SourceOps> = {
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
    randomUniform: draws.map((attrs) => made(`[${attrs.shape}]`, (backend) => source(backend, "randomUniform", [], attrs))),
  },
};
