// Convolution and its gradients by their definition, for f64 (where gradients are checked, nothing trained): one walk over
// all products of a weight with an element of the image, and what each of the three does there.
import type { ConvAttrs } from "@weft/tensor";
import { type After, type CallMemory, type Operand, type Prepared, sizeOf } from "./call.ts";
import { geometry, type Geometry } from "./geometry.ts";

/** Where the elements of a padded channel lie in the channel itself; -1 in the padding. */
const unpadded = ({ inner, padded, before }: Geometry): number[] =>
  Array.from({ length: sizeOf(padded) }, (_, i) => {
    const z = Math.floor(i / (padded[1] * padded[2])) - before[0];
    const y = (Math.floor(i / padded[2]) % padded[1]) - before[1];
    const x = (i % padded[2]) - before[2];
    const isInside = z >= 0 && z < inner[0] && y >= 0 && y < inner[1] && x >= 0 && x < inner[2];
    return isInside ? (z * inner[1] + y) * inner[2] + x : -1;
  });

/** Calls `at(image element, weight element, output element)` for every product of the sum that a convolution is. */
function walk(G: Geometry, at: (x: number, w: number, y: number) => void): void {
  const { inner, images, groups, C, O, P, K, pixels, taps } = G;
  const place = unpadded(G);
  const plane = sizeOf(inner);
  for (let n = 0; n < images; n++)
    for (let o = 0; o < O * groups; o++)
      for (let c = 0; c < C; c++) {
        const x = (n * C * groups + Math.floor(o / O) * C + c) * plane;
        for (let i = 0; i < P; i++)
          for (let t = 0; t < K; t++) {
            const p = place[(pixels[i]! + taps[t]!) / 4]!;
            if (p >= 0) at(x + p, (o * C + c) * K + t, (n * O * groups + o) * P + i);
          }
      }
}

type Sum = (m: Float64Array, out: number, a: number, b: number) => (x: number, w: number, y: number) => void;

const plain =
  (shapes: (out: Operand, a: Operand, b: Operand) => [x: Operand, w: Operand, y: Operand], sum: Sum) =>
  (m: CallMemory, attrs: ConvAttrs, out: Operand, inputs: readonly Operand[], after?: After): Prepared => {
    const [x, w, y] = shapes(out, inputs[0]!, inputs[1]!);
    const size = sizeOf(out.shape);
    const empty = sizeOf(x.shape) * sizeOf(w.shape) * sizeOf(y.shape) === 0;
    const G = empty ? undefined : geometry(x.shape, w.shape, y.shape, attrs);
    return {
      scratch: 0,
      run: (to, [a, b]) => {
        m.f64.fill(0, to / 8, to / 8 + size);
        if (G !== undefined) walk(G, sum(m.f64, to / 8, a! / 8, b! / 8));
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
