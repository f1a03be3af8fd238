// Convolution and its gradients by their definition, for f64 (used to check gradients, not to train): one walk
// over all products of a weight with an element of the image, and what each of the three does there.
import { sizeOf, type ConvAttrs } from "@weft/tensor/internals";
import type { CallMemory, Operand, Prepared } from "./call.ts";
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

type Range = readonly [begin: number, end: number];

/**
 * Calls `at(image element, weight element, output element)` for every product of the convolution of these images and
 * outputs.
 */
function walk(G: Geometry, images: Range, outputs: Range, at: (x: number, w: number, y: number) => void): void {
  const { inner, groups, C, O, P, K, pixels, taps } = G;
  const place = unpadded(G);
  const plane = sizeOf(inner);
  for (let n = images[0]; n < images[1]; n++)
    for (let o = outputs[0]; o < outputs[1]; o++)
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

/** `out` is divided along its first axis: images or outputs. */
const plain =
  (
    shapes: (out: Operand, a: Operand, b: Operand) => [x: Operand, w: Operand, y: Operand],
    cut: "images" | "outputs",
    sum: Sum,
  ) =>
  (m: CallMemory, attrs: ConvAttrs, out: Operand, inputs: readonly Operand[]): Prepared => {
    const [x, w, y] = shapes(out, inputs[0]!, inputs[1]!);
    const units = out.shape[0]!;
    const size = sizeOf(out.shape.slice(1));
    const empty = sizeOf(x.shape) * sizeOf(w.shape) * sizeOf(y.shape) === 0;
    const G = empty ? undefined : geometry(x.shape, w.shape, y.shape, attrs, 1);
    return {
      units,
      scratch: 0,
      run: ([to], [a, b], _scratch, begin, end) => {
        m.f64.fill(0, to / 8 + begin * size, to / 8 + end * size);
        if (G === undefined) return;
        const at = sum(m.f64, to / 8, a! / 8, b! / 8);
        if (cut === "images") walk(G, [begin, end], [0, G.O * G.groups], at);
        else walk(G, [0, G.images], [begin, end], at);
      },
    };
  };

export const plainConv = plain(
  (out, x, w) => [x, w, out],
  "images",
  (m, out, a, b) => (x, w, y) => void (m[out + y]! += m[a + x]! * m[b + w]!),
);
export const plainConvInputGrad = plain(
  (out, g, w) => [out, w, g],
  "images",
  (m, out, a, b) => (x, w, y) => void (m[out + x]! += m[a + y]! * m[b + w]!),
);
export const plainConvWeightGrad = plain(
  (out, x, g) => [x, out, g],
  "outputs",
  (m, out, a, b) => (x, w, y) => void (m[out + w]! += m[a + x]! * m[b + y]!),
);
