// Samples of images in other sizes and places.
import * as weft from "@weft/tensor";
import { between, floats, sample, values, type Collection } from "../sample.ts";

/** Places between those where the elements that are mixed change: there, results have a kink. */
const places = (...shape: number[]) => ({
  ...between(-1, 1, ...shape),
  fill: (random: () => number) =>
    Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => (Math.floor(12 * random()) - 6) / 4 + 0.07),
});

const special = { order: 0, views: false } as const;

export const images: Collection<
  "interpolate" | "pixelShuffle" | "pixelUnshuffle" | "channelShuffle" | "affineGrid" | "gridSample"
> = {
  family: "conv",
  samples: {
    interpolate: [
      sample("nearest, repeated and skipped", [floats(1, 2, 3, 4)], (x) => weft.interpolate(x, { size: [6, 3] })),
      sample("linear", [floats(2, 1, 4)], (x) => weft.interpolate(x, { scaleFactor: 1.7, mode: "linear" })),
      sample("bilinear, corners aligned", [floats(1, 1, 2, 3)], (x) =>
        weft.interpolate(x, { size: [3, 2], mode: "bilinear", alignCorners: true }),
      ),
      sample("nearest centers", [floats(1, 1, 5)], (x) => weft.interpolate(x, { size: 3, mode: "nearest-exact" })),
      sample("trilinear", [floats(1, 1, 2, 1, 3)], (x) => weft.interpolate(x, { size: [3, 2, 2], mode: "trilinear" })),
      sample("means of areas", [floats(1, 2, 5)], (x) => weft.interpolate(x, { size: 3, mode: "area" })),
      sample("no images", [floats(0, 2, 3)], (x) => [
        weft.interpolate(x, { size: 2 }),
        weft.interpolate(x, { size: 5, mode: "linear" }),
      ]),
      sample("NaN and infinities reach their neighbors", [values([1, NaN, 2, 3, Infinity, 4, 5, 6], "f32", [1, 1, 8])], (x) => weft.interpolate(x, { size: 12, mode: "linear" }), special), // prettier-ignore
      sample("bicubic", [floats(1, 1, 3, 2)], (x) => weft.interpolate(x, { size: [2, 4], mode: "bicubic" })),
    ],
    pixelShuffle: [sample("by two", [floats(2, 4, 2, 3)], (x) => weft.pixelShuffle(x, 2))],
    pixelUnshuffle: [
      sample("no images", [floats(0, 2, 4)], (x) => weft.pixelUnshuffle(x, 2)),
      sample("by two", [floats(2, 4, 6)], (x) => weft.pixelUnshuffle(x, 2)),
    ],
    channelShuffle: [sample("three groups", [floats(2, 6, 2)], (x) => weft.channelShuffle(x, 3))],
    affineGrid: [
      sample("images", [floats(2, 2, 3)], (m) => weft.affineGrid(m, [2, 1, 2, 3])),
      sample("volumes, corners aligned", [floats(1, 3, 4)], (m) =>
        weft.affineGrid(m, [1, 1, 2, 1, 3], { alignCorners: true }),
      ),
    ],
    gridSample: [
      sample("zeros beyond", [floats(1, 2, 3, 4), places(1, 2, 2, 2)], (x, grid) => weft.gridSample(x, grid)),
      sample("mirrored", [floats(1, 1, 3, 3), places(1, 1, 3, 2)], (x, grid) =>
        weft.gridSample(x, grid, { paddingMode: "reflection", alignCorners: true }),
      ),
      sample("bicubic, up to the border", [floats(1, 1, 3, 2), places(1, 1, 2, 2)], (x, grid) =>
        weft.gridSample(x, grid, { mode: "bicubic", paddingMode: "border" }),
      ),
      sample("volumes, nearest", [floats(1, 2, 2, 2, 3), places(1, 1, 1, 2, 3)], (x, grid) =>
        weft.gridSample(x, grid, { mode: "nearest" }),
      ),
      sample("places far away", [floats(1, 1, 2, 2), values([1e30, 0, -Infinity, 0, -3, 3], "f32", [1, 1, 3, 2])], (x, grid) => weft.gridSample(x, grid, { mode: "nearest" }), special), // prettier-ignore
      sample("NaN in images and places", [values([NaN, 1, 2, Infinity], "f32", [1, 1, 2, 2]), values([0, 0, NaN, 0, 1, -1], "f32", [1, 1, 3, 2])], (x, grid) => weft.gridSample(x, grid, { alignCorners: true }), special), // prettier-ignore
      sample("no places", [floats(1, 2, 2, 2), floats(1, 0, 3, 2)], (x, grid) => weft.gridSample(x, grid)),
    ],
  },
};
