// How sums and extremes go on in four lanes.
import { V128, f32x4, i32x4, v128, type Expr } from "../wasm/emitter.ts";
import type { Accumulation } from "./machine.ts";

type Vector = Expr<typeof V128>;
type Two = (a: Vector, b: Vector) => Vector;
type Make = (hold: (e: Expr) => Expr, relaxed: boolean) => Accumulation;

const start = (...values: readonly Vector[]): Accumulation["start"] => values.map((value) => ({ type: V128, value }));

const simple =
  (first: number, op: Two): Make =>
  () => ({
    start: start(i32x4.const(first)),
    step: ([acc], x) => [op(acc as Vector, x as Vector)],
    join: ([a], [b]) => [op(a as Vector, b as Vector)],
    value: ([acc]) => acc!,
    wide: false,
  });

/**
 * The extreme of what is not NaN, which takes zeros for equal; beside it all ones where a NaN has come by (all ones are a NaN
 * themselves), and where the zero that counts as the further one has.
 */
const extreme =
  (first: number, op: Two, zero: number): Make =>
  (hold) => ({
    start: start(f32x4.const(first), i32x4.const(0), i32x4.const(0)),
    step: ([acc, nan, seen], x) => {
      const kept = hold(x) as Vector;
      return [
        op(acc as Vector, kept),
        v128.or(nan as Vector, f32x4.ne(kept, kept)),
        v128.or(seen as Vector, i32x4.eq(kept, i32x4.const(zero))),
      ];
    },
    join: ([a, m, p], [b, n, q]) => [
      op(a as Vector, b as Vector),
      v128.or(m as Vector, n as Vector),
      v128.or(p as Vector, q as Vector),
    ],
    value: ([acc, nan, seen]) => {
      const further = v128.and(seen as Vector, f32x4.eq(acc as Vector, f32x4.const(0)));
      return v128.or(v128.bitselect(i32x4.const(zero), acc as Vector, further), nan as Vector);
    },
    wide: false,
  });

const product = f32x4.mul(0, 0).op;

/** A sum of products is a chain of fused multiply-adds where there are any. */
const sum: Make = (_hold, relaxed) => ({
  start: start(f32x4.const(0)),
  step: ([acc], x) => {
    if (!relaxed || x.op !== product) return [f32x4.add(acc as Vector, x as Vector)];
    return [f32x4.relaxedMadd(x.args[0] as Vector, x.args[1] as Vector, acc as Vector)];
  },
  join: ([a], [b]) => [f32x4.add(a as Vector, b as Vector)],
  value: ([acc]) => acc!,
  wide: true,
});

/** By function and type. */
export const accumulations: Readonly<Record<string, Make>> = {
  "sum f32": sum,
  "max f32": extreme(-Infinity, f32x4.pmax, 0),
  "min f32": extreme(Infinity, f32x4.pmin, -(2 ** 31)),
  "sum i32": simple(0, i32x4.add),
  "max i32": simple(-(2 ** 31), i32x4.maxS),
  "min i32": simple(2 ** 31 - 1, i32x4.minS),
  "max bool": simple(0, v128.or),
  "min bool": simple(-1, v128.and),
};
