// Numbers as a mantissa and a power of 2: taken apart, and put together.
import { readTensor } from "../apply.ts";
import { and, cast, div, equal, isFinite, mul, not, where } from "../elementwise.ts";
import { elementwiseOp, type Arithmetic } from "../expression.ts";
import { composed, formula } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats } from "../operands.ts";
import type { Tensor } from "../tensor.ts";

/** The largest n with both 2ⁿ and 2⁻ⁿ among the normal numbers. */
const STEP = { f32: 126, f64: 1022 };

/** x·2ⁿ in three steps, so that only the last one overflows or underflows, and only if the result does. */
function scaled<V>(k: Arithmetic<V>, x: V, n: V): V {
  const step = STEP[k.dtype === "f64" ? "f64" : "f32"];
  let [y, rest] = [x, n];
  for (let i = 0; i < 3; i++) {
    const now = k.maximum(k.minimum(rest, k.constant(step)), k.constant(-step));
    y = k.mul(y, k.pow(k.constant(2), now));
    rest = k.where(k.equal(rest, now), k.constant(0), k.sub(rest, now));
  }
  return y;
}

const ldexpOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "ldexp",
  (k, x, n) => scaled(k, x!, n!),
  ([y], [, n]) => [(g) => ldexp(g, n!), (g) => mul(g, mul(y!, Math.LN2))],
);

/**
 * x·2ⁿ, also where 2ⁿ alone is too large or too small for the dtype.
 *
 * @example ldexp(tensor([3, 1]), tensor([2, -1])) // [12, 0.5]
 */
export const ldexp: (x: Operand, n: Operand) => Tensor = (x, n, more?: unknown) => formula(ldexpOp, [x, n], more);

/** Exponents that add up to any that the dtype has, subnormal numbers included. */
const SCALES = { f32: [64, 64, 32, 16, 8, 4, 2, 1], f64: [512, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1] };

/** Scales |x| to [1, 2) by powers of 2, which is exact, and then to [½, 1). */
function parts<V>(k: Arithmetic<V>, x: V): { readonly mantissa: V; readonly exponent: V } {
  const zero = k.constant(0);
  const plain = k.and(k.isFinite(x), k.not(k.equal(x, zero)));
  let m = k.where(plain, k.abs(x), k.constant(1));
  let exponent = k.constant(1);
  const step = (due: V, n: number): void => {
    m = k.where(due, k.mul(m, k.constant(2 ** -n)), m);
    exponent = k.where(due, k.add(exponent, k.constant(n)), exponent);
  };
  const scales = SCALES[k.dtype === "f64" ? "f64" : "f32"];
  for (const n of scales) step(k.lessEqual(k.constant(2 ** n), m), n);
  for (const n of scales) step(k.less(m, k.constant(2 ** (1 - n))), -n);
  const half = k.mul(m, k.constant(0.5));
  const mantissa = k.where(k.less(x, zero), k.neg(half), half);
  return { mantissa: k.where(plain, mantissa, x), exponent: k.where(plain, exponent, zero) };
}

const mantissaOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "frexp",
  (k, x) => parts(k, x!).mantissa,
  ([y], [x]) => {
    const plain = and(isFinite(x!), not(equal(x!, 0)));
    return [(g) => mul(g, where(plain, div(y!, where(plain, x!, 1)), 1))];
  },
);

const exponentOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "frexp",
  (k, x) => parts(k, x!).exponent,
  () => [undefined],
);

/**
 * The parts of x = mantissa·2^exponent, |mantissa| in [½, 1): the mantissas in the dtype of x and the exponents in i32.
 * 0, NaN and infinities are their own mantissa, with exponent 0.
 *
 * @example frexp(tensor([12, -1])) // [tensor([0.75, -0.5]), tensor([4, 1], { dtype: "i32" })]
 */
export function frexp(x: Operand): readonly [mantissa: Tensor, exponent: Tensor];
export function frexp(x: Operand, more?: unknown): readonly [mantissa: Tensor, exponent: Tensor] {
  const t = inFloats(readTensor(x, "frexp"));
  return [formula(mantissaOp, [t], more), composed("frexp", () => cast(formula(exponentOp, [t]), "i32"))];
}
