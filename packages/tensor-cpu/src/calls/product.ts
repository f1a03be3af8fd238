// One product C[M, N] = A[M, K] * B[K, N] of f32 matrices in any of the four orders: which kernel fits the shape, and the
// blocks in which large ones are packed and multiplied.
import { aligned, type CallMemory } from "./call.ts";
import { block, blockRows, PANEL, type Order } from "./gemm.ts";
import { copies } from "./panels.ts";
import { combine, dots } from "./thin.ts";

/**
 * A matrix in memory: by "rows", elements of a row lie side by side and rows `step` bytes apart; by "columns" the columns do.
 */
export interface Layout {
  readonly order: Order;
  readonly step: number;
}

/** A product prepared for its sizes. `done(rows)` is told how many rows of C are complete. */
export interface Product {
  readonly scratch: number;
  /** How many numbers are added one after the other, at most, if that depends on K. */
  readonly chain?: number;
  run(a: number, b: number, c: number, scratch: number, done?: (rows: number) => void): void;
}

/** Depth, rows and columns of a block: a panel of B and six rows of A in the first cache, a block of A in the second. */
const DEPTH = 320;
const HEIGHT = 240;
const WIDTH = 1024;
/** A thin product has at most so many columns, and is worth dot products from this depth on. */
const THIN = 12;
const DEEP = 24;
/** Floats of B that stay in the first cache without being packed. */
const NEAR = 6144;
/** Bytes of the scratch tile. */
const TILE = 256;

/** Sizes of equal blocks, none larger than `most`, multiples of `unit` but for the last. */
export const even = (size: number, most: number, unit: number): number =>
  Math.ceil(size / Math.ceil(size / most) / unit) * unit;

/** Longer sums in f32 lose digits: they are cut, and their parts added in f64. */
const CHAIN = 512;
/** Elements of C that are worth the memory for that. */
const SUMS = 1 << 22;

/** The product of these sizes. `ldc`: bytes between the rows of C. */
export function product(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, ldc = 4 * N): Product {
  const whole = inOneGo(m, M, N, K, a, b, ldc);
  const { chain = 0 } = whole;
  if (chain <= CHAIN || M * N > SUMS) return whole;
  return inStretches(m, M, N, K, a, b, ldc, even(K, Math.floor((K * CHAIN) / chain), 4));
}

/** The sums over stretches of K are added in f64. */
function inStretches(
  m: CallMemory,
  M: number,
  N: number,
  K: number,
  a: Layout,
  b: Layout,
  ldc: number,
  stretch: number,
): Product {
  const part = (k: number): Product => inOneGo(m, M, N, k, a, b, 4 * N);
  const most = part(stretch);
  const last = K % stretch === 0 ? most : part(K % stretch);
  const [sums, top] = [aligned(8 * M * N), aligned(8 * M * N) + aligned(4 * M * N)];
  return {
    scratch: top + Math.max(most.scratch, last.scratch),
    run: (pa, pb, c, s, done) => {
      const [f32, f64] = [m.f32, m.f64.subarray(s >>> 3, (s >>> 3) + M * N)];
      const from = (s + sums) >>> 2;
      f64.fill(0);
      for (let k = 0; k < K; k += stretch) {
        const one = k + stretch > K ? last : most;
        one.run(
          pa + k * (a.order === "rows" ? 4 : a.step),
          pb + k * (b.order === "rows" ? b.step : 4),
          s + sums,
          s + top,
        );
        for (let i = 0; i < f64.length; i++) f64[i]! += f32[from + i]!;
      }
      for (let i = 0, at = 0; i < M; i++)
        for (let j = 0, to = (c + i * ldc) >>> 2; j < N; j++) f32[to + j] = f64[at++]!;
      done?.(M);
    },
  };
}

