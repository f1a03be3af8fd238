// The geometry of a convolution: byte offsets of output pixels and of kernel taps in a (padded) image, so that the
// element under tap q at pixel p is at image + pixels[p] + taps[q], whatever the stride, dilation and number of axes.
import { sizeOf, type ConvAttrs } from "@weft/tensor/internals";

export type Three = readonly [number, number, number];

export interface Geometry {
  readonly images: number;
  readonly groups: number;
  /** Channels, outputs of one group. */
  readonly C: number;
  readonly O: number;
  /** Output pixels, taps of one channel, and taps of all channels of a group. */
  readonly P: number;
  readonly K: number;
  readonly Q: number;
  readonly isPadded: boolean;
  /** Depth, height and width of a channel without and with padding, and the padding before. */
  readonly inner: Three;
  readonly padded: Three;
  readonly before: Three;
  /** Depth, height and width of the output. */
  readonly outer: Three;
  /** Byte offsets; `pixels` is filled up to whole panels with its last entry. */
  readonly pixels: Int32Array;
  readonly taps: Int32Array;
}

/** Lists of one to three numbers, with `fill` for missing leading axes. */
export const three = (list: readonly number[], fill: number): Three =>
  [fill, fill, fill, ...list].slice(-3) as unknown as Three;

/** `panel`: the list of pixels is filled up to a multiple of so many. */
export function geometry(
  x: readonly number[],
  w: readonly number[],
  g: readonly number[],
  { stride, padding, dilation, groups }: ConvAttrs,
  panel: number,
): Geometry {
  const inner = three(x.slice(2), 1);
  const kernel = three(w.slice(2), 1);
  const out = three(g.slice(2), 1);
  const [s, d] = [three(stride, 1), three(dilation, 1)];
  const before = three(
    padding.map((p) => p[0]),
    0,
  );
  const behind = three(
    padding.map((p) => p[1]),
    0,
  );
  const padded = inner.map((n, i) => n + before[i]! + behind[i]!) as unknown as Three;
  const step: Three = [4 * padded[1] * padded[2], 4 * padded[2], 4];
  const plane = sizeOf(padded) * 4;
  /** Offsets of a block of positions, `by` positions apart on each axis, row-major. */
  const offsets = (size: Three, by: Three): number[] => {
    const list: number[] = [];
    for (let i = 0; i < size[0]; i++)
      for (let j = 0; j < size[1]; j++)
        for (let k = 0; k < size[2]; k++) list.push(i * by[0] * step[0] + j * by[1] * step[1] + k * by[2] * step[2]);
    return list;
  };
  const pixels = offsets(out, s);
  const taps = offsets(kernel, d);
  const C = w[1]!;
  while (pixels.length % panel !== 0) pixels.push(pixels.at(-1)!);
  return {
    images: x[0]!,
    groups,
    C,
    O: w[0]! / groups,
    P: sizeOf(out),
    K: taps.length,
    Q: C * taps.length,
    isPadded: padded.some((n, i) => n !== inner[i]),
    inner,
    padded,
    before,
    outer: out,
    pixels: Int32Array.from(pixels),
    taps: Int32Array.from(Array.from({ length: C }, (_, c) => taps.map((t) => c * plane + t)).flat()),
  };
}
