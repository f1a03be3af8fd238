// Samples of pieces, diagonals, grids, padding and windows.
import * as weft from "@weft/tensor";
import { booleans, floats, integers, sample, values, type Collection } from "../sample.ts";

type Shaped =
  | "blockDiag"
  | "chunk"
  | "col2im"
  | "diag"
  | "diagEmbed"
  | "diagonal"
  | "im2col"
  | "kron"
  | "meshgrid"
  | "movedim"
  | "rot90"
  | "tensorSplit"
  | "trace"
  | "unbind"
  | "unfold";

const pad = (mode: "reflect" | "replicate" | "circular", ...pads: [number, number][]) =>
  sample(mode, [floats(2, 4)], (x) => weft.pad(x, { pads, mode }));

/** More samples of `pad`: its modes, and cutting. */
export const paddings = [
  pad("reflect", [0, 1], [3, 2]),
  pad("replicate", [2, 0], [-1, 3]),
  pad("circular", [1, 2], [2, -1]),
  sample("NaN around", [values([NaN, 1, Infinity])], (x) => [weft.pad(x, { pads: [[1, 2]], mode: "reflect" }), weft.pad(x, { pads: [[1, 0]], value: NaN })], { order: 0 }), // prettier-ignore
  sample("negative pads", [floats(3, 4)], (x) => weft.pad(x, { pads: [[-1, 2], [1, -2]], value: 0.5 })), // prettier-ignore
];

export const shape: Collection<Shaped> = {
  family: "movement",
  samples: {
    chunk: [
      sample("a shorter piece", [floats(5, 2)], (x) => weft.chunk(x, 2)),
      sample("nothing", [floats(2, 0)], (x) => weft.chunk(x, 2, { axis: 1 })),
    ],
    tensorSplit: [
      sample("a number of parts", [floats(2, 5)], (x) => weft.tensorSplit(x, 3, { axis: -1 })),
      sample("places", [integers(-9, 10, 5)], (x) => weft.tensorSplit(x, [3, 1, -1])),
    ],
    unbind: [sample("an inner axis", [floats(2, 3, 2)], (x) => weft.unbind(x, { axis: 1 }))],
    movedim: [
      sample("a scalar", [floats()], (x) => weft.movedim(x, 0, -1)),
      sample("two axes", [floats(2, 3, 4)], (x) => weft.movedim(x, [0, 1], [-1, 0])),
    ],
    rot90: [
      sample("a quarter", [floats(2, 3)], (x) => weft.rot90(x)),
      sample("three quarters of a plane", [floats(2, 2, 3)], (x) => weft.rot90(x, { k: -1, axes: [1, 2] })),
    ],
    meshgrid: [sample("a vector and a scalar", [floats(2), floats(3), floats()], (...xs) => weft.meshgrid(xs, { indexing: "xy" }))], // prettier-ignore
    diag: [
      sample("of a vector", [floats(3)], (x) => weft.diag(x, { k: -1 })),
      sample("of a matrix", [floats(3, 2)], (x) => weft.diag(x)),
      sample("bool", [booleans(2)], (x) => weft.diag(x, { k: 1 })),
    ],
    diagonal: [
      sample("above", [floats(2, 3, 4)], (x) => weft.diagonal(x, { k: 1, axes: [-1, 0] })),
      sample("none", [floats(2, 3)], (x) => weft.diagonal(x, { k: -2 })),
    ],
    diagEmbed: [
      sample("below", [floats(2, 2)], (x) => weft.diagEmbed(x, { k: -1, axes: [0, 2] })),
      sample("nothing", [floats(2, 0)], (x) => weft.diagEmbed(x, { k: 2 })),
    ],
    trace: [
      sample("a matrix", [floats(3, 4)], (x) => weft.trace(x)),
      sample("i32", [integers(-9, 10, 2, 2)], (x) => weft.trace(x)),
    ],
    blockDiag: [
      sample("a matrix, a vector and a scalar", [floats(2, 1), floats(2), floats()], (...xs) => weft.blockDiag(xs)),
    ],
    kron: [
      sample("nothing", [floats(0, 2), floats(2)], (a, b) => weft.kron(a, b)),
      sample("matrices", [floats(2, 2), floats(1, 3)], (a, b) => weft.kron(a, b)),
      sample("fewer axes", [floats(2), floats(2, 1, 2)], (a, b) => weft.kron(a, b)),
    ],
    unfold: [
      sample("overlapping windows", [floats(5, 2)], (x) => weft.unfold(x, { axis: 0, size: 3 })),
      sample("windows apart", [floats(2, 7)], (x) => weft.unfold(x, { size: 2, step: 3 })),
    ],
    im2col: [
      sample("NaN", [values([NaN, 1, 2, Infinity], "f32", [1, 1, 4])], (x) => weft.im2col(x, { window: 2 }), { order: 0 }), // prettier-ignore
      sample("padded", [floats(1, 2, 3, 2)], (x) =>
        weft.im2col(x, { window: [2, 2], stride: [2, 1], padding: 1, dilation: [1, 2] }),
      ),
      sample("of the same size", [floats(1, 1, 5)], (x) => weft.im2col(x, { window: 2, stride: 2, padding: "same" })),
    ],
    col2im: [
      sample("padded", [floats(1, 8, 4)], (x) =>
        weft.col2im(x, { size: [3, 2], window: [2, 2], stride: [2, 1], padding: 1, dilation: [1, 2] }),
      ),
    ],
  },
};
