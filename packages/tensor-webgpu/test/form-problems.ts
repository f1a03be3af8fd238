// Problems for timing tuned forms: the products and convolutions of the benchmark models, each with the form from the
// table and its neighbors, and its elements by plain loops in float64.
import type { CallLaunch } from "@weft/kernel";
import { sizeOf, type ConvAttrs } from "@weft/tensor/internals";
import { convolutionForm, productForm } from "../src/forms/choice.ts";
import { convolution, sizesOf } from "../src/forms/convolution.ts";
import { geometryOf, type Convolution } from "../src/forms/geometry.ts";
import { product, productOf, type ProductForm } from "../src/forms/product.ts";
import type { DeviceTraits } from "../src/forms/device-traits.ts";
import type { Staged } from "../src/forms/stage.ts";
import { threadsOf, tileVectors, tilingName, type Tiling } from "../src/forms/tile.ts";
import { callOf, laidOut } from "./launches.ts";

export interface Problem {
  readonly name: string;
  readonly launch: CallLaunch;
  readonly flop: number;
  /** Element `i` in float64. */
  readonly element: (memory: readonly Float32Array[], i: number) => number;
  /** Forms to try, by name, and the name of the one in the table. */
  readonly forms: readonly (readonly [name: string, make: () => Staged])[];
}

/** Operands at multiples of 256 bytes. */
const aligned = (shapes: readonly (readonly number[])[]) => laidOut(shapes, 256, 0);

