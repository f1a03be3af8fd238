// How sums and extremes go on in four lanes.
import { Expr, f32x4, i32x4, v128, type V128 } from "../wasm/emitter.ts";

type Vector = Expr<typeof V128>;
type Two = (a: Vector, b: Vector) => Vector;

/** One register of a reduction. */
interface Part {
  readonly start: Vector;
  readonly step: Two;
  readonly join: Two;
}
/** How a reduction goes on in registers. */
export interface Accumulation {
  readonly parts: readonly Part[];
  /** The result, of as many registers as there are parts. */
  value(...parts: readonly Vector[]): Vector;
  readonly wide: boolean;
}

const part = (start: Vector, join: Two, step = join): Part => ({ start, step, join });

const simple = (first: number, op: Two): Accumulation => ({
  parts: [part(i32x4.const(first), op)],
  value: (acc: Vector) => acc,
  wide: false,
});

/**
 * The extreme of what is not NaN, which takes zeros for equal; beside it all ones where a NaN has come by (all ones are
 * a NaN themselves), and where the zero that counts as the further one has.
 */
const extreme = (first: number, op: Two, zero: number): Accumulation => ({
  parts: [
    part(f32x4.const(first), op),
    part(i32x4.const(0), v128.or, (nan, x) => v128.or(nan, f32x4.ne(x, x))),
    part(i32x4.const(0), v128.or, (seen, x) => v128.or(seen, i32x4.eq(x, i32x4.const(zero)))),
  ],
  value: (acc: Vector, nan: Vector, seen: Vector) => {
    const further = v128.and(seen, f32x4.eq(acc, f32x4.const(0)));
    return v128.or(v128.bitselect(i32x4.const(zero), acc, further), nan);
  },
  wide: false,
});

const product = f32x4.mul(0, 0).op;
const fused = f32x4.relaxedMadd(0, 0, 0).op;

/** A sum; one of products is a chain of fused multiply-adds where there are any. */
const sum = (relaxed: boolean): Accumulation => ({
  parts: [
    part(f32x4.const(0), f32x4.add, (acc, x) =>
      relaxed && x.op === product ? new Expr(fused, [...x.args, acc]) : f32x4.add(acc, x),
    ),
  ],
  value: (acc: Vector) => acc,
  wide: true,
});

/** By function and type. */
export const accumulations: Readonly<Record<string, (relaxed: boolean) => Accumulation>> = {
  "sum f32": sum,
  "max f32": () => extreme(-Infinity, f32x4.pmax, 0),
  "min f32": () => extreme(Infinity, f32x4.pmin, -(2 ** 31)),
  "sum i32": () => simple(0, i32x4.add),
  "max i32": () => simple(-(2 ** 31), i32x4.maxS),
  "min i32": () => simple(2 ** 31 - 1, i32x4.minS),
  "max bool": () => simple(0, v128.or),
  "min bool": () => simple(-1, v128.and),
};
