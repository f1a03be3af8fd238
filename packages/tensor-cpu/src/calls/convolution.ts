// Convolution and its two gradients, image by image through the product's micro-kernels. With W as [O, Q] (Q taps:
// channels times kernel) and the image's columns as [Q, P] (P output pixels): out = W * columns, columns' gradient =
// W^T * g, and W^T's gradient = columns * g^T; the matrix of columns never exists.
import { sizeOf, type ConvAttrs } from "@weft/tensor/internals";
import { aligned, blocksOf, dense, type CallMemory, type Operand, type Prepared, type Results } from "./call.ts";
import { collect, copyRows, runsOf, runWords, scatter, walk } from "./columns.ts";
import { geometry, type Geometry } from "./geometry.ts";
import { block, panelOf, tileBytes } from "./gemm.ts";
import { copies } from "./panels.ts";
import { plainConv, plainConvInputGrad, plainConvWeightGrad } from "./plain-convolution.ts";
import { equalBlocks } from "./product.ts";

/** Bytes of the panels that are made at a time, and of a packed or summed weight. */
const NEAR = 1 << 17;
const WEIGHTS = 1 << 20;
const DEPTH = 384;
/** Pixels per walk. */
const PIXELS = 512;

/** Allocates offsets in scratch memory. */
function places() {
  let end = 0;
  return {
    take(bytes: number): number {
      const at = end;
      end += aligned(bytes);
      return at;
    },
    size: () => end,
  };
}

const isEmpty = (...operands: readonly Operand[]): boolean => operands.some((o) => o.shape.includes(0));

/** An empty sum. */
const nothing = (m: CallMemory, { shape }: Operand): Prepared => {
  const size = shape[0] === 0 ? 0 : sizeOf(shape) / shape[0]!;
  return {
    units: shape[0]!,
    scratch: 0,
    run: ([to], _inputs, _scratch, begin, end) => {
      m.clear(to + 4 * begin * size, 4 * (end - begin) * size);
    },
  };
};

const bytesOf = (size: readonly [number, number, number]): number => 4 * size[0] * size[1] * size[2];

/** Copies `channels` channels between an image and its padded form: `toPadded` inward, else the inner part back out. */
function framing(m: CallMemory, G: Geometry, channels: number) {
  const copy = copyRows(m);
  const { inner, padded, before } = G;
  const [outerPlane, outerRow] = [4 * padded[1] * padded[2], 4 * padded[2]];
  const [innerPlane, innerRow] = [4 * inner[1] * inner[2], 4 * inner[2]];
  const start = before[0] * outerPlane + before[1] * outerRow + 4 * before[2];
  // With one plane per channel, all channels are the planes of one copy.
  const flat = padded[0] === 1;
  const [calls, planes] = flat ? [1, channels] : [channels, inner[0]];
  return {
    bytes: channels * bytesOf(padded),
    toPadded(to: number, from: number): void {
      for (let c = 0; c < calls; c++)
        copy(
          to + c * bytesOf(padded) + start,
          outerPlane,
          outerRow,
          from + c * bytesOf(inner),
          innerPlane,
          innerRow,
          planes,
          inner[1],
          inner[2],
        );
    },
    fromPadded(to: number, from: number): void {
      for (let c = 0; c < calls; c++)
        copy(
          to + c * bytesOf(inner),
          innerPlane,
          innerRow,
          from + c * bytesOf(padded) + start,
          outerPlane,
          outerRow,
          planes,
          inner[1],
          inner[2],
        );
    },
  };
}

const joined = (...lists: readonly Int32Array[]): Int32Array => Int32Array.from(lists.flatMap((list) => [...list]));
const pixelsAndTaps = ({ pixels, taps }: Geometry) => ({ tables: joined(pixels, taps) });

/** The fewest outputs for which collecting the pixels again is little work. */
const FEW_OUTPUTS = 16;

/** Into how many equal parts the outputs of an image are divided so that all threads have some. */
function partsOf(threads: number, images: number, outputs: number): number {
  const wanted = threads === 1 ? 1 : Math.ceil((2 * threads) / images);
  for (let parts = Math.min(wanted, Math.floor(outputs / FEW_OUTPUTS)); parts > 1; parts--)
    if (outputs % parts === 0) return parts;
  return 1;
}

