// Softmax of rows, its logarithm and their gradients: one pass finds the largest element, one the exponentials and their sum,
// one divides. The logarithm, once a row, is JavaScript's.
import type { AxisAttrs } from "@weft/tensor/internals";
import {
  type Expr,
  type Func,
  f32x4,
  f64x2,
  I32,
  i32,
  i32x4,
  type Local,
  type Module,
  select,
  v128,
  V128,
  type VOID,
} from "../wasm/emitter.ts";
import { aligned, blocksOf, dense, idle, lines, machineCode, routine, type Call, type CallMemory } from "./call.ts";
import { multiplyAdd } from "./gemm.ts";
import { copies } from "./panels.ts";

type Vec = Local<typeof V128>;
type Int = Local<typeof I32>;
type Code = Func<typeof VOID>;

/** e^x for x <= 88, 0 below -87.3, NaN for NaN: 2^n times a polynomial in what remains (Cephes' expf). */
function exponential(f: Code, x: Vec, relaxed: boolean): Vec {
  const madd = multiplyAdd(relaxed);
  const by = f32x4.const;
  const y = f.let(V128, f32x4.pmin(x, by(88)));
  const n = f.let(V128, f32x4.nearest(f32x4.mul(y, by(1.44269504))));
  const t = f.let(V128, madd(n, by(-0.693359375), y));
  f.set(t, madd(n, by(2.1219444e-4), t));
  const p = f.let(V128, by(1.98756915e-4));
  for (const c of [1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1])
    f.set(p, madd(p, t, by(c)));
  f.set(p, f32x4.add(madd(f32x4.mul(p, t), t, t), by(1)));
  const scale = i32x4.shl(i32x4.add(i32x4.truncSatF32x4(n), i32x4.const(127)), 23);
  f.set(p, f32x4.mul(p, scale));
  f.set(p, v128.andnot(p, f32x4.lt(y, by(-87.3))));
  return p;
}

/** Walks `n` floats four at a time and the rest one by one; `each` gets a load for addresses moved with the walk. */
function walk(f: Code, n: Int, moved: readonly Int[], each: (lanes: Lanes) => void): void {
  const i = f.local(I32);
  const one = f.let(V128, i32x4.replace(i32x4.const(0), 0, -1));
  for (const [bytes, lanes] of [
    [16, { load: v128.load, only: (x) => x, store: (p, x) => v128.store(p, x) }],
    [4, { load: v128.load32Splat, only: (x) => v128.and(x, one), store: (p, x) => v128.store32Lane(p, x, 0) }],
  ] as const satisfies readonly (readonly [number, Lanes])[]) {
    f.set(i, bytes === 16 ? i32.shrU(n, 2) : i32.and(n, 3));
    f.while(i, () => {
      each(lanes);
      for (const p of moved) f.advance(p, bytes);
      f.advance(i, -1);
    });
  }
}

interface Lanes {
  readonly load: (address: Int) => Expr<typeof V128>;
  /** The lanes that count in a sum, 0 in the others. */
  readonly only: (x: Expr<typeof V128>) => Expr<typeof V128>;
  readonly store: (address: Int, x: Expr<typeof V128>) => ReturnType<typeof v128.store>;
}

/** Terms that are added in f32 before their sum moves on to f64. */
const STRETCH = 1024;

/** The sum of what `term` gives on a walk over n > 0 floats, in all lanes. */
function sumOf(f: Code, n: Int, moved: readonly Int[], term: (lanes: Lanes) => Expr<typeof V128>): Vec {
  const [left, m, part] = [f.let(I32, n), f.local(I32), f.local(V128)];
  const total = f.let(V128, f64x2.const(0));
  const gather = (half: Expr<typeof V128>): void => f.set(total, f64x2.add(total, f64x2.promoteLowF32x4(half)));
  f.repeat(
    () => {
      f.set(m, select(i32.ltS(left, STRETCH), left, i32.const(STRETCH)));
      f.set(part, f32x4.const(0));
      walk(f, m, moved, (lanes) => f.set(part, f32x4.add(part, lanes.only(term(lanes)))));
      gather(part);
      gather(f32x4.shuffle(part, part, [2, 3, 2, 3]));
    },
    () => f.tee(left, i32.sub(left, m)),
  );
  f.set(part, f32x4.demoteZeroF64x2(f64x2.add(total, f32x4.shuffle(total, total, [2, 3, 0, 1]))));
  return f.let(V128, f32x4.shuffle(part, part, [0, 0, 0, 0]));
}

