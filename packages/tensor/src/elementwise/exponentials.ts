// Powers, roots and logarithms with other bases than e, and sums in the domain of logarithms.
import { readTensor } from "../apply.ts";
import { clamp, square } from "../activations.ts";
import { add, and, div, equal, isFinite, lessEqual } from "../elementwise.ts";
import { log, log1p, mul, neg, not, pow, sigmoid, sqrt, sub, where } from "../elementwise.ts";
import { asTensor, elementwiseOp, type Arithmetic } from "../expression.ts";
import { composed, formula } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats } from "../operands.ts";
import { nonNegative, readOptions, refuseMore } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** y, or the integer that it is a few roundings away from: the logarithm of a power of the base is exact. */
function whole<V>(k: Arithmetic<V>, y: V): V {
  const near = k.round(y);
  const few = k.mul(k.abs(near), k.constant(k.dtype === "f64" ? 2 ** -51 : 2 ** -22));
  return k.where(k.lessEqual(k.abs(k.sub(y, near)), few), near, y);
}

const logarithm = (name: string, base: number): FusedOp<undefined> =>
  elementwiseOp(
    name,
    (k, x) => whole(k, k.mul(k.log(x!), k.constant(1 / Math.log(base)))),
    (_, [x]) => [(g) => div(g, mul(x!, Math.log(base)))],
  );

const log2Op = /* @__PURE__ */ logarithm("log2", 2);
const log10Op = /* @__PURE__ */ logarithm("log10", 10);

/** The logarithm to base 2; powers of 2 give integers. @example log2(tensor([1, 8, 0])) // [0, 3, -Infinity] */
export const log2: (x: Operand) => Tensor = (x, more?: unknown) => formula(log2Op, [x], more);

/** The logarithm to base 10; powers of 10 give integers. @example log10(tensor([1, 1000])) // [0, 3] */
export const log10: (x: Operand) => Tensor = (x, more?: unknown) => formula(log10Op, [x], more);

/** 2ˣ. @example exp2(tensor([3, -1])) // [8, 0.5] */
export const exp2: (x: Operand) => Tensor = (x, more?: unknown) => {
  refuseMore("exp2", more);
  return pow(2, readTensor(x, "exp2"));
};

/** 10ˣ. @example exp10(tensor([3, 0])) // [1000, 1] */
export const exp10: (x: Operand) => Tensor = (x, more?: unknown) => {
  refuseMore("exp10", more);
  return pow(10, readTensor(x, "exp10"));
};

/** The root from the logarithm, then one step of Newton's method, which doubles its digits. */
function cubeRoot<V>(k: Arithmetic<V>, x: V): V {
  const a = k.abs(x);
  const third = k.constant(3);
  const y = k.exp(k.div(k.log(a), third));
  const better = k.sub(y, k.div(k.sub(y, k.div(a, k.mul(y, y))), third));
  const signed = k.where(k.less(x, k.constant(0)), k.neg(better), better);
  return k.where(k.and(k.less(k.constant(0), a), k.isFinite(a)), signed, x);
}

const cbrtOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "cbrt",
  (k, x) => cubeRoot(k, x!),
  ([y]) => [(g) => div(g, mul(square(y!), 3))],
);

/** ∛x, negative for negative x; its slope at 0 is infinite. @example cbrt(tensor([27, -8], { dtype: "f64" })) // [3, -2] */
export const cbrt: (x: Operand) => Tensor = (x, more?: unknown) => formula(cbrtOp, [x], more);

const xlogyOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "xlogy",
  (k, x, y) => {
    const zero = k.constant(0);
    const product = k.mul(x!, k.log(y!));
    return k.where(k.and(k.equal(x!, zero), k.not(k.isNaN(y!))), zero, product);
  },
  ([result], inputs) => {
    const [x, y] = inputs.map((v) => asTensor(v, result!)) as [Tensor, Tensor];
    const nothing = and(equal(x, 0), lessEqual(y, 0));
    const argument = where(nothing, 1, y);
    return [(g) => mul(g, log(argument)), (g) => mul(g, where(nothing, 0, div(x, argument)))];
  },
);

