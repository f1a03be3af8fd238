// Narrow floats in four lanes, by integer arithmetic on their bits. `hold` keeps what is used more than once.
import { f32x4, i32x4, v128, type Expr, type V128 } from "../wasm/emitter.ts";

type Vector = Expr<typeof V128>;

export const half = { load: fromHalf, store: toHalf };
export const bfloat = { load: fromBfloat, store: toBfloat };

/** Four halves (the low 16 bits of each lane, the rest 0) as f32: exact. */
function fromHalf(raw: Vector, hold: (e: Vector) => Vector): Vector {
  const h = hold(raw);
  const magnitude = hold(v128.and(h, i32x4.const(0x7fff)));
  // Moves the exponent's bias from 15 to 127, subnormals too
  const finite = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.const(2 ** 112));
  const special = v128.and(i32x4.gtS(magnitude, i32x4.const(0x7bff)), i32x4.const(0x7f800000)); // infinity, NaN
  return v128.or(v128.or(finite, special), i32x4.shl(v128.and(h, i32x4.const(0x8000)), 16));
}

/** Four f32 rounded to halves, ties to even, in the low 16 bits of each lane. */
function toHalf(x: Vector, hold: (e: Vector) => Vector): Vector {
  const bits = hold(x);
  const magnitude = hold(v128.and(bits, i32x4.const(0x7fffffff)));
  // Adding a power of two 13 bits above the last bit that remains makes the addition itself round.
  const exponent = v128.and(magnitude, i32x4.const(0x7f800000));
  const normal = hold(i32x4.maxS(exponent, i32x4.const(0x38800000))); // subnormal halves share one exponent
  const bias = hold(i32x4.add(normal, i32x4.const(13 << 23)));
  const rounded = hold(f32x4.add(magnitude, bias));
  // What was added is the exponent field; the low bits of the sum are the rounded significand (its carry included).
  const significand = i32x4.sub(rounded, bias);
  const field = i32x4.shrU(i32x4.sub(normal, i32x4.const(0x38800000)), 13);
  const finite = hold(i32x4.add(significand, field));
  const infinite = i32x4.gtS(magnitude, i32x4.const(0x477fefff)); // 65520 and more
  const notNumber = i32x4.gtS(magnitude, i32x4.const(0x7f800000));
  const large = v128.bitselect(i32x4.const(0x7c00), finite, infinite);
  const all = v128.bitselect(i32x4.const(0x7e00), large, notNumber);
  return v128.or(all, v128.and(i32x4.shrU(bits, 16), i32x4.const(0x8000)));
}

/** Four bfloat16 as f32: their upper halves. */
function fromBfloat(raw: Vector): Vector {
  return i32x4.shl(raw, 16);
}

/** Four f32 rounded to bfloat16, ties to even; what is rounded up beyond the largest one is infinity. */
function toBfloat(x: Vector, hold: (e: Vector) => Vector): Vector {
  const bits = hold(x);
  const upper = hold(i32x4.shrU(bits, 16));
  const odd = v128.and(upper, i32x4.const(1));
  const rounded = i32x4.shrU(i32x4.add(i32x4.add(bits, i32x4.const(0x7fff)), odd), 16);
  const notNumber = v128.or(v128.and(upper, i32x4.const(0x8000)), i32x4.const(0x7fc0));
  return v128.bitselect(notNumber, rounded, f32x4.ne(bits, bits));
}
