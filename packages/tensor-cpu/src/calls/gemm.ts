// Matrix micro-kernels: C[rows, columns] += A * B held in registers, one column panel of B at a time, and the loop over
// panels and row blocks around them. A machine says how large a block its registers hold: in WebAssembly 6x8 with
// fused multiply-adds, 5x8 without.
import {
  type Expr,
  floats,
  type Func,
  I32,
  i32,
  type In,
  type Local,
  type Machine,
  type Module,
  select,
  type Type,
  lanes,
  VECTOR,
  type VOID,
} from "../wasm/emitter.ts";
import { aligned, machineCode, routine, type CallMemory, type Routine } from "./call.ts";

/** Columns of a panel. */
export const panelOf = ({ lanes, tile }: Machine): number => lanes * tile.vectors;

/** Bytes that a block takes in scratch memory. */
export const tileBytes = (machine: Machine): number => aligned(4 * machine.tile.rows * panelOf(machine));

type Vec = Local<typeof VECTOR>;
type Int = Local<typeof I32>;
type Lanes = Expr<typeof VECTOR>;

export const multiplyAdd = ({ fused }: Machine) =>
  fused ? floats.madd : (a: Lanes, b: Lanes, c: Lanes): Lanes => floats.add(c, floats.mul(a, b));

const vectors = (f: Func<typeof VOID>, n: number): Vec[] => Array.from({ length: n }, () => f.local(VECTOR));

/**
 * The layout of A. By rows: element (i, k) at a + i * step + 4k. By columns: at a + k * step + 4i, for a transposed
 * matrix or packed row blocks.
 */
export type Order = "rows" | "columns";

/** The registers of a tile: `rows` times `width` vectors, cleared, with one step of the product over them. */
export function tile(f: Func<typeof VOID>, rows: number, width: number, machine: Machine) {
  const bytes = 4 * machine.lanes;
  const sums = Array.from({ length: rows }, () => vectors(f, width));
  const right = vectors(f, width);
  const left = f.local(VECTOR);
  const madd = multiplyAdd(machine);
  for (const row of sums) for (const x of row) f.set(x, floats.const(0));
  return {
    sums,
    /** sums += (a column of A, given by the address of each element) times (a row of B at `b`). */
    step(
      element: (row: number) => { at: Expr<typeof I32>; offset: number },
      b: (vector: number) => { at: Int; offset: number },
    ): void {
      for (let j = 0; j < width; j++) f.set(right[j]!, lanes.load(b(j).at, b(j).offset));
      for (let i = 0; i < rows; i++) {
        const { at, offset } = element(i);
        f.set(left, lanes.loadSplat(at, offset));
        for (let j = 0; j < width; j++) f.set(sums[i]![j]!, madd(left, right[j]!, sums[i]![j]!));
      }
    },
    /** Writes or adds the tile to the rows at `c`, `ldc` bytes apart. */
    store(c: Int, ldc: Int, accumulate: Int): void {
      const write = (value: (x: Vec, offset: number) => ReturnType<typeof floats.add>): void =>
        sums.forEach((row, i) => {
          row.forEach((x, j) => f.do(lanes.store(c, value(x, bytes * j), bytes * j)));
          if (i < rows - 1) f.advance(c, ldc);
        });
      f.if(
        accumulate,
        () => write((x, offset) => floats.add(lanes.load(c, offset), x)),
        () => write((x) => x),
      );
    },
  };
}

/** C tile = A * B, or += with `accumulate`; `bStep` bytes from one row of B to the next, k > 0 rows. */
export function microKernel(
  module: Module,
  order: Order,
  rows: number,
  width: number,
  machine: Machine,
): Func<typeof VOID> {
  return routine(module, "", (f, a, step, b, bStep, c, ldc, k, accumulate) => {
    const t = tile(f, rows, width, machine);
    const at = [a];
    if (order === "rows") for (let i = 1; i < rows; i++) at.push(f.let(I32, i32.add(at[i - 1]!, step)));
    const element = (i: number) => (order === "rows" ? { at: at[i]!, offset: 0 } : { at: a, offset: 4 * i });
    // A loop that might not run at all: in one that runs at least once, V8 11 (Node 20) loads everything before the
    // first product, spills, and takes twice as long.
    f.while(i32.gtS(k, 0), () => {
      t.step(element, (j) => ({ at: b, offset: 4 * machine.lanes * j }));
      for (const p of at) f.advance(p, order === "rows" ? 4 : step);
      f.advance(b, bStep);
      f.advance(k, -1);
    });
    t.store(c, ldc, accumulate);
  });
}

/** Copies or adds `rows` rows of `width` floats, fewer than a panel has, from a tile to C. */
const tileCopy = (module: Module, machine: Machine): Func<typeof VOID> =>
  routine(module, "", (f, source, c, ldc, rows, width, accumulate) =>
    f.times(rows, () => {
      machine.copyNarrow(f, source, c, width, accumulate);
      f.advance(source, 4 * panelOf(machine));
      f.advance(c, ldc);
    }),
  );

/**
 * Rows of the next block when `rest` remain: a full block, but the remainder is halved, because a block of one or two
 * rows waits for its own sums.
 */
