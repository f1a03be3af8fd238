// Copies that bring matrices into the order that the micro-kernels read: panels of columns, row blocks of a transposed
// matrix, and plain transposes by 4x4 blocks. Nothing outside the operands is read.
import {
  four,
  type Func,
  I32,
  floats,
  i32,
  i64,
  type Local,
  type Machine,
  type Module,
  select,
  lanes,
  VECTOR,
  type VOID,
} from "../wasm/emitter.ts";
import { copyFew } from "../wasm/machine.ts";
import { nextBlock, panelOf } from "./gemm.ts";
import { machineCode, routine, type CallMemory } from "./call.ts";

type Int = Local<typeof I32>;

/** Copies `width` floats from p to q, which stay where they are; `left` is overwritten. */
function copyFloats(f: Func<typeof VOID>, p: Int, q: Int, width: Int, left: Int): void {
  const [from, to] = [f.let(I32, p), f.let(I32, q)];
  f.set(left, width);
  f.while(i32.geS(left, 8), () => {
    f.do(lanes.store(to, lanes.load(from)), lanes.store(to, lanes.load(from, 16), 16));
    f.advance(from, 32);
    f.advance(to, 32);
    f.advance(left, -8);
  });
  copyFew(f, from, to, left);
}

/** transpose(to, toStep, from, fromStep, rows, columns): to[c][r] = from[r][c], steps in bytes between rows. */
const transposeRoutine = (module: Module): Func<typeof VOID> =>
  routine(module, "transpose", (f, to, toStep, from, fromStep, rows, columns) => {
    const [r, c, p, q] = [0, 0, 0, 0].map(() => f.local(I32)) as [Int, Int, Int, Int];
    const x = [0, 0, 0, 0].map(() => f.local(VECTOR));
    const y = [0, 0, 0, 0].map(() => f.local(VECTOR));
    const pick = four.shuffle;
    const one = (): void => f.do(i32.store(q, i32.load(p)));
    f.set(r, i32.and(rows, -4));
    f.while(i32.gtS(r, 0), () => {
      f.set(p, from);
      f.set(q, to);
      f.set(c, i32.and(columns, -4));
      f.while(i32.gtS(c, 0), () => {
        const steps = f.let(I32, p);
        for (let i = 0; i < 4; i++) {
          f.set(x[i]!, lanes.load(steps));
          if (i < 3) f.advance(steps, fromStep);
        }
        for (const h of [0, 2]) {
          f.set(y[h]!, pick(x[h]!, x[h + 1]!, [0, 4, 1, 5]));
          f.set(y[h + 1]!, pick(x[h]!, x[h + 1]!, [2, 6, 3, 7]));
        }
        for (let i = 0; i < 4; i++) {
          const h = i >> 1;
          f.do(lanes.store(q, pick(y[h]!, y[h + 2]!, i % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7])));
          f.advance(q, toStep);
        }
        f.advance(p, 16);
        f.advance(c, -4);
      });
      f.set(c, i32.and(columns, 3));
      f.while(c, () => {
        const steps = f.let(I32, p);
        for (let i = 0; i < 4; i++) {
          f.do(i32.store(q, i32.load(steps), 4 * i));
          if (i < 3) f.advance(steps, fromStep);
        }
        f.advance(p, 4);
        f.advance(q, toStep);
        f.advance(c, -1);
      });
      f.advance(from, i32.shl(fromStep, 2));
      f.advance(to, 16);
      f.advance(r, -4);
    });
    f.set(rows, i32.and(rows, 3));
    f.while(i32.gtS(rows, 0), () => {
      f.set(p, from);
      f.set(q, to);
      f.set(c, columns);
      f.while(c, () => {
        one();
        f.advance(p, 4);
        f.advance(q, toStep);
        f.advance(c, -1);
      });
      f.advance(from, fromStep);
      f.advance(to, 4);
      f.advance(rows, -1);
    });
  });

/** Clears the panel of `k` rows of so many columns at `to`. */
const clear = (f: Func<typeof VOID>, to: Int, k: Int, panel: number): void => {
  const p = f.let(I32, to);
  const end = f.let(I32, i32.add(to, i32.mul(k, 4 * panel)));
  f.while(i32.ltU(p, end), () => {
    f.do(lanes.store(p, floats.const(0)), lanes.store(p, floats.const(0), 16));
    f.advance(p, 32);
  });
};

/** Copies for products on a machine. */
function write(module: Module, machine: Machine): void {
  const full = machine.tile.rows;
  const panel = panelOf(machine);
  const transpose = transposeRoutine(module);

  /** panels(to, from, step, k, columns): panels of a matrix of k rows, the last one filled up with zeros. */
  routine(module, "panels", (f, to, from, step, k, columns) => {
    const [n, p, left] = [f.local(I32), f.local(I32), f.local(I32)];
    const rows = (copy: () => void): void =>
      f.while(n, () => {
        copy();
        f.advance(to, 4 * panel);
        f.advance(p, step);
        f.advance(n, -1);
      });
    f.while(i32.gtS(columns, 0), () => {
      f.set(n, k);
      f.set(p, from);
      f.if(
        i32.geS(columns, panel),
        () =>
          rows(() => {
            for (let at = 0; at < 4 * panel; at += 16) f.do(lanes.store(to, lanes.load(p, at), at));
          }),
        () => {
          clear(f, to, k, panel);
          rows(() => copyFloats(f, p, to, columns, left));
        },
      );
      f.advance(from, 4 * panel);
      f.set(columns, i32.sub(columns, panel));
    });
  });

  /** panelsOfTransposed(to, from, step, k, columns): the same of a matrix given as `columns` rows of k. */
  routine(module, "panelsOfTransposed", (f, to, from, step, k, columns) => {
    f.while(i32.gtS(columns, 0), () => {
      f.if(i32.ltS(columns, panel), () => clear(f, to, k, panel));
      f.do(transpose.call(to, 4 * panel, from, step, select(i32.ltS(columns, panel), columns, i32.const(panel)), k));
      f.advance(to, i32.mul(k, 4 * panel));
      f.advance(from, i32.mul(step, panel));
      f.set(columns, i32.sub(columns, panel));
    });
  });

  /** rowBlocks(to, from, step, k, rows): row blocks of a matrix given transposed, as k rows of `rows`. */
  routine(module, "rowBlocks", (f, to, from, step, k, rows) => {
    const [r, n, p, left] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
    f.while(i32.gtS(rows, 0), () => {
      nextBlock(f, r, rows, full);
      f.set(n, k);
      f.set(p, from);
      const steps = (copy: () => void): void =>
        f.times(n, () => {
          copy();
          f.advance(to, 4 * full);
          f.advance(p, step);
        });
      f.if(
        i32.eq(r, full),
        () =>
          steps(() => {
            let at = 0;
            for (; at + 16 <= 4 * full; at += 16) f.do(lanes.store(to, lanes.load(p, at), at));
            for (; at + 8 <= 4 * full; at += 8) f.do(i64.store(to, i64.load(p, at), at));
            if (at < 4 * full) f.do(i32.store(to, i32.load(p, at), at));
          }),
        () => steps(() => copyFloats(f, p, to, r, left)),
      );
      f.advance(from, i32.shl(r, 2));
      f.set(rows, i32.sub(rows, r));
    });
  });
}

export const copies = (m: CallMemory) =>
  machineCode<"transpose" | "panels" | "panelsOfTransposed" | "rowBlocks">(
    m.wasm,
    `panels for ${m.machine.name}`,
    (module) => write(module, m.machine),
  );
