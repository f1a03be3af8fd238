// One product C[M, N] = A[M, K] * B[K, N] of f32 matrices in any of the four orders: which kernel fits the shape, and
// the blocks in which large ones are packed and multiplied.
import { aligned, blocksOf, type CallMemory } from "./call.ts";
import { block, panelOf, tileBytes, type Order } from "./gemm.ts";
import { copies } from "./panels.ts";
import { combine, dots } from "./thin.ts";

/**
 * A matrix in memory: by "rows", elements of a row lie side by side and rows `step` bytes apart; by "columns" the
 * columns do.
 */
export interface Layout {
  readonly order: Order;
  readonly step: number;
}

/** A product prepared for its sizes: takes addresses of A and B, and the rows and columns of C to compute. */
interface Product {
  readonly scratch: number;
  /** The longest sum in f32, if that depends on K. */
  readonly chain?: number;
  /** The least rows of a run that outweigh the work that each run repeats. */
  readonly grain?: number;
  readonly first?: Packing;
  /** `again`: B and scratch are those of the run before, so that what was packed is still there. */
  run(
    a: number,
    b: number,
    c: number,
    scratch: number,
    rows: number,
    columns: number,
    again?: boolean,
    packed?: number,
  ): void;
}

/** Work that is done once for all ranges: B is packed into memory that they share, in independent units. */
interface Packing {
  readonly bytes: number;
  readonly units: number;
  run(to: number, b: number, begin: number, end: number): void;
}

/** A thin product has at most so many columns; from this depth on it is computed by dot products. */
const THIN = 12;
const DEEP = 24;
/** From so many rows on, packing B is little work. */
const GRAIN = 240;
/** Columns that are packed at a time where threads share a packed matrix: whole panels, about so many. */
const GROUP = 64;

/** Sizes of equal blocks, none larger than `most`, multiples of `unit` but for the last. */
export const equalBlocks = (size: number, most: number, unit: number): number =>
  Math.ceil(size / Math.ceil(size / most) / unit) * unit;

/** Longer sums in f32 lose digits: they are split, and their parts added in f64. */
const CHAIN = 512;
/** The most elements of C for which sums are split, and how many are summed at a time. */
const SUMS = 1 << 22;
const NEAR_SUMS = 1 << 18;

/** A product in ranges of its rows; of its columns, if it has one row. */
export interface Ranges {
  readonly units: number;
  readonly scratch: number;
  readonly grain?: number;
  readonly first?: Packing;
  /**
   * `again`: B, range and scratch are those of the run before, so that what was packed is still there; `packed`: where
   * `first` has packed B.
   */
  run(
    a: number,
    b: number,
    c: number,
    scratch: number,
    begin: number,
    end: number,
    again?: boolean,
    packed?: number,
  ): void;
}

/** The product of these sizes. `once`: B may be packed once for all ranges. */
export function product(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, once = false): Ranges {
  if (a.order === "columns" && M > THIN && N > 1 && N <= THIN && K >= DEEP) return turned(m, M, N, K, a, b);
  const { run, ...rest } = exact(m, M, N, K, a, b, once);
  if (M === 1) {
    const step = b.order === "rows" ? 4 : b.step;
    return {
      ...rest,
      units: N,
      run: (pa, pb, c, s, begin, end, again) => run(pa, pb + begin * step, c + 4 * begin, s, 1, end - begin, again),
    };
  }
  const step = a.order === "rows" ? a.step : 4;
  return {
    ...rest,
    units: M,
    run: (pa, pb, c, s, begin, end, again, packed) =>
      run(pa + begin * step, pb, c + 4 * begin * N, s, end - begin, N, again, packed),
  };
}

/** The transposed product, written into scratch in stretches of rows and turned into C. */
function turned(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout): Ranges {
  const panel = panelOf(m.machine);
  const stretch = Math.min(M, equalBlocks(M, 4096, panel));
  const flip = (l: Layout): Layout => ({ order: l.order === "rows" ? "columns" : "rows", step: l.step });
  const part = (rows: number): Product => exact(m, N, rows, K, flip(b), flip(a));
  const most = part(stretch);
  const last = M % stretch === 0 ? most : part(M % stretch);
  const { transpose } = copies(m);
  const top = aligned(4 * N * stretch);
  return {
    units: M,
    scratch: top + Math.max(most.scratch, last.scratch),
    grain: GRAIN,
    run: (pa, pb, c, s, begin, end) =>
      blocksOf(begin, end, stretch, (block, from, to) => {
        const before = block * stretch;
        const rows = Math.min(stretch, M - before);
        // Whole panels: of a few columns some kernels read what stands beside them.
        const left = Math.max(0, Math.min(from - (from % panel), rows - panel));
        const right = Math.min(rows, Math.ceil(to / panel) * panel);
        (rows === stretch ? most : last).run(pb, pa + 4 * (before + left), s, s + top, N, right - left);
        transpose(c + 4 * (before + from) * N, 4 * N, s + 4 * (from - left), 4 * rows, N, to - from);
      }),
  };
}

