// Convolutions as products without the matrix of columns: panels are gathered straight from an image, tiles are
// scattered straight into one, and for the weights' gradient the micro-kernel walks the image itself.
import {
  four,
  type Func,
  I32,
  i32,
  type Local,
  type Machine,
  type Module,
  lanes,
  VECTOR,
  type VOID,
} from "../wasm/emitter.ts";
import { copyFew } from "../wasm/machine.ts";
import { machineCode, routine, type CallMemory } from "./call.ts";
import { dispatch, fitting, microKernel, nextBlock, panelOf, tile } from "./gemm.ts";

type Int = Local<typeof I32>;

/**
 * Whether the four offsets at `table` are neighbors. Offsets of pixels only grow, but the last is repeated to fill a
 * panel: hence the second comparison.
 */
const adjacent = (table: Int, offset: number) => {
  const from = (i: number) => i32.sub(i32.load(table, offset + 4 * i), i32.load(table, offset));
  return i32.and(i32.eq(from(3), 12), i32.eq(from(2), 8));
};

/**
 * collect(to, image, pixels, panels, taps, k): panels of the matrix [taps, pixels] of an image.
 */
function writeCollect(module: Module, machine: Machine): void {
  const panel = panelOf(machine);
  const quads = Array.from({ length: panel / 4 }, (_, i) => 4 * i);
  const half = (f: Func<typeof VOID>, to: Int, image: Int, pixels: Int, taps: Int, k: Int, offset: number): void => {
    const [q, p, n, t] = [f.let(I32, to), f.let(I32, taps), f.let(I32, k), f.local(I32)];
    const at = [0, 1, 2, 3].map((i) => f.let(I32, i32.add(image, i32.load(pixels, 4 * (offset + i)))));
    const x = f.local(VECTOR);
    const loop = (load: () => void): void =>
      f.times(n, () => {
        f.set(t, i32.load(p));
        load();
        f.do(lanes.store(q, x, 4 * offset));
        f.advance(p, 4);
        f.advance(q, 4 * panel);
      });
    f.if(
      adjacent(pixels, 4 * offset),
      () => loop(() => f.set(x, lanes.load(i32.add(at[0]!, t)))),
      () =>
        loop(() => {
          f.set(x, lanes.loadFirst(i32.add(at[0]!, t)));
          for (let i = 1; i < 4; i++) f.set(x, four.load32(i32.add(at[i]!, t), x, i));
        }),
    );
  };
  routine(module, "collect", (f, to, image, pixels, panels, taps, k) => {
    const [q, p, n, t] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
    const bases = quads.map(() => f.local(I32));
    f.times(panels, () => {
      f.if(
        quads.map((at) => adjacent(pixels, 4 * at)).reduce((a, b) => i32.and(a, b)),
        () => {
          bases.forEach((base, i) => f.set(base, i32.add(image, i32.load(pixels, 16 * i))));
          f.set(p, taps);
          f.set(n, k);
          f.set(q, to);
          f.times(n, () => {
            f.set(t, i32.load(p));
            bases.forEach((base, i) => f.do(lanes.store(q, lanes.load(i32.add(base, t)), 16 * i)));
            f.advance(p, 4);
            f.advance(q, 4 * panel);
          });
        },
        () => {
          for (const at of quads) half(f, to, image, pixels, taps, k, at);
        },
      );
      f.advance(to, i32.mul(k, 4 * panel));
      f.advance(pixels, 4 * panel);
    });
  });
}

