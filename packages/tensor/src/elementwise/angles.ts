// Angles in degrees and in half turns. Arguments are reduced exactly: the sine of 180 degrees is 0.
import { acos, asin, atan, div, mul } from "../elementwise.ts";
import { elementwiseOp, type Arithmetic } from "../expression.ts";
import { formula, ofFloats } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import type { Tensor } from "../tensor.ts";

type Unary = (x: Operand) => Tensor;

const DEGREE = Math.PI / 180;

/** Degrees in radians. @example deg2rad(tensor([180], { dtype: "f64" })) // [3.141592653589793] */
export const deg2rad: Unary = (x, more?: unknown) => ofFloats("deg2rad", x, more, (t) => mul(t, DEGREE));

/** Radians in degrees. @example rad2deg(tensor([0])) // [0] */
export const rad2deg: Unary = (x, more?: unknown) => ofFloats("rad2deg", x, more, (t) => mul(t, 1 / DEGREE));

/** The sine of an angle in units of which `half` are half a turn: sin(π·x/half). */
export function sine<V>(k: Arithmetic<V>, x: V, half: number): V {
  const h = k.constant(half);
  const m = k.mod(k.abs(x), k.constant(2 * half));
  const turned = k.where(k.less(h, m), k.sub(m, k.constant(2 * half)), m);
  const quarter = k.constant(half / 2);
  const above = k.where(k.less(quarter, turned), k.sub(h, turned), turned);
  const folded = k.where(k.less(turned, k.neg(quarter)), k.sub(k.neg(h), turned), above);
  const y = k.sin(k.mul(folded, k.constant(Math.PI / half)));
  return k.where(k.less(x, k.constant(0)), k.neg(y), y);
}

/** The cosine of such an angle. */
export function cosine<V>(k: Arithmetic<V>, x: V, half: number): V {
  const h = k.constant(half);
  const m = k.mod(k.abs(x), k.constant(2 * half));
  const folded = k.where(k.less(h, m), k.sub(k.constant(2 * half), m), m);
  const quarter = k.constant(half / 2);
  const y = k.sin(k.mul(k.sub(quarter, folded), k.constant(Math.PI / half)));
  // A driver may multiply out (90 − x)·c, which is not 0 at 90.
  return k.where(k.equal(folded, quarter), k.constant(0), y);
}

/** Sine and cosine in one unit, each with the other as its derivative. */
function circular(sin: string, cos: string, half: number): { readonly sinOp: FusedOp; readonly cosOp: FusedOp } {
  const slope = Math.PI / half;
  const sinOp: FusedOp<undefined> = elementwiseOp(
    sin,
    (k, x) => sine(k, x!, half),
    (_, [x]) => [(g) => mul(g, mul(formula(cosOp, [x!]), slope))],
  );
  const cosOp: FusedOp<undefined> = elementwiseOp(
    cos,
    (k, x) => cosine(k, x!, half),
    (_, [x]) => [(g) => mul(g, mul(formula(sinOp, [x!]), -slope))],
  );
  return { sinOp, cosOp };
}

const halfTurns = /* @__PURE__ */ circular("sinpi", "cospi", 1);
const degrees = /* @__PURE__ */ circular("sind", "cosd", 180);

/** sin(πx), exact at multiples of ½. @example sinpi(tensor([0.5, 1, 100.5])) // [1, 0, 1] */
export const sinpi: Unary = (x, more?: unknown) => formula(halfTurns.sinOp, [x], more);

/** cos(πx), exact at multiples of ½. @example cospi(tensor([0, 0.5, 1])) // [1, 0, -1] */
export const cospi: Unary = (x, more?: unknown) => formula(halfTurns.cosOp, [x], more);

/** The sine of x degrees, exact at multiples of 90. @example sind(tensor([90, 180])) // [1, 0] */
export const sind: Unary = (x, more?: unknown) => formula(degrees.sinOp, [x], more);

/** The cosine of x degrees, exact at multiples of 90. @example cosd(tensor([90, 180])) // [0, -1] */
export const cosd: Unary = (x, more?: unknown) => formula(degrees.cosOp, [x], more);

/** The tangent of x degrees. @example tand(tensor([0, 180])) // [0, 0] */
export const tand: Unary = (x, more?: unknown) => ofFloats("tand", x, more, (t) => div(sind(t), cosd(t)));

/** The inverse sine in degrees. @example asind(tensor([1], { dtype: "f64" })) // [90] */
export const asind: Unary = (x, more?: unknown) => ofFloats("asind", x, more, (t) => rad2deg(asin(t)));

/** The inverse cosine in degrees. @example acosd(tensor([-1], { dtype: "f64" })) // [180] */
export const acosd: Unary = (x, more?: unknown) => ofFloats("acosd", x, more, (t) => rad2deg(acos(t)));

/** The inverse tangent in degrees. @example atand(tensor([1], { dtype: "f64" })) // [45] */
export const atand: Unary = (x, more?: unknown) => ofFloats("atand", x, more, (t) => rad2deg(atan(t)));
