import type { ConvAttrs } from "@weft/tensor/internals";
import { describe, expect, test } from "vitest";
import { conv, convInputGrad, convWeightGrad } from "../src/calls/convolution.ts";
import { count, difference, generator, runCall, type Given } from "./guarded.ts";

const r = generator(11);

interface Case {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attrs: ConvAttrs;
}

const outputShape = ({ x, w, attrs }: Case): number[] => [
  x[0]!,
  w[0]!,
  ...x.slice(2).map((n, i) => {
    const [low, high] = attrs.padding[i]!;
    return Math.floor((n + low + high - attrs.dilation[i]! * (w[i + 2]! - 1) - 1) / attrs.stride[i]!) + 1;
  }),
];

/** Calls `at` with the places of x, w and y of every product in the sum. */
function products({ x, w, attrs }: Case, at: (x: number, w: number, y: number) => void): void {
  const y = outputShape({ x, w, attrs });
  const perGroup = w[0]! / attrs.groups;
  const visit = (axis: number, xi: number, wi: number, yi: number): void => {
    if (axis === x.length) return at(xi, wi, yi);
    for (let o = 0; o < y[axis]!; o++)
      for (let k = 0; k < w[axis]!; k++) {
        const i = o * attrs.stride[axis - 2]! + k * attrs.dilation[axis - 2]! - attrs.padding[axis - 2]![0];
        if (i >= 0 && i < x[axis]!) visit(axis + 1, xi * x[axis]! + i, wi * w[axis]! + k, yi * y[axis]! + o);
      }
  };
  for (let n = 0; n < x[0]!; n++)
    for (let o = 0; o < w[0]!; o++)
      for (let c = 0; c < w[1]!; c++)
        visit(2, n * x[1]! + Math.floor(o / perGroup) * w[1]! + c, o * w[1]! + c, n * w[0]! + o);
}

function check(c: Case, dtype: "f32" | "f64" = "f32", plain = false): void {
  const y = outputShape(c);
  const given = (shape: readonly number[]): Given => ({ shape, dtype, data: r.array(dtype, count(shape)) });
  const [x, w, g] = [given(c.x), given(c.w), given(y)];
  const wanted = [y, c.x, c.w].map((shape) => new Float64Array(count(shape)));
  products(c, (i, j, k) => {
    wanted[0]![k]! += x.data[i]! * w.data[j]!;
    wanted[1]![i]! += g.data[k]! * w.data[j]!;
    wanted[2]![j]! += g.data[k]! * x.data[i]!;
  });
  const inputSize = c.x.slice(2);
  const kernelSize = c.w.slice(2);
  const name = JSON.stringify(c);
  const results = [
    runCall(conv, c.attrs, { shape: y, dtype }, [x, w], { plain }),
    runCall(convInputGrad, { ...c.attrs, inputSize }, { shape: c.x, dtype }, [g, w], { plain }),
    runCall(convWeightGrad, { ...c.attrs, kernelSize }, { shape: c.w, dtype }, [x, g], { plain }),
  ];
  results.forEach(({ data, units }, i) => {
    expect(difference(data, wanted[i]!), `${["forward", "input gradient", "weight gradient"][i]} ${name}`).toBeLessThan(
      1e-5,
    );
    const images = dtype === "f32" && count(y) > 0 ? y[0]! * c.attrs.groups : y[0]!;
    expect(units).toBe([images, c.x[0], c.w[0]][i]);
  });
}

const simple = (axes: number, more: Partial<ConvAttrs> = {}): ConvAttrs => ({
  stride: Array(axes).fill(1),
  padding: Array.from({ length: axes }, () => [0, 0] as const),
  dilation: Array(axes).fill(1),
  groups: 1,
  ...more,
});

describe("convolution and its gradients", () => {
  test("of the layers of LeNet and of padded 3x3 layers", () => {
    for (const plain of [false, true]) {
      check({ x: [2, 1, 28, 28], w: [20, 1, 5, 5], attrs: simple(2) }, "f32", plain);
      check({ x: [2, 20, 12, 12], w: [50, 20, 5, 5], attrs: simple(2) }, "f32", plain);
      check(
        {
          x: [2, 7, 16, 16],
          w: [13, 7, 3, 3],
          attrs: simple(2, {
            padding: [
              [1, 1],
              [1, 1],
            ],
          }),
        },
        "f32",
        plain,
      );
    }
  });

  test("with every width of output and number of outputs", () => {
    for (let width = 3; width < 16; width++)
      check({
        x: [2, 2, 4, width],
        w: [width, 2, 3, 3],
        attrs: simple(2, {
          padding: [
            [0, 1],
            [1, 0],
          ],
        }),
      });
    for (let width = 1; width < 10; width++) check({ x: [1, 3, 5, width], w: [4, 3, 1, 1], attrs: simple(2) });
  });

  test("with strides, dilation, groups and uneven padding on one to three axes", () => {
    for (let i = 0; i < 120; i++) {
      const axes = r.int(1, 3);
      const each = <T>(make: () => T): T[] => Array.from({ length: axes }, make);
      const groups = r.pick([1, 1, 2, 3]);
      const kernel = each(() => r.int(1, 3));
      const dilation = each(() => r.int(1, 2));
      const padding = each(() => [r.int(0, 2), r.int(0, 2)] as const);
      const size = kernel.map(
        (k, a) =>
          Math.max(1, (k - 1) * dilation[a]! + 1 - padding[a]![0] - padding[a]![1]) + r.int(0, axes === 1 ? 30 : 6),
      );
      const attrs: ConvAttrs = { stride: each(() => r.int(1, 3)), padding, dilation, groups };
      const x = [r.int(1, 3), groups * r.int(1, 4), ...size];
      check({ x, w: [groups * r.int(1, 9), x[1]! / groups, ...kernel], attrs }, "f32", i % 4 === 0);
    }
  });

  test("of one channel a group, and of deep and wide layers", () => {
    check({
      x: [2, 9, 8, 8],
      w: [9, 1, 3, 3],
      attrs: simple(2, {
        groups: 9,
        padding: [
          [1, 1],
          [1, 1],
        ],
      }),
    });
    check({ x: [1, 70, 4, 4], w: [11, 70, 3, 3], attrs: simple(2) });
    check({ x: [1, 3, 5, 5], w: [400, 3, 3, 3], attrs: simple(2) });
    check({
      x: [1, 120, 3, 3],
      w: [300, 120, 3, 3],
      attrs: simple(2, {
        padding: [
          [1, 1],
          [1, 1],
        ],
      }),
    });
    check({ x: [2, 2, 1300], w: [3, 2, 5], attrs: simple(1, { padding: [[2, 2]] }) });
    check({
      x: [1, 1, 60, 61],
      w: [2, 1, 3, 3],
      attrs: simple(2, {
        padding: [
          [1, 1],
          [1, 1],
        ],
      }),
    });
  });

  test("in f64, and of no images", () => {
    check(
      {
        x: [2, 4, 7, 6],
        w: [6, 2, 3, 2],
        attrs: simple(2, {
          groups: 2,
          stride: [2, 1],
          padding: [
            [1, 0],
            [0, 1],
          ],
        }),
      },
      "f64",
    );
    check({ x: [1, 2, 3, 4, 5], w: [2, 2, 2, 2, 2], attrs: simple(3) }, "f64");
    check({ x: [0, 2, 5, 5], w: [3, 2, 3, 3], attrs: simple(2) });
    check({ x: [0, 2, 5, 5], w: [3, 2, 3, 3], attrs: simple(2) }, "f64");
  });
});