/** copyRows(to, toPlane, toRow, from, fromPlane, fromRow, planes, rows, floats): a block of rows into another place. */
function writeCopyRows(module: Module): void {
  routine(module, "copyRows", (f, to, toPlane, toRow, from, fromPlane, fromRow, planes, rows, floats) => {
    const [n, x, p, q] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
    f.times(planes, () => {
      f.set(n, rows);
      f.set(p, from);
      f.set(q, to);
      f.times(n, () => {
        f.set(x, i32.shrU(floats, 2));
        f.while(x, () => {
          f.do(lanes.store(q, lanes.load(p)));
          f.advance(p, 16);
          f.advance(q, 16);
          f.advance(x, -1);
        });
        f.set(x, i32.and(floats, 3));
        copyFew(f, p, q, x);
        f.advance(p, i32.sub(fromRow, i32.and(i32.shl(floats, 2), -16)));
        f.advance(q, i32.sub(toRow, i32.and(i32.shl(floats, 2), -16)));
      });
      f.advance(from, fromPlane);
      f.advance(to, toPlane);
    });
  });
}

/**
 * Runs of neighbors among the pixels of each panel: how many there are, then for each the byte offset of the first and
 * how many, at most a vector. A panel takes `runWords` words.
 */
export function runsOf(pixels: Int32Array, count: number, machine: Machine): Int32Array {
  const panel = panelOf(machine);
  const words = runWords(panel);
  const table = new Int32Array(words * Math.ceil(count / panel));
  for (let i = 0; i < count; i++) {
    const at = words * Math.floor(i / panel);
    const last = at + 2 * table[at]! - 1;
    if (i % panel > 0 && pixels[i] === pixels[i - 1]! + 4 && table[last + 1]! < machine.lanes) table[last + 1]!++;
    else table.set([pixels[i]!, 1], at + 1 + 2 * table[at]!++);
  }
  return table;
}
export const runWords = (panel: number): number => 1 + 2 * panel;

/**
 * scatter(a, b, k, image, taps, rows, runs, columns, tile): image[taps[i] + pixel[j]] += (A * B)[i][j], A in row blocks
 * and B in panels, the pixels of each panel as `runsOf` gives them. Neighboring rows should touch different places: a sum
 * that waits for the store before it is slow. rowBlocksOf(to, w, step, taps, rows, k): row blocks of a matrix [taps, k]
 * given by byte offsets of its rows in `w`.
 */
function writeScatter(module: Module, machine: Machine): void {
  const full = machine.tile.rows;
  const panel = panelOf(machine);
  const kernels = Array.from({ length: full }, (_, i) =>
    microKernel(module, "columns", i + 1, machine.tile.vectors, machine),
  );
  /** Adds a tile to the image. */
  const add = routine(module, "", (f, tile, image, taps, rows, runs) => {
    const [base, p, q, n, to, width] = [0, 0, 0, 0, 0, 0].map(() => f.local(I32)) as [Int, Int, Int, Int, Int, Int];
    f.times(rows, () => {
      f.set(base, i32.add(image, i32.load(taps)));
      f.set(n, i32.load(runs));
      f.set(p, runs);
      f.set(q, tile);
      f.times(n, () => {
        f.set(to, i32.add(base, i32.load(p, 4)));
        f.set(width, i32.load(p, 8));
        machine.addNarrow(f, q, to, width);
        f.advance(q, i32.shl(width, 2));
        f.advance(p, 8);
      });
      f.advance(taps, 4);
      f.advance(tile, 4 * panel);
    });
  });
  routine(module, "scatter", (f, a, b, k, image, taps, rows, runs, columns, tile) => {
    const [rest, r, p, q] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
    f.repeat(
      () => {
        f.set(rest, rows);
        f.set(p, a);
        f.set(q, taps);
        f.repeat(
          () => {
            nextBlock(f, r, rest, full);
            dispatch(f, r, kernels, [p, 4 * full, b, 4 * panel, tile, 4 * panel, k, 0]);
            f.do(add.call(tile, image, q, r, runs));
            f.advance(p, i32.mul(k, 4 * full));
            f.advance(q, i32.shl(r, 2));
          },
          () => f.tee(rest, i32.sub(rest, r)),
        );
        f.advance(b, i32.mul(k, 4 * panel));
        f.advance(runs, 4 * runWords(panel));
      },
      () => i32.gtS(f.tee(columns, i32.sub(columns, panel)), 0),
    );
  });
  routine(module, "rowBlocksOf", (f, to, w, step, taps, rows, k) => {
    const [r, i, n, p, q] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
    f.repeat(
      () => {
        nextBlock(f, r, rows, full);
        f.set(i, 0);
        f.repeat(
          () => {
            f.set(p, i32.add(w, i32.load(taps)));
            f.set(q, i32.add(to, i32.shl(i, 2)));
            f.set(n, k);
            f.times(n, () => {
              f.do(i32.store(q, i32.load(p)));
              f.advance(p, step);
              f.advance(q, 4 * full);
            });
            f.advance(taps, 4);
          },
          () => i32.ltS(f.tee(i, i32.add(i, 1)), r),
        );
        f.advance(to, i32.mul(k, 4 * full));
      },
      () => f.tee(rows, i32.sub(rows, r)),
    );
  });
}