/** The kernel that fits the shape. */
function inOneGo(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, ldc: number): Product {
  if (M === 0 || N === 0) return { scratch: 0, run: () => {} };
  if (K === 0) return zeros(m, M, N, ldc);
  if (N === 1 && ldc === 4) return matrixVector(m, M, K, a, b.order === "rows" ? b.step : 4);
  if (M === 1) return vectorMatrix(m, N, K, a.order === "rows" ? 4 : a.step, b);
  if (N <= THIN && K >= DEEP) {
    if (a.order === "columns" && M > THIN) return turned(m, M, N, K, a, b, ldc);
    if (a.order === "rows" && b.order === "columns") return dotProducts(m, M, N, K, a.step, b.step, ldc);
    if (a.order === "rows" && N * K <= 1 << 18) return dotsOfCopy(m, M, N, K, a.step, b.step, ldc);
  }
  const passes = Math.ceil(M / blockRows(m.relaxed));
  if (b.order === "rows" && N >= 4 && (passes === 1 || (passes === 2 && K <= 256) || K * N <= NEAR))
    return direct(m, M, N, K, a, b.step, ldc);
  if (b.order === "columns" && a.order === "rows" && M <= 24 && K >= DEEP)
    return dotProducts(m, M, N, K, a.step, b.step, ldc);
  return blocks(m, M, N, K, a, b, ldc);
}

function zeros(m: CallMemory, M: number, N: number, ldc: number): Product {
  return {
    scratch: 0,
    run: (_a, _b, c, _s, done) => {
      for (let i = 0; i < M; i++) m.f32.fill(0, (c + i * ldc) >>> 2, ((c + i * ldc) >>> 2) + N);
      done?.(M);
    },
  };
}

/** C[M] = A * x, x with `step` bytes between its elements. */
function matrixVector(m: CallMemory, M: number, K: number, a: Layout, step: number): Product {
  if (a.order === "columns") {
    const run = combine(m);
    return {
      scratch: 0,
      chain: K,
      run: (pa, px, c, _s, done) => {
        run(px, step, pa, a.step, c, M, K);
        done?.(M);
      },
    };
  }
  return dotsWithVector(m, M, K, step, a.step);
}

/** C[N] = x * B. */
function vectorMatrix(m: CallMemory, N: number, K: number, step: number, b: Layout): Product {
  if (b.order === "rows") {
    const run = combine(m);
    return {
      scratch: 0,
      chain: K,
      run: (px, pb, c, _s, done) => {
        run(px, step, pb, b.step, c, N, K);
        done?.(1);
      },
    };
  }
  const dot = dotsWithVector(m, N, K, step, b.step);
  return {
    ...dot,
    run: (px, pb, c, s, done) => {
      dot.run(pb, px, c, s);
      done?.(1);
    },
  };
}

/** The dot product of each of `n` rows, `rowStep` bytes apart, with a vector. */
function dotsWithVector(m: CallMemory, n: number, K: number, step: number, rowStep: number): Product {
  const run = dots(m);
  const gap = step !== 4 && K > 1;
  const { transpose } = copies(m);
  return {
    scratch: gap ? aligned(4 * K) : 0,
    chain: K / 4,
    run: (rows, x, c, s, done) => {
      if (gap) transpose(s, 4, x, step, K, 1);
      run(gap ? s : x, 0, rows, rowStep, c, 0, 1, n, K);
      done?.(n);
    },
  };
}

function dotProducts(
  m: CallMemory,
  M: number,
  N: number,
  K: number,
  aStep: number,
  bStep: number,
  ldc: number,
): Product {
  const run = dots(m);
  return {
    scratch: 0,
    chain: K / 4,
    run: (a, b, c, _s, done) => {
      run(a, aStep, b, bStep, c, ldc, M, N, K);
      done?.(M);
    },
  };
}