/** The product whose sums are cut where they are long. */
function exact(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, once = false): Product {
  const whole = inOneGo(m, M, N, K, a, b, once);
  const { chain = 0 } = whole;
  if (chain <= CHAIN || M * N > SUMS) return whole;
  return inStretches(m, M, N, K, a, b, equalBlocks(K, Math.floor((K * CHAIN) / chain), 4));
}

/** The sums over stretches of K are added in f64, for so many rows at a time that these stay near. */
function inStretches(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, stretch: number): Product {
  const most = inOneGo(m, M, N, stretch, a, b);
  const last = K % stretch === 0 ? most : inOneGo(m, M, N, K % stretch, a, b);
  const height = Math.min(M, Math.max(GRAIN, Math.floor(NEAR_SUMS / N)));
  const part = aligned(8 * height * N);
  const top = part + aligned(4 * height * N);
  const [aRow, aStep] = a.order === "rows" ? [a.step, 4] : [4, a.step];
  const bStep = b.order === "rows" ? b.step : 4;
  return {
    scratch: top + Math.max(most.scratch, last.scratch),
    grain: GRAIN,
    run: (pa, pb, c, s, rows, columns) => {
      const { f32, f64 } = m;
      const [sums, parts] = [s >>> 3, (s + part) >>> 2];
      for (let i = 0; i < rows; i += height) {
        const n = Math.min(height, rows - i);
        f64.fill(0, sums, sums + n * N);
        for (let k = 0; k < K; k += stretch) {
          const one = k + stretch > K ? last : most;
          one.run(pa + i * aRow + k * aStep, pb + k * bStep, s + part, s + top, n, columns);
          for (let r = 0; r < n * N; r += N) for (let j = r; j < r + columns; j++) f64[sums + j]! += f32[parts + j]!;
        }
        const to = (c + 4 * i * N) >>> 2;
        for (let r = 0; r < n * N; r += N) for (let j = r; j < r + columns; j++) f32[to + j] = f64[sums + j]!;
      }
    },
  };
}

/** The kernel that fits the shape. */
function inOneGo(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, once = false): Product {
  if (M === 0 || N === 0) return { scratch: 0, run: () => {} };
  if (K === 0) return zeros(m, N);
  if (N === 1) return matrixVector(m, M, K, a, b.order === "rows" ? b.step : 4);
  if (M === 1) return vectorMatrix(m, N, K, a.order === "rows" ? 4 : a.step, b);
  if (N <= THIN && K >= DEEP) {
    if (a.order === "rows" && b.order === "columns") return dotProducts(m, M, N, K, a.step, b.step);
    if (a.order === "rows" && N * K <= 1 << 18) return dotsOfCopy(m, M, N, K, a.step, b.step);
  }
  const {
    lanes,
    tile,
    blocks: { near },
  } = m.machine;
  const passes = Math.ceil(M / tile.rows);
  if (b.order === "rows" && N >= lanes && (passes === 1 || (passes === 2 && K <= 256) || K * N <= near))
    return direct(m, N, K, a, b.step);
  if (b.order === "columns" && a.order === "rows" && M <= 24 && K >= DEEP)
    return dotProducts(m, M, N, K, a.step, b.step);
  return blocks(m, M, N, K, a, b, once);
}

function zeros(m: CallMemory, N: number): Product {
  return {
    scratch: 0,
    run: (_a, _b, c, _s, rows, columns) => m.clear(c, 4 * ((rows - 1) * N + columns)),
  };
}

/** C[M] = A * x, x with `step` bytes between its elements. */
function matrixVector(m: CallMemory, M: number, K: number, a: Layout, step: number): Product {
  if (a.order === "rows") return dotsWithVector(m, M, K, step, a.step);
  const run = combine(m, M * K);
  return { scratch: 0, chain: K, run: (pa, px, c, _s, rows) => void run(px, step, pa, a.step, c, rows, K) };
}

/** C[N] = x * B. */
function vectorMatrix(m: CallMemory, N: number, K: number, step: number, b: Layout): Product {
  if (b.order === "columns") {
    const dot = dotsWithVector(m, N, K, step, b.step);
    return { ...dot, run: (px, pb, c, s, rows, columns) => dot.run(pb, px, c, s, columns, rows) };
  }
  const run = combine(m, N * K);
  return {
    scratch: 0,
    chain: K,
    run: (px, pb, c, _s, _rows, columns) => void run(px, step, pb, b.step, c, columns, K),
  };
}

/** The dot product of each row, `rowStep` bytes apart, with a vector. */
function dotsWithVector(m: CallMemory, rows: number, K: number, step: number, rowStep: number): Product {
  const run = dots(m, rows * K);
  const gap = step !== 4 && K > 1;
  const { transpose } = copies(m);
  return {
    scratch: gap ? aligned(4 * K) : 0,
    chain: K / 4,
    grain: GRAIN,
    run: (pa, x, c, s, rows) => {
      if (gap) transpose(s, 4, x, step, K, 1);
      run(gap ? s : x, 0, pa, rowStep, c, 0, 1, rows, K);
    },
  };
}

