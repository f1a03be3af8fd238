// How sums and extremes go on in the lanes of a vector.
import { Expr, floats, ints, lanes, type VECTOR, type Op } from "../wasm/emitter.ts";

type Vector = Expr<typeof VECTOR>;
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
  /** The value where the mask is set; elsewhere what changes nothing. */
  readonly masked: Two;
}

const part = (start: Vector, join: Two, step = join): Part => ({ start, step, join });

const simple = (first: number, op: Two): Accumulation => ({
  parts: [part(ints.const(first), op)],
  value: (acc: Vector) => acc,
  wide: false,
  masked: first === 0 ? lanes.and : (x, mask) => lanes.bitselect(x, ints.const(first), mask),
});

/**
 * The extreme of what is not NaN, which takes zeros for equal; beside it all ones where a NaN has come by (all ones are
 * a NaN themselves), and where the zero that counts as the further one has.
 */
const extreme = (first: number, op: Two, zero: number): Accumulation => ({
  parts: [
    part(floats.const(first), op),
    part(ints.const(0), lanes.or, (nan, x) => lanes.or(nan, floats.ne(x, x))),
    part(ints.const(0), lanes.or, (seen, x) => lanes.or(seen, ints.eq(x, ints.const(zero)))),
  ],
  value: (acc: Vector, nan: Vector, seen: Vector) => {
    const further = lanes.and(seen, floats.eq(acc, floats.const(0)));
    return lanes.or(lanes.bitselect(ints.const(zero), acc, further), nan);
  },
  wide: false,
  masked: (x, mask) => lanes.bitselect(x, floats.const(first), mask),
});

const isProduct = (x: Vector): boolean => x.op === ("floats.mul" satisfies Op);

/** A sum; one of products is a chain of fused multiply-adds where there are any. */
const sum = (relaxed: boolean): Accumulation => ({
  parts: [
    part(floats.const(0), floats.add, (acc, x) =>
      relaxed && isProduct(x) ? new Expr("floats.madd" satisfies Op, [...x.args, acc]) : floats.add(acc, x),
    ),
  ],
  value: (acc: Vector) => acc,
  wide: true,
  masked: lanes.and,
});

/** By function and type. */
export const accumulations: Readonly<Record<string, (relaxed: boolean) => Accumulation>> = {
  "sum f32": sum,
  "max f32": () => extreme(-Infinity, floats.pmax, 0),
  "min f32": () => extreme(Infinity, floats.pmin, -(2 ** 31)),
  "sum i32": () => simple(0, ints.add),
  "max i32": () => simple(-(2 ** 31), ints.maxS),
  "min i32": () => simple(2 ** 31 - 1, ints.minS),
  "max bool": () => simple(0, lanes.or),
  "min bool": () => simple(-1, lanes.and),
};