/**
 * walk(image, taps, rows, pixels, k, b, c, ldc, columns, accumulate): C[taps, columns] = or += [taps, pixels] *
 * B[pixels, columns] for k pixels. B is in panels; C has room for whole ones.
 */
function writeWalk(module: Module, machine: Machine): void {
  const { lanes, tile: size } = machine;
  const panel = panelOf(machine);
  const kernel = (rows: number, width: number): Func<typeof VOID> =>
    routine(module, "", (f, image, taps, pixels, k, b, c, ldc, accumulate) => {
      const t = tile(f, rows, width, machine);
      const bases = t.sums.map((_, row) => f.let(I32, i32.add(image, i32.load(taps, 4 * row))));
      const pixel = f.local(I32);
      f.while(i32.gtS(k, 0), () => {
        f.set(pixel, i32.load(pixels));
        t.step(
          (row) => ({ at: i32.add(bases[row]!, pixel), offset: 0 }),
          (j) => ({ at: b, offset: 4 * lanes * j }),
        );
        f.advance(pixels, 4);
        f.advance(b, 4 * panel);
        f.advance(k, -1);
      });
      t.store(c, ldc, accumulate);
    });
  /** By the vectors that a panel's columns fill, and by rows. */
  const kernels = Array.from({ length: size.vectors }, (_, j) =>
    Array.from({ length: size.rows }, (_, i) => kernel(i + 1, j + 1)),
  );
  routine(module, "walk", (f, image, taps, rows, pixels, k, b, c, ldc, columns, accumulate) => {
    const [rest, r, p, q] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
    const rowBlocks = (width: number): void =>
      f.repeat(
        () => {
          nextBlock(f, r, rest, size.rows);
          dispatch(f, r, kernels[width - 1]!, [image, p, pixels, k, b, q, ldc, accumulate]);
          f.advance(p, i32.shl(r, 2));
          f.advance(q, i32.mul(r, ldc));
        },
        () => f.tee(rest, i32.sub(rest, r)),
      );
    f.repeat(
      () => {
        f.set(rest, rows);
        f.set(p, taps);
        f.set(q, c);
        fitting(f, machine, columns, rowBlocks);
        f.advance(b, i32.mul(k, 4 * panel));
        f.advance(c, 4 * panel);
      },
      () => i32.gtS(f.tee(columns, i32.sub(columns, panel)), 0),
    );
  });
}

export const collect = (m: CallMemory) =>
  machineCode<"collect">(m.wasm, `collect for ${m.machine.name}`, (module) => writeCollect(module, m.machine)).collect;
export const copyRows = (m: CallMemory) => machineCode<"copyRows">(m.wasm, "copy rows", writeCopyRows).copyRows;
export const scatter = (m: CallMemory) => machineCode<"scatter" | "rowBlocksOf">(m, "scatter", writeScatter);
export const walk = (m: CallMemory) => machineCode<"walk">(m, "walk", writeWalk).walk;
