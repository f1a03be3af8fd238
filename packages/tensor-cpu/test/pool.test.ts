import type { PoolAttrs } from "@weft/tensor/internals";
import { describe, expect, test } from "vitest";
import { pools } from "../src/calls/pool.ts";
import { count, difference, generator, runCall, type Given } from "./guarded.ts";

const r = generator(5);

/** For every window of every plane, the places of its elements in x. */
function windows(x: readonly number[], y: readonly number[], attrs: PoolAttrs): number[][] {
  const { window, stride, padding, dilation } = attrs;
  const rank = x.length - 2;
  const planes = x[0]! * x[1]!;
  const list: number[][] = [];
  const perPlane = count(y.slice(2));
  for (let p = 0; p < planes; p++)
    for (let o = 0; o < perPlane; o++) {
      let rest = o;
      const at: number[] = [];
      for (let i = rank - 1; i >= 0; i--) {
        at[i] = rest % y[i + 2]!;
        rest = Math.floor(rest / y[i + 2]!);
      }
      const places: number[] = [];
      const visit = (axis: number, place: number): void => {
        if (axis === rank) return void places.push(p * count(x.slice(2)) + place);
        for (let k = 0; k < window[axis]!; k++) {
          const i = at[axis]! * stride[axis]! - padding[axis]![0] + k * dilation[axis]!;
          if (i >= 0 && i < x[axis + 2]!) visit(axis + 1, place * x[axis + 2]! + i);
        }
      };
      visit(0, 0);
      list.push(places);
    }
  return list;
}

function check(x: readonly number[], attrs: PoolAttrs, dtype: "f32" | "f64" = "f32", holes = 0): void {
  const y = [
    ...x.slice(0, 2),
    ...x.slice(2).map((n, i) => {
      const [low, high] = attrs.padding[i]!;
      return Math.floor((n + low + high - attrs.dilation[i]! * (attrs.window[i]! - 1) - 1) / attrs.stride[i]!) + 1;
    }),
  ];
  const given = (shape: readonly number[]): Given => ({ shape, dtype, data: r.array(dtype, count(shape)) });
  const [image, other, pooled] = [given(x), given(x), given(y)];
  // Few distinct values make ties; NaN in some places.
  for (let i = 0; i < image.data.length; i++)
    image.data[i] = r.next() < holes ? NaN : Math.round(image.data[i]! * 4) / 4;
  const wanted = {
    maxPool: new Float64Array(count(y)),
    maxPoolGrad: new Float64Array(count(x)),
    maxPoolPick: new Float64Array(count(y)),
    sumPool: new Float64Array(count(y)),
    sumPoolGrad: new Float64Array(count(x)),
  };
  windows(x, y, attrs).forEach((places, o) => {
    let best = places[0]!;
    for (const p of places) {
      if (Number.isNaN(image.data[p])) {
        best = p;
        break;
      }
      if (image.data[p]! > image.data[best]!) best = p;
    }
    wanted.maxPool[o] = image.data[best]!;
    wanted.maxPoolPick[o] = other.data[best]!;
    wanted.maxPoolGrad[best]! += pooled.data[o]!;
    for (const p of places) {
      wanted.sumPool[o]! += other.data[p]!;
      wanted.sumPoolGrad[p]! += pooled.data[o]!;
    }
  });
  const inputs = {
    maxPool: [image],
    maxPoolGrad: [image, pooled],
    maxPoolPick: [image, other],
    sumPool: [other],
    sumPoolGrad: [pooled],
  };
  for (const name of Object.keys(pools) as (keyof typeof pools)[]) {
    const shape = name.endsWith("Grad") ? x : y;
    const { data } = runCall(pools[name], { ...attrs, inputSize: x.slice(2) }, { shape, dtype }, inputs[name], {
      last: r.int(0, inputs[name].length - 1),
    });
    expect(difference(data, wanted[name]), `${name} ${x} ${JSON.stringify(attrs)}`).toBeLessThan(1e-6);
  }
}

const pairs: PoolAttrs = {
  window: [2, 2],
  stride: [2, 2],
  padding: [
    [0, 0],
    [0, 0],
  ],
  dilation: [1, 1],
};

describe("pooling", () => {
  test("of two by two, of every width, with ties and NaN", () => {
    for (let width = 2; width < 27; width++)
      for (const holes of [0, 0.2]) check([2, 3, 2 + (width % 5), width], pairs, "f32", holes);
    check([3, 20, 24, 24], pairs);
  });

  test("of any window, stride, padding and dilation on one to three axes", () => {
    for (let i = 0; i < 120; i++) {
      const axes = r.int(1, 3);
      const each = <T>(make: (i: number) => T): T[] => Array.from({ length: axes }, (_, i) => make(i));
      const window = each(() => r.int(1, 4));
      const padding = each((i) => [r.int(0, window[i]! - 1), r.int(0, window[i]! - 1)] as const);
      const dilation = each(() => (i % 2 === 0 ? 1 : r.int(1, 3)));
      const size = each((i) => {
        const reach = dilation[i]! * (window[i]! - 1) + 1;
        return Math.max(dilation[i]!, reach - padding[i]![0] - padding[i]![1]) + r.int(0, 6);
      });
      const attrs = { window, stride: each(() => r.int(1, 3)), padding, dilation };
      check([r.int(1, 2), r.int(1, 3), ...size], attrs, i % 5 === 0 ? "f64" : "f32", i % 3 === 0 ? 0.1 : 0);
    }
  });

  test("of no images", () => check([0, 3, 8, 8], pairs));
});
