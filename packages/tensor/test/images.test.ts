// Adaptive pooling, images in other sizes and images read at places, with the numbers of PyTorch.
import { expect, test } from "vitest";
import * as weft from "../src/index.ts";
import type { GridSampleOptions, InterpolateOptions, Tensor } from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor } = reference();
const made = (data: number[], shape: number[]): Tensor => tensor(data, { dtype: "f64" }).reshape(shape);
const counted = Array.from({ length: 20 }, (_, i) => (i * 7) % 11);
const x = made(counted, [1, 1, 4, 5]);
const line = made([0, 7, 3, 10, 4, 0, 7, 3], [1, 2, 4]);
const volume = made([0, 7, 3, 10, 2, 9, 5, 1], [1, 1, 2, 2, 2]);

const numbers = (y: Tensor): number[] => [...y.dataSync()];
const close = (wanted: readonly number[]): unknown[] => wanted.map((value) => expect.closeTo(value, 8));

const sizes: [Tensor, InterpolateOptions, number[]][] = [
  [x, { size: [3, 7] }, [0, 0, 7, 3, 3, 10, 6, 2, 2, 9, 5, 5, 1, 8, 4, 4, 0, 7, 7, 3, 10]],
  [x, { size: [3, 7], mode: "nearest-exact" }, [0, 7, 7, 3, 10, 10, 6, 4, 0, 0, 7, 3, 3, 10, 6, 2, 2, 9, 5, 5, 1]],
  [x, { size: [3, 2], mode: "area" }, [13 / 3, 5.5, 4.5, 17 / 3, 14 / 3, 35 / 6]],
  [
    x,
    { scaleFactor: [0.6, 1.3], mode: "bilinear" },
    [
      0.666666667, 5.243589744, 5.974358974, 4.307692308, 6.871794872, 6.756410256, 4, 1.384615385, 2.961538462,
      6.230769231, 3.153846154, 8.115384615,
    ],
  ],
  [x, { size: 3, mode: "bilinear", alignCorners: true }, [0, 3, 6, 3, 6, 9, 6, 9, 1]],
  [
    x,
    { size: [2, 6], mode: "bicubic" },
    [
      0.390719944, 7.55480957, 6.308408384, 3.773369683, 5.810546875, 6.891276042, 5.451727973, 0.44909668, 4.965680158,
      7.301427771, 4.10546875, 5.766276042,
    ],
  ],
  [
    line,
    { scaleFactor: 1.7, mode: "linear" },
    [
      0, 2.676470588, 6.794117647, 4.764705882, 4.029411765, 8.147058824, 4, 2.470588235, 0.117647059, 3.911764706,
      6.411764706, 4.058823529,
    ],
  ],
  [volume, { size: [3, 1, 3], mode: "trilinear" }, [1.5, 5, 8.5, 2.5, 4.625, 6.75, 3.5, 4.25, 5]],
];
test.each(sizes)("interpolate %o", (image, options, wanted) =>
  expect(numbers(weft.interpolate(image, options))).toEqual(close(wanted)),
);

test("adaptive pooling", () => {
  expect(numbers(weft.adaptiveAvgPool(x, [3, 2]))).toEqual(close([13 / 3, 5.5, 4.5, 17 / 3, 14 / 3, 35 / 6]));
  const { values, indices } = weft.adaptiveMaxPoolWithIndices(x, [3, 2]);
  expect(numbers(values)).toEqual([9, 10, 9, 10, 9, 10]);
  expect(numbers(indices)).toEqual([6, 3, 6, 14, 17, 14]);
  expect(numbers(weft.adaptiveMaxPool(x, [3, 2]))).toEqual([9, 10, 9, 10, 9, 10]);
  expect(weft.adaptiveAvgPool(x, [null, 2]).shape).toEqual([1, 1, 4, 2]);
  expect(numbers(weft.globalAvgPool(x))).toEqual([counted.reduce((a, b) => a + b) / 20]);
  expect(weft.globalMaxPool(x).arraySync()).toEqual([[[[10]]]]);
});

const places = made([-1, -1, 0.1, 0.3, 1.4, -0.2, -0.7, 1.9], [1, 2, 2, 2]);
/** Without and with aligned corners. */
const sampled: [GridSampleOptions, number[], number[]][] = [
  [{}, [0, 6.2, 0, 0], [0, 6.1, 1.68, 0]],
  [{ paddingMode: "border" }, [0, 6.2, 8.2, 5], [0, 6.1, 8.4, 3.6]],
  [{ paddingMode: "reflection" }, [0, 6.2, 4.7, 3.225], [0, 6.1, 2.8, 3.21]],
  [{ mode: "nearest" }, [0, 7, 0, 0], [0, 7, 0, 0]],
  [{ mode: "nearest", paddingMode: "border" }, [0, 7, 8, 6], [0, 7, 8, 2]],
  [{ mode: "nearest", paddingMode: "reflection" }, [0, 7, 8, 4], [0, 7, 1, 0]],
  [{ mode: "bicubic" }, [-0.421875, 7.034193359, -0.782460938, 0], [0, 6.6028825, 1.74144, -0.358005375]],
  [
    { mode: "bicubic", paddingMode: "border" },
    [-0.84375, 6.97362793, 8.34625, 4.84765625],
    [0, 6.6028825, 8.95968, 2.796],
  ],
  [
    { mode: "bicubic", paddingMode: "reflection" },
    [-1.6875, 6.97362793, 4.037351563, 2.966871094],
    [0, 6.6028825, 1.618624, 2.6889285],
  ],
];
test.each(sampled)("gridSample %o", (options, edges, corners) => {
  expect(numbers(weft.gridSample(x, places, options))).toEqual(close(edges));
  expect(numbers(weft.gridSample(x, places, { ...options, alignCorners: true }))).toEqual(close(corners));
});

