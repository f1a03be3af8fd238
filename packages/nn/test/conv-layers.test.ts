// Layers of convolution, pooling and images, with the numbers of PyTorch.
import { openSync } from "@weft/conformance";
import { flatten, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import {
  AdaptiveAvgPool,
  AdaptiveMaxPool,
  AvgPool,
  Chain,
  Conv,
  ConvTranspose,
  fromBytes,
  Linear,
  MaxPool,
  PixelShuffle,
  PixelUnshuffle,
  toBytes,
  Upsample,
  type Initializer,
} from "../src/index.ts";

const { tensor, randn } = openSync();
const numbers = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));
const x = tensor(numbers(24, (i) => (i * 7) % 11)).reshape([1, 2, 3, 4]);
const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
const init: Initializer = (shape) => numbers(count(shape), (i) => ((i * 5) % 7) - 3);
const biasInit: Initializer = (shape) => numbers(count(shape), (i) => i);
const flat = async (y: Tensor): Promise<number[]> => [...(await y.data())];

test("ConvTranspose has PyTorch's layout of the weight", async () => {
  const f = ConvTranspose({
    in: 2,
    out: 2,
    kernel: [2, 3],
    stride: 2,
    padding: [0, 1],
    outputPadding: 1,
    groups: 2,
    init,
    biasInit,
  });
  expect([f.weight.shape, f.bias!.shape]).toEqual([[2, 1, 2, 3], [2]]);
  const y = f(x);
  expect(y.shape).toEqual([1, 2, 7, 8]);
  expect((await flat(y)).slice(0, 16)).toEqual([0, -21, 14, -9, 6, -30, 20, 0, 0, -14, 21, 1, 9, -17, 30, 10]);
  expect((await flat(y)).slice(56, 72)).toEqual([-20, 12, -8, -3, -29, 15, -17, 13, -13, 22, -5, 10, -19, 31, -11, 19]);
});

const padded: [NonNullable<Parameters<typeof Conv>[0]["paddingMode"]>, number[]][] = [
  ["zeros", [0, 12, 43, 12, 25, 25, 0, 0, -8, 5, -28, 16, -48, 0, 0, 4, -43, -12, -25, -2, 0]],
  ["reflect", [-3, -3, 0, 0, 0, 30, -3, 24, 2, 5, -28, 16, -86, 24, -25, -3, 0, 0, 0, 30, -25]],
  ["replicate", [12, 12, 41, -36, 8, -21, -21, -24, -24, 5, -28, 16, -35, -35, 12, 12, -36, 8, 8, 12, 12]],
  ["circular", [-8, 8, 36, -8, -8, 8, 36, 16, -56, 5, -28, 16, -56, 5, -8, 41, -41, 36, -8, 41, -41]],
];
test.each(padded)("Conv with padding: %s", async (paddingMode, wanted) => {
  const f = Conv({ in: 2, out: 1, kernel: [3, 2], padding: [1, 2], paddingMode, init, biasInit });
  expect(await flat(f(x))).toEqual(wanted);
});

test("Conv keeps sizes", async () => {
  const f = Conv({ in: 2, out: 1, kernel: [3, 2], padding: "same", paddingMode: "circular", init, biasInit });
  expect(await flat(f(x))).toEqual([36, -8, -8, 8, 5, -28, 16, -56, -41, 36, -8, 41]);
  expect(Conv({ in: 2, out: 3, kernel: 5, padding: "same" })(x).shape).toEqual([1, 3, 3, 4]);
});

test("pooling and other sizes", async () => {
  expect(MaxPool({ window: 2, ceilMode: true })(x).shape).toEqual([1, 2, 2, 2]);
  expect(MaxPool({ window: 2, dilation: 2, stride: 1 })(x).shape).toEqual([1, 2, 1, 2]);
  expect(await flat(AvgPool({ window: [3, 4], divisor: 6 })(x))).toEqual([55 / 6, 62 / 6]);
  expect(await flat(AdaptiveAvgPool(1)(x))).toEqual([55 / 12, 62 / 12]);
  expect(await flat(AdaptiveMaxPool([1, null])(x))).toEqual([6, 8, 9, 10, 8, 9, 10, 7]);
  const wider = Upsample({ size: [2, 3], mode: "bilinear" })(x.slice({ ends: [1, 1] }));
  const wanted = [2.208333333, 5.125, 8.041666667, 2.958333333, 5.875, 1.916666667];
  expect(await flat(wider)).toEqual(wanted.map((value) => expect.closeTo(value, 6)));
  expect(Upsample(2)(x).shape).toEqual([1, 2, 6, 8]);
  expect(await flat(PixelUnshuffle(2)(PixelShuffle(2)(x.reshape([1, 4, 2, 3]))))).toEqual(await flat(x));
});

test("models with these layers are saved and loaded", async () => {
  const build = () =>
    Chain(
      ConvTranspose({ in: 2, out: 4, kernel: 3, stride: 2 }),
      PixelShuffle(2),
      AdaptiveAvgPool([2, 2]),
      flatten,
      Linear(4, 3),
    );
  const model = build();
  const again = fromBytes(await toBytes(model), build());
  const image = randn([1, 2, 3, 4], { seed: 1 });
  expect(await flat(again(image))).toEqual(await flat(model(image)));
});

const wrong: [string, () => unknown, string][] = [
  ["Upsample", () => Upsample({}), "Upsample: wanted either size or scaleFactor"],
  [
    "ConvTranspose's channels",
    () => ConvTranspose({ in: 3, out: 2, kernel: 3 })(x),
    "ConvTranspose: a kernel of [3, 3] over 3 channels wants x of shape [N, 3, …, …], got [1, 2, 3, 4]",
  ],
  [
    "ConvTranspose's groups",
    () => ConvTranspose({ in: 3, out: 2, kernel: 3, groups: 2 }),
    "ConvTranspose: groups must divide in and out; 2 does not divide 3 and 2",
  ],
  [
    "AdaptiveAvgPool's size",
    () => AdaptiveAvgPool(0),
    "AdaptiveAvgPool: wanted a positive integer, or a list of them and of null, which keeps the size, as size, got number 0",
  ],
];
test.each(wrong)("refuses wrong %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));