/** The problems; small ones where only correctness matters. */
export function problemsFor(machine: DeviceTraits, quick: boolean): (() => Problem)[] {
  /** Tilings that fit, by their names: `128x128x8 8x8 prefetch`; only one where just correctness matters. */
  const pick = (sides: { a: { along: "row" | "k" }; b: { along: "row" | "k" } }, given: readonly string[]): Tiling[] =>
    (quick ? ["32x32x8 4x4 prefetch"] : given)
      .map((name): Tiling => {
        const [bm, bn, bk, tm, tn] = name.match(/\d+/g)!.map(Number) as [number, number, number, number, number];
        const transpose = name.includes("registers") ? "registers" : "components";
        return { bm, bn, bk, tm, tn, transpose, prefetch: name.includes("prefetch"), unroll: !quick };
      })
      .filter((t) => threadsOf(t) <= machine.threads && 16 * tileVectors(t, sides.a, sides.b) <= machine.shared);

  const large = [
    "128x256x16 8x16 prefetch",
    "128x256x8 8x16 prefetch",
    "128x128x16 8x8 prefetch",
    "128x128x8 8x8 prefetch",
  ];
  const many = [
    "104x256x16 8x16 prefetch",
    "112x256x16 8x16 prefetch",
    "104x256x8 8x16 prefetch",
    "128x128x16 8x8 prefetch",
    "64x256x16 8x8 prefetch",
  ];
  const tiles = [
    "128x256x16 8x16 prefetch",
    "128x128x16 8x8 prefetch",
    "128x64x16 8x4 prefetch",
    "64x64x16 4x4 prefetch",
  ];
  const middle = [
    "128x128x8 8x8 prefetch",
    "128x128x16 8x8",
    "64x128x8 4x8 prefetch",
    "128x64x8 8x4 prefetch",
    "64x64x16 4x4 prefetch",
  ];

  function matmul(
    name: string,
    M: number,
    K: number,
    N: number,
    order: string,
    tiles: readonly string[],
    splits: readonly number[],
    slices: readonly string[],
    batch: readonly number[] = [],
  ): Problem {
    const [transA, transB] = [order[0] === "T", order[1] === "T"];
    const operands = aligned([
      [...batch, ...(transA ? [K, M] : [M, K])],
      [...batch, ...(transB ? [N, K] : [K, N])],
      [...batch, M, N],
    ]);
    const launch = callOf("matmul", { transA, transB }, operands);
    const p = productOf(launch);
    const sized = { ...p, batches: sizeOf(batch) };
    const make = (form: ProductForm) => () => product(launch, form, machine);
    const forms: [string, () => Staged][] = [
      [
        `table ${JSON.stringify(productForm(sized, machine))}`,
        make(productForm(sized, machine) ?? { kind: "sliced", slicing: { rm: 8, rn: 8, order: "column", written: 0 } }),
      ],
      ...pick(p, tiles).flatMap((tiling) =>
        splits.map((s): [string, () => Staged] => [
          `${tilingName(tiling)} / ${s}`,
          make({ kind: "tiled", tiling, splits: s }),
        ]),
      ),
      ...slices.flatMap((text): [string, () => Staged][] => {
        const [rm, rn] = text.split("x").map(Number) as [number, number];
        const orders = order === "NT" ? (["k"] as const) : (["column"] as const);
        return orders.flatMap((o) =>
          [16, 32].map((written): [string, () => Staged] => [
            `slice ${text} by ${o} ${written}`,
            make({ kind: "sliced", slicing: { rm, rn, order: o, written } }),
          ]),
        );
      }),
    ];
    const element = ([x, y]: readonly Float32Array[], i: number): number => {
      const [each, m, n] = [Math.floor(i / (M * N)), Math.floor(i / N) % M, i % N];
      const [left, right] = [each * M * K, each * N * K];
      let sum = 0;
      for (let k = 0; k < K; k++)
        sum += x![left + (transA ? k * M + m : m * K + k)]! * y![right + (transB ? n * K + k : k * N + n)]!;
      return sum;
    };
    const flop = 2 * M * N * K * sizeOf(batch);
    return { name: `${name} ${M}x${K}x${N} ${order}`, launch, flop, element, forms };
  }

  function conv(
    name: string,
    op: Convolution,
    images: number,
    channels: number,
    outputs: number,
    size: number,
    kernel: number,
    pad: number,
    tiles: readonly string[],
    splits: readonly number[],
  ): Problem {
    const side = size + 2 * pad - kernel + 1;
    const shapes = {
      x: [images, channels, size, size],
      w: [outputs, channels, kernel, kernel],
      y: [images, outputs, side, side],
    };
    const order = { conv: "xwy", convInputGrad: "ywx", convWeightGrad: "xyw" }[op];
    const operands = aligned(Array.from(order, (o) => shapes[o as "x"]));
    const attrs: ConvAttrs = {
      stride: [1, 1],
      padding: [
        [pad, pad],
        [pad, pad],
      ],
      dilation: [1, 1],
      groups: 1,
    };
    const launch = callOf(op, attrs, operands);
    const sizes = sizesOf(op, geometryOf(op, launch));
    const make = (form: { tiling: Tiling; splits: number }) => () => convolution(op, launch, form, machine);
    const table = convolutionForm(sizes, machine)!;
    const forms: [string, () => Staged][] = [
      [`table ${tilingName(table.tiling)} / ${table.splits}`, make(table)],
      ...pick(sizes, tiles).flatMap((tiling) =>
        splits.map((s): [string, () => Staged] => [`${tilingName(tiling)} / ${s}`, make({ tiling, splits: s })]),
      ),
    ];
    /** All terms of element `i`: loops over what the result does not fix. */
    const element = (memory: readonly Float32Array[], i: number): number => {
      const of = (o: string): Float32Array => memory[order.indexOf(o)]!;
      const at = ([, d1, d2, d3]: readonly number[], p: readonly number[]): number =>
        ((p[0]! * d1! + p[1]!) * d2! + p[2]!) * d3! + p[3]!;
      const result = shapes[order[2] as "x"];
      const place = [
        Math.floor(i / (result[1]! * result[2]! * result[3]!)),
        Math.floor(i / (result[2]! * result[3]!)) % result[1]!,
        Math.floor(i / result[3]!) % result[2]!,
        i % result[3]!,
      ];
      const each = (n: number): number[] => Array.from({ length: n }, (_, k) => k);
      const fixed = (value: number | undefined, n: number): number[] => (value === undefined ? each(n) : [value]);
      const imageStep = fixed(op === "convWeightGrad" ? undefined : place[0], images);
      const outs = fixed(op === "conv" ? place[1] : op === "convWeightGrad" ? place[0] : undefined, outputs);
      const channelStep = fixed(op === "conv" ? undefined : place[1], channels);
      let sum = 0;
      for (const n of imageStep)
        for (const o of outs)
          for (const c of channelStep)
            for (const qy of fixed(op === "convWeightGrad" ? place[2] : undefined, kernel))
              for (const qx of fixed(op === "convWeightGrad" ? place[3] : undefined, kernel))
                for (const py of fixed(
                  op === "conv" ? place[2] : op === "convInputGrad" ? place[2]! + pad - qy : undefined,
                  side,
                ))
                  for (const px of fixed(
                    op === "conv" ? place[3] : op === "convInputGrad" ? place[3]! + pad - qx : undefined,
                    side,
                  )) {
                    const [iy, ix] = [py - pad + qy, px - pad + qx];
                    if (py < 0 || px < 0 || py >= side || px >= side || iy < 0 || ix < 0 || iy >= size || ix >= size)
                      continue;
                    const terms = { x: [n, c, iy, ix], w: [o, c, qy, qx], y: [n, o, py, px] };
                    sum +=
                      of(order[0]!)[at(shapes[order[0] as "x"], terms[order[0] as "x"])]! *
                      of(order[1]!)[at(shapes[order[1] as "x"], terms[order[1] as "x"])]!;
                  }
      return sum;
    };
    return { name: `${name} ${op}`, launch, flop: 2 * sizes.M * sizes.N * sizes.K, element, forms };
  }

  const thin = [
    "64x256x10 8x8 prefetch",
    "64x256x10 8x8",
    "64x256x25 8x8",
    "56x256x10 8x8 prefetch",
    "56x256x25 8x8",
    "52x128x25 4x8",
    "64x128x25 8x4 prefetch",
  ];
  const wide = [
    "128x128x20 8x8",
    "128x128x20 8x8 prefetch",
    "128x128x25 8x8",
    "104x128x20 8x8",
    "104x128x20 8x8 prefetch",
    "100x64x25 4x8 prefetch",
  ];
  return quick
    ? [
        ...["NN", "NT", "TN", "TT"].map(
          (order) => () => matmul("quick", 100, 72, 64, order, [], [1, 2], ["8x8", "16x16"]),
        ),
        ...(["conv", "convInputGrad", "convWeightGrad"] as const).map(
          (op) => () => conv("quick", op, 4, 5, 8, 9, 3, 1, [], [1, 2]),
        ),
      ]
    : [
        () => matmul("mlp out", 100, 64, 10, "NN", [], [1], ["8x16", "4x16", "8x8"]),
        () => matmul("mlp", 100, 784, 64, "NN", [], [1], ["8x8", "4x16", "8x16", "16x16"]),
        () => matmul("mlp dW", 784, 100, 64, "TN", ["64x64x16 4x4 prefetch"], [1], ["16x16", "16x32", "32x32"]),
        () => matmul("lstm", 128, 256, 1024, "NN", [], [1], ["16x32", "32x32", "16x64"]),
        () => matmul("lstm back", 128, 1024, 256, "NT", [], [1], ["16x16", "32x16", "16x32"]),
        () => matmul("lenet fc", 100, 800, 500, "NN", [], [1], ["16x32", "16x16", "32x32"]),
        () =>
          matmul(
            "lenet fc dW",
            800,
            100,
            500,
            "TN",
            ["64x64x16 4x4 prefetch", "64x128x8 4x8 prefetch"],
            [1],
            ["32x32", "64x64"],
          ),
        () => matmul("lenet fc dx", 100, 500, 800, "NT", [], [1], ["16x32", "16x16", "32x32"]),
        () =>
          matmul(
            "vgg fc",
            64,
            6400,
            512,
            "NN",
            ["64x64x16 4x4 prefetch", "64x128x16 4x8 prefetch"],
            [16, 33],
            ["16x32", "16x16"],
          ),
        () =>
          matmul(
            "vgg fc dW",
            6400,
            64,
            512,
            "TN",
            ["128x128x8 8x8 prefetch", "128x256x16 8x16 prefetch", "64x128x16 4x8 prefetch"],
            [1],
            ["64x64"],
          ),
        () =>
          matmul(
            "vgg fc dx",
            64,
            512,
            6400,
            "NT",
            ["64x128x16 4x8 prefetch", "64x64x16 4x4 prefetch"],
            [1, 2],
            ["16x32", "32x64"],
          ),
        () => matmul("attention", 256, 64, 256, "NT", tiles, [1], [], [16, 8]),
        () => matmul("attention", 256, 256, 64, "NN", tiles, [1], [], [16, 8]),
        () => matmul("attention", 64, 64, 64, "NT", ["64x64x16 4x4 prefetch"], [1], ["16x32", "32x32"], [16, 8]),
        () => matmul("charlm", 12800, 256, 1024, "NN", many, [1], []),
        () => matmul("charlm dx", 12800, 1024, 256, "NT", many, [1], []),
        () => matmul("charlm", 12800, 1024, 256, "NN", many, [1], []),
        () => matmul("charlm dW", 1024, 12800, 256, "TN", middle.slice(0, 3), [4, 8, 16], []),
        () => conv("lenet conv2", "conv", 100, 20, 50, 12, 5, 0, ["64x64x20 4x4"], [1, 4]),
        () => conv("lenet conv2", "convWeightGrad", 100, 20, 50, 12, 5, 0, ["64x128x16 4x8"], [33]),
        () => conv("lenet conv2", "convInputGrad", 100, 20, 50, 12, 5, 0, ["20x128x25 4x4", "20x128x10 4x4"], [4, 9]),
        () => conv("lenet conv1", "conv", 100, 1, 20, 28, 5, 0, ["20x256x8 4x8 prefetch", "20x256x8 4x8"], [1]),
        () =>
          conv(
            "lenet conv1",
            "convWeightGrad",
            100,
            1,
            20,
            28,
            5,
            0,
            ["32x32x64 4x4 prefetch", "32x32x32 4x4"],
            [132, 264, 528],
          ),
        () => conv("vgg1", "conv", 64, 3, 50, 32, 3, 1, ["64x128x28 4x8", "64x128x8 4x8"], [1]),
        () => conv("vgg1", "convWeightGrad", 64, 3, 50, 32, 3, 1, ["64x32x32 4x4"], [132, 264]),
        () => conv("vgg2", "conv", 64, 50, 50, 32, 3, 1, thin, [1]),
        () => conv("vgg2", "convInputGrad", 64, 50, 50, 32, 3, 1, ["64x256x25 8x8"], [1]),
        () => conv("vgg2", "convWeightGrad", 64, 50, 50, 32, 3, 1, ["64x128x16 4x8 prefetch"], [66]),
        () => conv("vgg3", "conv", 64, 50, 100, 16, 3, 1, ["128x128x25 8x8", "64x128x25 4x8"], [1, 2]),
        () =>
          conv(
            "vgg3",
            "convInputGrad",
            64,
            50,
            100,
            16,
            3,
            1,
            ["64x128x20 4x8", "64x64x20 4x4", "64x256x20 8x8"],
            [1, 2],
          ),
        () => conv("vgg3", "convWeightGrad", 64, 50, 100, 16, 3, 1, ["104x152x16 8x8 prefetch"], [44, 88]),
        () => conv("vgg4", "conv", 64, 100, 100, 16, 3, 1, wide, [1]),
        () => conv("vgg4", "convWeightGrad", 64, 100, 100, 16, 3, 1, ["104x152x16 8x8 prefetch"], [22]),
        () => conv("vgg4", "convInputGrad", 64, 100, 100, 16, 3, 1, ["128x128x20 8x8"], [1]),
        () => matmul("square", 1024, 1024, 1024, "NN", middle, [1, 2], []),
        () => matmul("square", 4096, 4096, 4096, "NN", large, [1], []),
        () => matmul("square", 2048, 2048, 2048, "TN", large, [1], []),
        () => matmul("square", 2048, 2048, 2048, "NT", large, [1], []),
        () => matmul("square", 4096, 4096, 4096, "TN", large, [1], []),
      ];
}