function writeRows(module: Module, relaxed: boolean): void {
  const largest = (f: Code, x: Int, n: Int): Vec => {
    const p = f.let(I32, x);
    const most = f.let(V128, v128.load32Splat(x));
    walk(f, n, [p], ({ load }) => f.set(most, f32x4.pmax(most, load(p))));
    for (const lanes of [
      [2, 3, 0, 1],
      [1, 0, 3, 2],
    ])
      f.set(most, f32x4.pmax(most, f32x4.shuffle(most, most, lanes)));
    return most;
  };

  /** softmax(y, x, rows, n, scale): y = scale[row] * softmax(x); all ones without `scale`. */
  routine(module, "softmax", (f, y, x, rows, n, scale) => {
    f.times(rows, () => {
      const most = largest(f, x, n);
      const [p, z] = [f.let(I32, y), f.local(V128)];
      const sum = sumOf(f, n, [x, p], ({ load, store }) => {
        f.set(z, f32x4.sub(load(x), most));
        const e = exponential(f, z, relaxed);
        f.do(store(p, e));
        return e;
      });
      f.set(sum, f32x4.div(f32x4.const(1), sum));
      f.if(scale, () => {
        f.set(sum, f32x4.mul(sum, v128.load32Splat(scale)));
        f.advance(scale, 4);
      });
      walk(f, n, [y], ({ load, store }) => f.do(store(y, f32x4.mul(load(y), sum))));
    });
  });

  /** sums(to, x, rows, n): the largest element of each row, and the sum of e^(x - largest). */
  routine(module, "sums", (f, to, x, rows, n) => {
    f.times(rows, () => {
      const most = largest(f, x, n);
      const z = f.local(V128);
      const sum = sumOf(f, n, [x], ({ load }) => {
        f.set(z, f32x4.sub(load(x), most));
        return exponential(f, z, relaxed);
      });
      f.do(v128.store32Lane(to, most, 0), v128.store32Lane(to, sum, 0, 4));
      f.advance(to, 8);
    });
  });

  /** shift(y, x, rows, n, by): y = (x - by[row][0]) - by[row][1]. */
  routine(module, "shift", (f, y, x, rows, n, by) => {
    f.times(rows, () => {
      const [a, b] = [f.let(V128, v128.load32Splat(by)), f.let(V128, v128.load32Splat(by, 4))];
      walk(f, n, [x, y], ({ load, store }) => f.do(store(y, f32x4.sub(f32x4.sub(load(x), a), b))));
      f.advance(by, 8);
    });
  });

  /** softmaxGrad(to, y, g, rows, n): (g - sum(g * y)) * y. logSoftmaxGrad: g - e^y * sum(g). */
  for (const [name, log] of [
    ["softmaxGrad", false],
    ["logSoftmaxGrad", true],
  ] as const)
    routine(module, name, (f, to, y, g, rows, n) => {
      f.times(rows, () => {
        const [p, q, z] = [f.let(I32, y), f.let(I32, g), f.local(V128)];
        const sum = sumOf(f, n, [p, q], ({ load }) => (log ? load(q) : f32x4.mul(load(p), load(q))));
        walk(f, n, [y, g, to], ({ load, store }) => {
          f.set(z, load(y));
          f.do(
            store(
              to,
              log
                ? f32x4.sub(load(g), f32x4.mul(exponential(f, z, relaxed), sum))
                : f32x4.mul(f32x4.sub(load(g), sum), z),
            ),
          );
        });
      });
    });
}

type Name = "softmax" | "sums" | "shift" | "softmaxGrad" | "logSoftmaxGrad";
export const rowKernels = (m: CallMemory) => machineCode<Name>(m, "rows", writeRows);

/** Rows that are done at a time where each leaves something in scratch memory. */
const ROWS = 1024;
/** Floats of lines that are turned into rows at a time. */
const TURNED = 1 << 14;

/** A kernel of rows of n floats. */
interface RowKernel {
  /** Bytes of scratch memory for each of at most `ROWS` rows (0). */
  readonly scratch?: number;
  run(to: number, x: number, y: number, scratch: number, rows: number): void;
}

/** The row kernel; lines that are not rows (of an axis before the last) are turned into rows and back, some at a time. */
const along = (prepare: (m: CallMemory, n: number) => RowKernel): Call<AxisAttrs> =>
  dense((m, { axis }, out, inputs) => {
    const { outer, n, inner } = lines(out, axis);
    if (outer * n * inner === 0) return idle;
    const units = outer * inner;
    const { scratch: each = 0, run } = prepare(m, n);
    if (inner === 1)
      return {
        units,
        scratch: aligned(each * Math.min(ROWS, units)),
        run: (to, [x, y = 0], s, begin, end) => {
          for (let i = begin; i < end; i += ROWS) {
            const at = 4 * n * i;
            run(to + at, x! + at, y + at, s, Math.min(ROWS, end - i));
          }
        },
      };
    const { transpose } = copies(m);
    const most = Math.min(inner, ROWS, Math.max(16, Math.floor(TURNED / n)));
    const bytes = aligned(4 * n * most);
    const [first, second, rest] = [bytes, 2 * bytes, (1 + inputs.length) * bytes];
    return {
      units,
      scratch: rest + aligned(each * most),
      run: (to, [x, y], s, begin, end) =>
        blocksOf(begin, end, inner, (o, from, until) => {
          for (let k = from; k < until; k += most) {
            const rows = Math.min(most, until - k);
            const at = 4 * (o * n * inner + k);
            transpose(s + first, 4 * n, x! + at, 4 * inner, n, rows);
            if (y !== undefined) transpose(s + second, 4 * n, y + at, 4 * inner, n, rows);
            run(s, s + first, s + second, s + rest, rows);
            transpose(to + at, 4 * inner, s, 4 * n, rows, n);
          }
        }),
    };
  });

export const softmax = along((m, n) => {
  const { softmax } = rowKernels(m);
  return { run: (to, x, _y, _s, rows) => void softmax(to, x, rows, n, 0) };
});

export const logSoftmax = along((m, n) => {
  const { sums, shift } = rowKernels(m);
  return {
    scratch: 8,
    run: (to, x, _y, s, rows) => {
      sums(s, x, rows, n);
      const { f32 } = m;
      for (let i = 0, at = (s >>> 2) + 1; i < rows; i++, at += 2) f32[at] = Math.log(f32[at]!);
      shift(to, x, rows, n, s);
    },
  };
});

export const softmaxGrad = along((m, n) => {
  const { softmaxGrad } = rowKernels(m);
  return { run: (to, y, g, _s, rows) => void softmaxGrad(to, y, g, rows, n) };
});

export const logSoftmaxGrad = along((m, n) => {
  const { logSoftmaxGrad } = rowKernels(m);
  return { run: (to, y, g, _s, rows) => void logSoftmaxGrad(to, y, g, rows, n) };
});