function dotProducts(m: CallMemory, M: number, N: number, K: number, aStep: number, bStep: number): Product {
  const run = dots(m, M * N * K);
  return {
    scratch: 0,
    chain: K / 4,
    run: (a, b, c, _s, rows, columns) => void run(a, aStep, b, bStep, c, 4 * N, rows, columns, K),
  };
}

/** Dot products with the columns of B, which are copied to lie along k. */
function dotsOfCopy(m: CallMemory, M: number, N: number, K: number, aStep: number, bStep: number): Product {
  const run = dots(m, M * N * K);
  const { transpose } = copies(m);
  return {
    scratch: aligned(4 * N * K),
    chain: K / 4,
    grain: GRAIN,
    run: (a, b, c, s, rows, columns) => {
      transpose(s, 4 * K, b, bStep, K, columns);
      run(a, aStep, s, 4 * K, c, 4 * N, rows, columns, K);
    },
  };
}

/** B is read in place. */
function direct(m: CallMemory, N: number, K: number, a: Layout, bStep: number): Product {
  const run = block(m, a.order);
  const unit = a.order === "rows" ? a.step : 4;
  return {
    scratch: 0,
    chain: K,
    run: (pa, pb, c, _s, rows, columns) =>
      void run(pa, a.step, unit, 0, pb, bStep, 4 * panelOf(m.machine), c, 4 * N, rows, columns, K, 0, 1, 0),
  };
}

/**
 * B is packed in panels, once for all ranges or by each for itself; a transposed A in row blocks if it is read more than
 * twice.
 */
function blocks(m: CallMemory, M: number, N: number, K: number, a: Layout, b: Layout, once: boolean): Product {
  const run = block(m, a.order);
  const { panels, panelsOfTransposed, rowBlocks } = copies(m);
  const full = m.machine.tile.rows;
  const panel = panelOf(m.machine);
  const step = 4 * panel;
  const most = m.machine.blocks;
  const depth = equalBlocks(K, most.depth, 4);
  const width = equalBlocks(N, most.width, panel);
  const height = equalBlocks(M, most.height, full);
  const packsA = a.order === "columns" && N > 2 * panel;
  const tile = tileBytes(m.machine);
  const left = tile + (once ? 0 : aligned(4 * depth * width));
  const [row, along] = a.order === "rows" ? [a.step, 4] : [4, a.step];
  const packB = (to: number, pb: number, p: number, k: number, j: number, n: number): void => {
    if (b.order === "rows") panels(to, pb + p * b.step + 4 * j, b.step, k, n);
    else panelsOfTransposed(to, pb + j * b.step + 4 * p, b.step, k, n);
  };
  /** Where the block of columns from j and of depth from p lies when all of B is packed. */
  const place = (j: number, p: number): number => 4 * (j * K + p * panel * Math.ceil(Math.min(width, N - j) / panel));
  const group = panel * Math.ceil(GROUP / panel);
  const groups = Math.ceil(N / group);
  const first: Packing | undefined = once
    ? {
        bytes: 4 * K * panel * Math.ceil(N / panel),
        units: groups * Math.ceil(K / depth),
        run: (to, pb, begin, end) =>
          blocksOf(begin, end, groups, (block, from, until) => {
            const p = block * depth;
            const k = Math.min(depth, K - p);
            for (let j = from * group; j < Math.min(N, until * group);) {
              const start = j - (j % width);
              const stop = Math.min(N, until * group, start + width);
              packB(to + place(start, p) + 4 * k * (j - start), pb, p, k, j, stop - j);
              j = stop;
            }
          }),
      }
    : undefined;
  return {
    chain: depth + Math.ceil(K / depth),
    scratch: left + (packsA ? aligned(4 * full * depth * Math.ceil(height / full + 1)) : 0),
    grain: once ? 4 * full : GRAIN,
    ...(first && { first }),
    run: (pa, pb, c, s, all, columns, again = false, packed) => {
      const kept = again && columns <= width && K <= depth; // all of B is one block
      const pack = s + left;
      for (let j = 0; j < columns; j += width) {
        const n = Math.min(width, columns - j);
        for (let p = 0; p < K; p += depth) {
          const k = Math.min(depth, K - p);
          const right = once ? packed! + place(j, p) : s + tile;
          if (!kept && !once) packB(right, pb, p, k, j, n);
          for (let i = 0; i < all; i += height) {
            const rows = Math.min(height, all - i);
            const to = c + 4 * (i * N + j);
            const add = p === 0 ? 0 : 1;
            if (packsA) {
              rowBlocks(pack, pa + p * a.step + 4 * i, a.step, k, rows);
              run(pack, 4 * full, 0, 4 * full * k, right, step, step * k, to, 4 * N, rows, n, k, add, 0, s);
            } else {
              const at = pa + i * row + p * along;
              run(at, a.step, row, 0, right, step, step * k, to, 4 * N, rows, n, k, add, 0, s);
            }
          }
        }
      }
    },
  };
}