/** Dot products with the columns of B, which are copied to lie along k. */
function dotsOfCopy(
  m: CallMemory,
  M: number,
  N: number,
  K: number,
  aStep: number,
  bStep: number,
  ldc: number,
): Product {
  const run = dots(m);
  const { transpose } = copies(m);
  return {
    scratch: aligned(4 * N * K),
    chain: K / 4,
    run: (a, b, c, s, done) => {
      transpose(s, 4 * K, b, bStep, K, N);
      run(a, aStep, s, 4 * K, c, ldc, M, N, K);
      done?.(M);
    },
  };
}

/** The transposed product, written into scratch in stretches of rows and turned into C. */
function turned(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, ldc: number): Product {
  const stretch = even(M, 4096, PANEL);
  const flip = (l: Layout): Layout => ({ order: l.order === "rows" ? "columns" : "rows", step: l.step });
  const part = (rows: number): Product => product(m, N, rows, K, flip(b), flip(a));
  const most = part(stretch < M ? stretch : M);
  const last = M % stretch === 0 || stretch > M ? most : part(M % stretch);
  const { transpose } = copies(m);
  const top = aligned(4 * N * stretch);
  return {
    scratch: top + Math.max(most.scratch, last.scratch),
    run: (pa, pb, c, s, done) => {
      for (let i = 0; i < M; i += stretch) {
        const rows = Math.min(stretch, M - i);
        (rows === stretch ? most : last).run(pb, pa + 4 * i, s, s + top);
        transpose(c + i * ldc, ldc, s, 4 * rows, N, rows);
        done?.(i + rows);
      }
    },
  };
}

/** B is read where it lies. */
function direct(m: CallMemory, M: number, N: number, K: number, a: Layout, bStep: number, ldc: number): Product {
  const run = block(m, a.order);
  const unit = a.order === "rows" ? a.step : 4;
  return {
    scratch: 0,
    chain: K,
    run: (pa, pb, c, _s, done) => {
      run(pa, a.step, unit, 0, pb, bStep, 4 * PANEL, c, ldc, M, N, K, 0, 1, 0);
      done?.(M);
    },
  };
}

/** B is packed in panels, a transposed A in row blocks where it is read more than twice. */
function blocks(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, ldc: number): Product {
  const run = block(m, a.order);
  const { panels, panelsOfTransposed, rowBlocks } = copies(m);
  const full = blockRows(m.relaxed);
  const depth = even(K, DEPTH, 4);
  const width = even(N, WIDTH, PANEL);
  const height = even(M, HEIGHT, full);
  const packed = a.order === "columns" && N > 2 * PANEL;
  const left = TILE + aligned(4 * depth * width);
  return {
    chain: depth + Math.ceil(K / depth),
    scratch: left + (packed ? aligned(4 * full * depth * Math.ceil(height / full + 1)) : 0),
    run: (pa, pb, c, s, done) => {
      const right = s + TILE;
      const pack = s + left;
      for (let j = 0; j < N; j += width) {
        const n = Math.min(width, N - j);
        for (let p = 0; p < K; p += depth) {
          const k = Math.min(depth, K - p);
          if (b.order === "rows") panels(right, pb + p * b.step + 4 * j, b.step, k, n);
          else panelsOfTransposed(right, pb + j * b.step + 4 * p, b.step, k, n);
          for (let i = 0; i < M; i += height) {
            const rows = Math.min(height, M - i);
            const to = c + i * ldc + 4 * j;
            const add = p === 0 ? 0 : 1;
            if (packed) {
              rowBlocks(pack, pa + p * a.step + 4 * i, a.step, k, rows);
              run(pack, 4 * full, 0, 4 * full * k, right, 32, 32 * k, to, ldc, rows, n, k, add, 0, s);
            } else if (a.order === "rows") {
              run(pa + i * a.step + 4 * p, a.step, a.step, 0, right, 32, 32 * k, to, ldc, rows, n, k, add, 0, s);
            } else {
              run(pa + p * a.step + 4 * i, a.step, 4, 0, right, 32, 32 * k, to, ldc, rows, n, k, add, 0, s);
            }
            if (p + k === K && j + n === N) done?.(i + rows);
          }
        }
      }
    },
  };
}
