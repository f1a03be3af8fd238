// Convolution and its gradients by their definition, for f64 (where gradients are checked, nothing trained): one walk over
// all products of a weight with an element of the image, and what each of the three does there.
import { type After, type Machine, type Operand, type Prepared, sizeOf } from "./call.ts";
import { geometry, type ConvAttrs, type Geometry } from "./geometry.ts";

/** Calls `at(image element, weight element, output element)` for every product of the sum that a convolution is. */
function walk(G: Geometry, attrs: ConvAttrs, kernel: readonly number[], at: (x: number, w: number, y: number) => void) {
  const three = (list: readonly number[], fill: number): number[] => [fill, fill, fill, ...list].slice(-3);
  const [s, d, k] = [three(attrs.stride, 1), three(attrs.dilation, 1), three(kernel, 1)] as [
    number[],
    number[],
    number[],
  ];
  const { inner, outer, before, images, groups, C, O, P, K } = G;
  const [depth, height, width] = outer;
  const plane = sizeOf(inner);
  for (let n = 0; n < images; n++)
    for (let g = 0; g < groups; g++)
      for (let o = 0; o < O; o++)
        for (let c = 0; c < C; c++) {
          const x = ((n * groups + g) * C + c) * plane;
          const y = ((n * groups + g) * O + o) * P;
          const w = ((g * O + o) * C + c) * K;
          for (let i = 0; i < depth * height * width; i++) {
            const pz = Math.floor(i / (height * width)) * s[0]! - before[0];
            const py = (Math.floor(i / width) % height) * s[1]! - before[1];
            const px = (i % width) * s[2]! - before[2];
            for (let t = 0; t < K; t++) {
              const qz = pz + Math.floor(t / (k[1]! * k[2]!)) * d[0]!;
              const qy = py + (Math.floor(t / k[2]!) % k[1]!) * d[1]!;
              const qx = px + (t % k[2]!) * d[2]!;
              if (qz >= 0 && qz < inner[0] && qy >= 0 && qy < inner[1] && qx >= 0 && qx < inner[2])
                at(x + (qz * inner[1] + qy) * inner[2] + qx, w + t, y + i);
            }
          }
        }
}

type Sum = (m: Float64Array, out: number, a: number, b: number) => (x: number, w: number, y: number) => void;

const plain =
  (shapes: (out: Operand, a: Operand, b: Operand) => [x: Operand, w: Operand, y: Operand], sum: Sum) =>
  (m: Machine, attrs: ConvAttrs, out: Operand, inputs: readonly Operand[], after?: After): Prepared => {
    const [x, w, y] = shapes(out, inputs[0]!, inputs[1]!);
    const size = sizeOf(out.shape);
    const empty = sizeOf(x.shape) * sizeOf(w.shape) * sizeOf(y.shape) === 0;
    const G = empty ? undefined : geometry(x.shape, w.shape, y.shape, attrs);
    return {
      scratch: 0,
      run: (to, [a, b]) => {
        m.f64.fill(0, to / 8, to / 8 + size);
        if (G !== undefined) walk(G, attrs, w.shape.slice(2), sum(m.f64, to / 8, a! / 8, b! / 8));
        if (out.shape[0]! > 0) after?.(0, out.shape[0]!);
      },
    };
  };

export const plainConv = plain(
  (out, x, w) => [x, w, out],
  (m, out, a, b) => (x, w, y) => void (m[out + y]! += m[a + x]! * m[b + w]!),
);
export const plainConvInputGrad = plain(
  (out, g, w) => [out, w, g],
  (m, out, a, b) => (x, w, y) => void (m[out + x]! += m[a + y]! * m[b + w]!),
);
export const plainConvWeightGrad = plain(
  (out, x, g) => [x, out, g],
  (m, out, a, b) => (x, w, y) => void (m[out + w]! += m[a + x]! * m[b + y]!),
);