/**
 * x·log y, and 0 where x is 0 (unless y is NaN). Where x is 0 and y not positive, its derivatives are 0.
 *
 * @example xlogy(tensor([0, 2]), tensor([0, 1])) // [0, 0]
 */
export const xlogy: (x: Operand, y: Operand) => Tensor = (x, y, more?: unknown) => formula(xlogyOp, [x, y], more);

const logAddExpOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "logAddExp",
  (k, a, b) => {
    const distance = k.where(k.equal(a!, b!), k.constant(0), k.sub(a!, b!));
    return k.add(k.maximum(a!, b!), k.log1p(k.exp(k.neg(k.abs(distance)))));
  },
  (_, [a, b]) => {
    // The difference of equal infinities counts as 0.
    const share = (p: Operand, q: Operand): Tensor => {
      const same = and(equal(p, q), not(isFinite(sub(p, q))));
      return sigmoid(sub(where(same, 0, p), where(same, 0, q)));
    };
    return [(g) => mul(g, share(a!, b!)), (g) => mul(g, share(b!, a!))];
  },
);

/** log(eᵃ + eᵇ), without overflow. @example logAddExp(tensor([1000, 0]), tensor([0, -Infinity])) // [1000, 0] */
export const logAddExp: (a: Operand, b: Operand) => Tensor = (a, b, more?: unknown) =>
  formula(logAddExpOp, [a, b], more);

/**
 * log(x / (1 − x)), the inverse of `sigmoid`; NaN outside [0, 1]. With `eps`, x is first limited to [eps, 1 − eps].
 *
 * @example logit(tensor([0, 0.5, 1])) // [-Infinity, 0, Infinity]
 */
export function logit(x: Operand, options?: { eps?: number }): Tensor {
  const { eps } = readOptions("logit", options, { eps: nonNegative }, {});
  const t = inFloats(readTensor(x, "logit"));
  return composed("logit", () => {
    const z = eps === undefined ? t : clamp(t, { min: eps, max: 1 - eps });
    return sub(log(z), log1p(neg(z)));
  });
}

const acoshOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "acosh",
  (k, x) => {
    const one = k.constant(1);
    const t = k.sub(x!, one);
    const near = k.log1p(k.add(t, k.mul(k.sqrt(t), k.sqrt(k.add(x!, one)))));
    return k.where(k.less(k.constant(1e10), x!), k.add(k.log(x!), k.constant(Math.LN2)), near);
  },
  (_, [x]) => [(g) => div(g, mul(sqrt(sub(x!, 1)), sqrt(add(x!, 1))))],
);

/** The inverse hyperbolic cosine, from 0; NaN below 1. @example acosh(tensor([1])) // [0] */
export const acosh: (x: Operand) => Tensor = (x, more?: unknown) => formula(acoshOp, [x], more);

/** The larger of both sizes times √(1 + ratio²), which does not overflow before the result does. */
function hypotenuse<V>(k: Arithmetic<V>, a: V, b: V): V {
  const [p, q] = [k.abs(a), k.abs(b)];
  const [zero, endless] = [k.constant(0), k.constant(Infinity)];
  const large = k.maximum(p, q);
  const ratio = k.div(k.minimum(p, q), k.where(k.equal(large, zero), k.constant(1), large));
  const y = k.mul(large, k.sqrt(k.add(k.constant(1), k.mul(ratio, ratio))));
  return k.where(k.or(k.equal(p, endless), k.equal(q, endless)), endless, y);
}

const hypotOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "hypot",
  (k, a, b) => hypotenuse(k, a!, b!),
  ([y], [a, b]) => {
    const side = (g: Tensor, x: Operand): Tensor => mul(g, div(x, where(equal(y!, 0), 1, y!)));
    return [(g) => side(g, a!), (g) => side(g, b!)];
  },
);

/**
 * √(a² + b²), without overflow. An infinite side makes it infinite, beside NaN as well. Where both are 0, the gradient
 * is 0.
 *
 * @example hypot(tensor([3, 0]), tensor([4, -2])) // [5, 2]
 */
export const hypot: (a: Operand, b: Operand) => Tensor = (a, b, more?: unknown) => formula(hypotOp, [a, b], more);
