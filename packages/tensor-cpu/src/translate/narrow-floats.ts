// Narrow floats in four lanes, by integer arithmetic on their bits. `hold` keeps what is used more than once.
import { floats, ints, lanes, type Expr, type VECTOR } from "../wasm/emitter.ts";

type Vector = Expr<typeof VECTOR>;

export const half = { load: fromHalf, store: toHalf };
export const bfloat = { load: fromBfloat, store: toBfloat };

/** Four halves (the low 16 bits of each lane, the rest 0) as f32: exact. */
function fromHalf(raw: Vector, hold: (e: Vector) => Vector): Vector {
  const h = hold(raw);
  const magnitude = hold(lanes.and(h, ints.const(0x7fff)));
  // Moves the exponent's bias from 15 to 127, subnormals too
  const finite = floats.mul(ints.shl(magnitude, 13), floats.const(2 ** 112));
  const special = lanes.and(ints.gtS(magnitude, ints.const(0x7bff)), ints.const(0x7f800000)); // infinity, NaN
  return lanes.or(lanes.or(finite, special), ints.shl(lanes.and(h, ints.const(0x8000)), 16));
}

/** Four f32 rounded to halves, ties to even, in the low 16 bits of each lane. */
function toHalf(x: Vector, hold: (e: Vector) => Vector): Vector {
  const bits = hold(x);
  const magnitude = hold(lanes.and(bits, ints.const(0x7fffffff)));
  // Adding a power of two 13 bits above the last bit that remains makes the addition itself round.
  const exponent = lanes.and(magnitude, ints.const(0x7f800000));
  const normal = hold(ints.maxS(exponent, ints.const(0x38800000))); // subnormal halves share one exponent
  const bias = hold(ints.add(normal, ints.const(13 << 23)));
  const rounded = hold(floats.add(magnitude, bias));
  // What was added is the exponent field; the low bits of the sum are the rounded significand (its carry included).
  const significand = ints.sub(rounded, bias);
  const field = ints.shrU(ints.sub(normal, ints.const(0x38800000)), 13);
  const finite = hold(ints.add(significand, field));
  const infinite = ints.gtS(magnitude, ints.const(0x477fefff)); // 65520 and more
  const notNumber = ints.gtS(magnitude, ints.const(0x7f800000));
  const large = lanes.bitselect(ints.const(0x7c00), finite, infinite);
  const all = lanes.bitselect(ints.const(0x7e00), large, notNumber);
  return lanes.or(all, lanes.and(ints.shrU(bits, 16), ints.const(0x8000)));
}

/** Four bfloat16 as f32: their upper halves. */
function fromBfloat(raw: Vector): Vector {
  return ints.shl(raw, 16);
}

/** Four f32 rounded to bfloat16, ties to even; what is rounded up beyond the largest one is infinity. */
function toBfloat(x: Vector, hold: (e: Vector) => Vector): Vector {
  const bits = hold(x);
  const upper = hold(ints.shrU(bits, 16));
  const odd = lanes.and(upper, ints.const(1));
  const rounded = ints.shrU(ints.add(ints.add(bits, ints.const(0x7fff)), odd), 16);
  const notNumber = lanes.or(lanes.and(upper, ints.const(0x8000)), ints.const(0x7fc0));
  return lanes.bitselect(notNumber, rounded, floats.ne(bits, bits));
}