function prepareConv(m: CallMemory, attrs: ConvAttrs, [out]: Results<Operand>, inputs: readonly Operand[]): Prepared {
  const [x, w] = [inputs[0]!, inputs[1]!];
  if (out.dtype !== "f32") return plainConv(m, attrs, out, inputs);
  if (isEmpty(out, x, w)) return nothing(m, out);
  const panel = panelOf(m.machine);
  const G = geometry(x.shape, w.shape, out.shape, attrs, panel);
  const { images, groups, C, O, P, Q } = G;
  const frame = framing(m, G, C * groups);
  const [collectTaps, multiply] = [collect(m), block(m, "rows")];
  const depth = equalBlocks(Q, DEPTH, 4);
  const panels = Math.min(Math.ceil(P / panel), Math.max(1, Math.floor(NEAR / (4 * panel * depth))));
  const scratch = places();
  const tile = scratch.take(tileBytes(m.machine));
  const columns = scratch.take(4 * panel * panels * depth);
  const image = scratch.take(G.isPadded ? frame.bytes : 0);
  const imageBytes = C * groups * bytesOf(G.inner);
  const groupBytes = C * bytesOf(G.padded);
  // A unit is a part of the outputs of a group of an image.
  const parts = partsOf(m.threads, images * groups, O);
  const outputs = O / parts;
  return {
    units: images * groups * parts,
    scratch: scratch.size(),
    products: sizeOf(out.shape) * Q,
    ...pixelsAndTaps(G),
    run: ([to], [px, pw], s, begin, end, { tables: pixels }) => {
      const taps = pixels + 4 * G.pixels.length;
      if (G.isPadded) m.clear(s + image, frame.bytes);
      let framed = -1;
      for (let unit = begin; unit < end; unit++) {
        const n = Math.floor(unit / (groups * parts));
        const g = Math.floor(unit / parts) % groups;
        const part = unit % parts;
        let from = px! + n * imageBytes;
        if (G.isPadded) {
          if (framed !== n) frame.toPadded(s + image, from);
          framed = n;
          from = s + image;
        }
        const result = to + 4 * unit * outputs * P;
        for (let p = 0; p < P; p += panel * panels) {
          const width = Math.min(panel * panels, P - p);
          for (let q = 0; q < Q; q += depth) {
            const k = Math.min(depth, Q - q);
            const all = Math.ceil(width / panel);
            collectTaps(s + columns, from + g * groupBytes, pixels + 4 * p, all, taps + 4 * q, k);
            multiply(
              pw! + 4 * ((g * O + part * outputs) * Q + q),
              4 * Q,
              4 * Q,
              0,
              s + columns,
              4 * panel,
              4 * panel * k,
              result + 4 * p,
              4 * P,
              outputs,
              width,
              k,
              q === 0 ? 0 : 1,
              0,
              s + tile,
            );
          }
        }
      }
    },
  };
}

/** Offsets of the taps of `channels` channels, tap by tap: in the image, and of their weights. */
function tapOrder(G: Geometry, channels: number) {
  const order = Array.from({ length: channels * G.K }, (_, i) => (i % channels) * G.K + Math.floor(i / channels));
  return { taps: Int32Array.from(order.map((q) => G.taps[q]!)), weights: Int32Array.from(order.map((q) => 4 * q)) };
}

function prepareInputGrad(
  m: CallMemory,
  attrs: ConvAttrs,
  [out]: Results<Operand>,
  inputs: readonly Operand[],
): Prepared {
  const [gradient, w] = [inputs[0]!, inputs[1]!];
  if (out.dtype !== "f32") return plainConvInputGrad(m, attrs, out, inputs);
  if (isEmpty(out, gradient, w)) return nothing(m, out);
  const panel = panelOf(m.machine);
  const G = geometry(out.shape, w.shape, gradient.shape, attrs, panel);
  const { images, groups, C, O, P, Q, K } = G;
  const { panels } = copies(m);
  const { scatter: spread, rowBlocksOf } = scatter(m);
  const full = m.machine.tile.rows;
  const depth = equalBlocks(O, DEPTH, 4);
  // Channels are independent: as many at a time as have packed weights that fit into the cache.
  const some = Math.min(C, Math.max(1, Math.floor(WEIGHTS / (4 * K * O))));
  const chunks = Math.ceil(C / some);
  const width = panel * Math.min(Math.ceil(P / panel), Math.max(1, Math.floor(NEAR / (4 * panel * depth))));
  const frame = framing(m, G, some);
  const frameOfRest = framing(m, G, C % some);
  const scratch = places();
  const tile = scratch.take(tileBytes(m.machine));
  const right = scratch.take(4 * depth * width);
  const image = scratch.take(G.isPadded ? frame.bytes : 0);
  const plane = bytesOf(G.inner);
  // Row blocks of each depth: a block may be short, so there can be one more of them than whole ones.
  const blockBytes = 4 * full * (Math.ceil((some * K) / full) + 1);
  const packedBytes = blockBytes * O;
  // Runs of pixels, then taps and weights of a whole chunk of channels, then those of the last one.
  const runs = runsOf(G.pixels, P, m.machine);
  const orders = [some, C % some].map((n) => tapOrder(G, n));
  const orderAt = (tables: number, c: number): number => tables + 4 * (runs.length + (c + some > C ? 2 * some * K : 0));
  return {
    units: images,
    scratch: scratch.size(),
    products: sizeOf(gradient.shape) * Q,
    tables: joined(runs, ...orders.flatMap(({ taps, weights }) => [taps, weights])),
    first: {
      bytes: groups * chunks * packedBytes,
      units: groups * chunks,
      run: ([to], [, pw], _scratch, begin, end, { tables }) =>
        blocksOf(begin, end, chunks, (g, from, until) => {
          for (let chunk = from; chunk < until; chunk++) {
            const c = chunk * some;
            const size = Math.min(some, C - c) * K;
            const weights = orderAt(tables, c) + 4 * size;
            const at = to + (g * chunks + chunk) * packedBytes;
            for (let o = 0; o < O; o += depth)
              rowBlocksOf(
                at + blockBytes * o,
                pw! + 4 * ((g * O + o) * Q + c * K),
                4 * Q,
                weights,
                size,
                Math.min(depth, O - o),
              );
          }
        }),
    },
    run: ([to], [pg], s, begin, end, { tables, first }) => {
      for (let g = 0; g < groups; g++)
        for (let c = 0; c < C; c += some) {
          const channels = Math.min(some, C - c);
          const taps = orderAt(tables, c);
          const left = first + (g * chunks + c / some) * packedBytes;
          for (let n = begin; n < end; n++) {
            const result = to + ((n * groups + g) * C + c) * plane;
            const target = G.isPadded ? s + image : result;
            m.clear(target, channels * bytesOf(G.padded));
            for (let p = 0; p < P; p += width) {
              const all = Math.min(width, P - p);
              const from = tables + 4 * runWords(panel) * (p / panel);
              for (let o = 0; o < O; o += depth) {
                const k = Math.min(depth, O - o);
                panels(s + right, pg! + 4 * (((n * groups + g) * O + o) * P + p), 4 * P, k, all);
                spread(left + blockBytes * o, s + right, k, target, taps, channels * K, from, all, s + tile);
              }
            }
            if (G.isPadded) (channels === some ? frame : frameOfRest).fromPadded(result, target);
          }
        }
    },
  };
}