export function nextBlock(f: Func<typeof VOID>, into: Int, rest: Int, full: number): void {
  f.set(into, select(i32.gtS(rest, full), i32.const(full), rest));
  f.if(i32.and(i32.gtS(rest, full), i32.ltS(rest, 2 * full - 2)), () => f.set(into, i32.shrS(i32.add(rest, 1), 1)));
}

/** Calls the kernel for `rows` rows: `kernels[r - 1]` has r. */
export function dispatch(
  f: Func<typeof VOID>,
  rows: Int,
  kernels: readonly Func<typeof VOID>[],
  args: readonly In<Type>[],
): void {
  const from = (r: number): void => {
    if (r === 0) return;
    f.if(
      i32.eq(rows, r),
      () => f.do(kernels[r - 1]!.call(...args)),
      () => from(r - 1),
    );
  };
  from(kernels.length);
}

/** Writes the loop over the fewest vectors that hold so many columns, at most a panel's. */
export function fitting(
  f: Func<typeof VOID>,
  { lanes, tile }: Machine,
  columns: Int,
  loop: (vectors: number) => void,
): void {
  const upTo = (vectors: number): void => {
    if (vectors === 1) return loop(1);
    f.if(
      i32.gtS(columns, lanes * (vectors - 1)),
      () => loop(vectors),
      () => upTo(vectors - 1),
    );
  };
  upTo(tile.vectors);
}

/**
 * block(a, step, unit, panel, b, bStep, bPanel, c, ldc, rows, columns, k, accumulate, overlap, tile): C = A * B. A
 * advances by unit bytes a row and `panel` bytes a row block. B's panels lie bPanel bytes apart, its rows bStep bytes.
 * The last panel, if narrow, is computed into `tile` and copied, or, with `overlap`, moved left over columns already
 * done.
 */
function writeBlock(order: Order) {
  return (module: Module, machine: Machine): void => {
    const { lanes, tile } = machine;
    const full = tile.rows;
    const most = panelOf(machine);
    const copy = tileCopy(module, machine);
    const rowLoops = Array.from({ length: tile.vectors }, (_, j) => {
      const width = j + 1;
      const kernels = Array.from({ length: full }, (_, i) => microKernel(module, order, i + 1, width, machine));
      return routine(module, "", (f, a, step, unit, panel, b, bStep, c, ldc, rest, k, accumulate, w, tile) => {
        const r = f.local(I32);
        const narrow = f.let(I32, i32.ltS(w, lanes * width));
        const to = f.local(I32);
        const ld = f.let(I32, select(narrow, i32.const(4 * most), ldc));
        const add = f.let(I32, select(narrow, i32.const(0), accumulate));
        f.repeat(
          () => {
            nextBlock(f, r, rest, full);
            f.set(to, select(narrow, tile, c));
            dispatch(f, r, kernels, [a, step, b, bStep, to, ld, k, add]);
            f.if(narrow, () => f.do(copy.call(tile, c, ldc, r, w, accumulate)));
            f.advance(a, i32.add(panel, i32.mul(r, unit)));
            f.advance(c, i32.mul(r, ldc));
          },
          () => f.tee(rest, i32.sub(rest, r)),
        );
      });
    });
    routine(
      module,
      "block",
      (f, a, step, unit, panel, b, bStep, bPanel, c, ldc, rows, columns, k, accumulate, overlap, tile) => {
        const [w, back, whole] = [f.local(I32), f.local(I32), f.local(I32)];
        const all = f.let(I32, columns);
        const loop = (width: number): void =>
          f.do(rowLoops[width - 1]!.call(a, step, unit, panel, b, bStep, c, ldc, rows, k, accumulate, w, tile));
        f.repeat(
          () => {
            f.set(w, select(i32.ltS(columns, most), columns, i32.const(most)));
            f.if(overlap, () => {
              // Whole vectors that move left by what they lack; where C has no such columns, fewer of them first.
              f.set(whole, i32.and(i32.add(w, lanes - 1), -lanes));
              f.if(
                i32.geS(all, whole),
                () => {
                  f.set(back, i32.shl(i32.sub(whole, w), 2));
                  f.set(w, whole);
                },
                () => {
                  f.set(back, 0);
                  f.set(w, i32.and(w, -lanes));
                },
              );
              f.set(b, i32.sub(b, back));
              f.set(c, i32.sub(c, back));
            });
            fitting(f, machine, w, loop);
            f.if(
              overlap,
              () => {
                f.advance(b, i32.add(back, i32.shl(w, 2)));
                f.advance(c, i32.add(back, i32.shl(w, 2)));
                f.set(w, i32.sub(w, i32.shrS(back, 2)));
              },
              () => {
                f.advance(b, bPanel);
                f.advance(c, 4 * most);
              },
            );
          },
          () => i32.gtS(f.tee(columns, i32.sub(columns, w)), 0),
        );
      },
    );
  };
}

export const block = (m: CallMemory, order: Order): Routine =>
  machineCode<"block">(m, `product of ${order}`, writeBlock(order)).block;