test("affineGrid", () => {
  const map = made([1, 0.5, 0, -0.5, 2, 0.25], [1, 2, 3]);
  expect(numbers(weft.affineGrid(map, [1, 1, 2, 3], { alignCorners: true }))).toEqual(
    close([-1.5, -1.25, -0.5, -1.75, 0.5, -2.25, -0.5, 2.75, 0.5, 2.25, 1.5, 1.75]),
  );
  expect(numbers(weft.affineGrid(map, [1, 1, 2, 3]))).toEqual(
    close([-11 / 12, -5 / 12, -0.25, -0.75, 5 / 12, -13 / 12, -5 / 12, 19 / 12, 0.25, 1.25, 11 / 12, 11 / 12]),
  );
});

test("shuffles are inverse to each other", () => {
  const y = made(counted.slice(0, 16), [1, 4, 2, 2]);
  expect(numbers(weft.pixelShuffle(y, 2))).toEqual([0, 6, 7, 2, 1, 7, 8, 3, 3, 9, 10, 5, 4, 10, 0, 6]);
  expect(numbers(weft.pixelUnshuffle(weft.pixelShuffle(y, 2), 2))).toEqual(numbers(y));
  expect(numbers(weft.channelShuffle(weft.channelShuffle(y, 2), 2))).toEqual(numbers(y));
});

const wrong: [() => unknown, string][] = [
  [() => weft.interpolate(x, {}), "interpolate: wanted either size or scaleFactor"],
  [() => weft.interpolate(x, { size: 2, scaleFactor: 2 }), "interpolate: wanted either size or scaleFactor"],
  [() => weft.interpolate(x, { size: [2] }), "interpolate: shape [1, 1, 4, 5] has 2 spatial axes, size has 1"],
  [() => weft.interpolate(x, { size: 0.5 }), "interpolate: wanted a positive integer as size, got [0.5, 0.5]"],
  [
    () => weft.interpolate(x, { scaleFactor: 0.1 }),
    "interpolate: images of shape [1, 1, 4, 5] cannot have the size [0, 0]: spatial axes have 1 to 67108864 elements",
  ],
  [
    () => weft.interpolate(line, { size: 2, mode: "bicubic" }),
    'interpolate: mode "bicubic" is for 2 spatial axes, shape [1, 2, 4] has 1',
  ],
  [
    () => weft.interpolate(x, { size: 2, alignCorners: true }),
    'interpolate: mode "nearest" does not mix neighbors and takes no alignCorners',
  ],
  [
    () => weft.adaptiveAvgPool(x, [2, 0]),
    "adaptiveAvgPool: wanted a positive integer, or a list of them and of null, which keeps the size, as size, got [2, 0]",
  ],
  [() => weft.adaptiveAvgPool(x, [2]), "adaptiveAvgPool: shape [1, 1, 4, 5] has 2 spatial axes, size has 1"],
  [() => weft.pixelShuffle(x, 2), "pixelShuffle: 4, the square of the factor, must divide the 1 channels"],
  [() => weft.pixelUnshuffle(x, 2), "pixelUnshuffle: the factor 2 must divide height 4 and width 5"],
  [
    () => weft.channelShuffle(line, 3),
    "channelShuffle: shape [1, 2, 4] does not fit: wanted [N, C, ...] with channels in 3 groups of equal size",
  ],
  [
    () => weft.gridSample(x, x),
    "gridSample: shapes [1, 1, 4, 5] and [1, 1, 4, 5] do not fit: wanted [N, C, H, W] and [N, ..., ..., 2], or [N, C, D, H, W] and [N, ..., ..., ..., 3]",
  ],
  [
    () => weft.affineGrid(line, [1, 1, 2, 2]),
    "affineGrid: maps of shape [1, 2, 4] and size [1, 1, 2, 2] do not fit: wanted [N, 2, 3] and [N, C, H, W], or [N, 3, 4] and [N, C, D, H, W]",
  ],
];
test.each(wrong)("refuses what does not fit: %s", (f, message) =>
  expect(f).toThrow(expect.objectContaining({ message })),
);