function prepareWeightGrad(
  m: CallMemory,
  attrs: ConvAttrs,
  [out]: Results<Operand>,
  inputs: readonly Operand[],
): Prepared {
  const [x, gradient] = [inputs[0]!, inputs[1]!];
  if (out.dtype !== "f32") return plainConvWeightGrad(m, attrs, out, inputs);
  if (isEmpty(out, gradient, x)) return nothing(m, out);
  const panel = panelOf(m.machine);
  const G = geometry(x.shape, out.shape, gradient.shape, attrs, panel);
  const { images, groups, C, O, P, Q } = G;
  const { panelsOfTransposed, transpose } = copies(m);
  const step = walk(m);
  const frame = framing(m, G, C);
  const stretch = equalBlocks(P, PIXELS, 1);
  const some = Math.min(O, panel * Math.max(1, Math.floor(WEIGHTS / (4 * panel * Q))));
  const ld = 4 * panel * Math.ceil(some / panel);
  const scratch = places();
  const sums = scratch.take(Q * ld);
  const right = scratch.take(ld * stretch);
  const image = scratch.take(G.isPadded ? frame.bytes : 0);
  const groupBytes = C * bytesOf(G.inner);
  // A range sums over all images: no sum is divided.
  return {
    units: groups * O,
    scratch: scratch.size(),
    products: sizeOf(gradient.shape) * Q,
    // Each range walks all images again.
    grain: m.threads > 1 ? Math.min(some, FEW_OUTPUTS) : some,
    ...pixelsAndTaps(G),
    run: ([to], [px, pg], s, begin, end, { tables: pixels }) => {
      const taps = pixels + 4 * G.pixels.length;
      if (G.isPadded) m.clear(s + image, frame.bytes);
      blocksOf(begin, end, O, (g, first, last) => {
        for (let o = first; o < last; o += some) {
          const outputs = Math.min(some, last - o);
          for (let n = 0; n < images; n++) {
            let from = px! + (n * groups + g) * groupBytes;
            if (G.isPadded) {
              frame.toPadded(s + image, from);
              from = s + image;
            }
            for (let p = 0; p < P; p += stretch) {
              const k = Math.min(stretch, P - p);
              panelsOfTransposed(s + right, pg! + 4 * (((n * groups + g) * O + o) * P + p), 4 * P, k, outputs);
              step(from, taps, Q, pixels + 4 * p, k, s + right, s + sums, ld, outputs, n + p === 0 ? 0 : 1);
            }
          }
          transpose(to + 4 * (g * O + o) * Q, 4 * Q, s + sums, ld, Q, outputs);
        }
      });
    },
  };
}

export const conv = dense(prepareConv, { epilogue: true });
export const convInputGrad = dense(prepareInputGrad, { epilogue: true });
export const convWeightGrad = dense(prepareWeightGrad, { epilogue: true });
