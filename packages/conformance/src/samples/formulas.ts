// Samples of the elementwise functions beyond the primitives: where each is smooth, at its special values, and at the
// points where one branch of its formula meets the next.
import * as weft from "@weft/tensor";
import type { Operand, Tensor } from "@weft/tensor";
import {
  between,
  booleans,
  distinct,
  extremes,
  floats,
  grid,
  integers,
  positive,
  sample,
  values,
  type Collection,
  type Input,
  type Sample,
} from "../sample.ts";

type Names =
  | ("log2" | "log10" | "exp2" | "exp10" | "cbrt" | "ldexp" | "frexp" | "xlogy" | "logAddExp" | "logit" | "acosh")
  | ("hypot" | "trunc" | "frac" | "fmod" | "copySign" | "heaviside" | "fmax" | "fmin" | "xor" | "isInf" | "isClose")
  | ("nanToNum" | "lerp" | "bitNot" | "deg2rad" | "rad2deg" | "sinpi" | "cospi" | "sind" | "cosd" | "tand" | "asind")
  | ("acosd" | "atand" | "sinc" | "cosc" | "erfc" | "erfcx" | "lgamma" | "digamma" | "polygamma");
type Unary = (x: Tensor) => Tensor;
type Binary = (a: Operand, b: Operand) => Tensor;

const noGradient = { differentiable: [] };
const kink = { order: 0 } as const;

const smooth = (f: Unary, domain: Input = floats(3, 7)): Sample[] => [
  sample("smooth", [domain], (x) => f(x)),
  sample("special values", [extremes], (x) => f(x), noGradient),
];
const ofIntegers = (f: Unary): Sample => sample("i32", [integers(-3, 4, 7)], (x) => f(x));
const special = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 2.5, -3];
const pairs = (f: Binary): Sample =>
  sample("pairs of special values", [values(special, "f32", [9, 1]), values(special)], f, noGradient);
const exact = { ...noGradient, tolerance: { relative: 0, absolute: 0, sums: false } };
/** Digits that only relative errors show. */
const tail = { order: 0, tolerance: { relative: 2e-6, absolute: 1e-37, sums: false } } as const;
/** Multiples of a unit, also large ones. */
const multiples = (unit: number): Input => values([0, 1, 2, 3, 4, -1, -2, -3, 99, -1e4].map((n) => (n * unit) / 2));

export const formulas: Collection<Names> = {
  family: "elementwise",
  samples: {
    log2: [
      ...smooth(weft.log2, positive(3, 7)),
      sample("powers of 2", [values([2 ** -126, 0.125, 1, 8, 2 ** 29, 2 ** 127])], weft.log2, exact),
    ],
    log10: [
      ...smooth(weft.log10, positive(3, 7)),
      sample("powers of 10", [values([1, 10, 1000, 1e10])], weft.log10, exact),
    ],
    exp2: [...smooth(weft.exp2), ofIntegers(weft.exp2)],
    exp10: smooth(weft.exp10),
    cbrt: smooth(weft.cbrt),
    ldexp: [
      sample("far", [values([3e38, 2 ** -100, 0, -1, NaN]), values([-200, 220, 300, 400, 1])], weft.ldexp, exact),
      sample("f32 and i32", [floats(3, 5), integers(-9, 9, 5)], weft.ldexp),
      sample("f32", [floats(5), floats(5)], weft.ldexp),
      sample("a number on either side", [floats(5)], (x) => [weft.ldexp(x, 3), weft.ldexp(3, x)]),
    ],
    frexp: [
      sample("f32", [floats(9)], (x) => weft.frexp(x)),
      sample("any size", [values([1, 0.75, -2, 1e-30, -3e38, 8, 7.999, 2 ** -126])], (x) => weft.frexp(x), noGradient),
      sample("special values", [values([0, -0, NaN, Infinity, -Infinity])], (x) => weft.frexp(x), noGradient),
    ],
    xlogy: [
      sample("positive", [floats(3, 5), positive(5)], weft.xlogy),
      sample("a number on either side", [positive(5)], (x) => [weft.xlogy(x, 3), weft.xlogy(3, x)]),
      sample("0 log 0", [values([0, 0, 0, 2]), values([0, 2, -1, 1])], weft.xlogy, kink),
      pairs(weft.xlogy),
    ],
    logAddExp: [
      sample("f32", [floats(3, 5), floats(5)], weft.logAddExp),
      sample("equal, and far apart", [values([2, 90, -90, 0]), values([2, -90, 90, 1000])], weft.logAddExp),
      pairs(weft.logAddExp),
    ],
    logit: [
      ...smooth(weft.logit, between(0.05, 0.95, 3, 7)),
      sample("eps", [values([-1, 0, 0.3, 0.95, 2])], (x) => weft.logit(x, { eps: 0.1 })),
    ],
    acosh: [...smooth(weft.acosh, between(1.1, 4, 9)), sample("wide", [values([1.0001, 1e9, 1e11, 3e38])], weft.acosh, kink)], // prettier-ignore
    hypot: [
      sample("nothing", [floats(0, 2), floats(2)], weft.hypot),
      sample("f32", [floats(3, 5), floats(5)], weft.hypot),
      sample("a number on either side", [floats(5)], (x) => [weft.hypot(x, 3), weft.hypot(-3, x)]),
      sample("neither too large nor too small", [values([3e37, 3e-30]), values([4e37, 4e-30])], weft.hypot, kink),
      sample("at 0", [values([0, 0]), values([0, -0])], weft.hypot, kink),
      pairs(weft.hypot),
    ],
    trunc: [...smooth(weft.trunc, distinct(3, 7)), ofIntegers(weft.trunc)],
    frac: smooth(weft.frac, distinct(3, 7)),
    fmod: [
      sample("f32", [distinct(3, 5), between(2.1, 2.2, 5)], weft.fmod),
      sample("a number on either side", [between(2.1, 2.2, 5)], (x) => [weft.fmod(x, -3), weft.fmod(9.3, x)]),
      sample("i32, by 0 too", [integers(-9, 10, 6, 1), values([-3, 0, 1, 4], "i32")], weft.fmod),
      pairs(weft.fmod),
    ],
    copySign: [
      sample("f32", [floats(3, 5), floats(5)], weft.copySign),
      sample("the sign that results", [values([0, 2, -2], "f32", [3, 1]), values([0, -0, -1])], (x, y) => weft.signbit(weft.copySign(x, y))), // prettier-ignore
      sample("a number on either side", [floats(5)], (x) => [weft.copySign(x, -1), weft.copySign(2, x)]),
    ],
    heaviside: [
      sample("f32", [values([-2, 0, -0, 3, NaN, Infinity]), floats(6)], weft.heaviside, { differentiable: [1] }),
      sample("i32", [integers(-1, 2, 7)], (x) => weft.heaviside(x, 5)),
    ],
    fmax: [
      sample("f32", [distinct(3, 5), grid(5)], weft.fmax),
      sample("a tie", [values([1, NaN]), values([1, 2])], weft.fmax, kink),
      pairs(weft.fmax),
    ],
    fmin: [
      sample("f32", [distinct(3, 5), grid(5)], weft.fmin),
      sample("a tie", [values([1, NaN]), values([1, 2])], weft.fmin, kink),
      pairs(weft.fmin),
    ],
    xor: [
      sample("bool and bool", [booleans(3, 7), booleans(7)], weft.xor),
      sample("numbers count as true", [values([0, -0, 0.5, NaN]), values([1, 0, 1, 0])], weft.xor, noGradient),
    ],
    isInf: [sample("f32", [extremes], weft.isInf, noGradient), ofIntegers(weft.isInf)],
    isClose: [
      sample("i32, exactly", [values([100000001, 7, 2 ** 31 - 1], "i32"), values([100000000, 7, -(2 ** 31)], "i32")], (x, y) => weft.isClose(x, y, { rtol: 0, atol: 0 })), // prettier-ignore
      sample("f32", [values([1, 1, 2]), values([1.000001, 1.1, 2])], (x, y) => weft.isClose(x, y), noGradient),
      sample("NaN counts", [values(special, "f32", [9, 1]), values(special)], (x, y) => weft.isClose(x, y, { equalNaN: true, atol: 1.6 }), noGradient), // prettier-ignore
    ],
    nanToNum: [
      sample("special values", [extremes], (x) => weft.nanToNum(x), kink),
      sample("options", [extremes], (x) => weft.nanToNum(x, { nan: 7, posInf: 8, negInf: -8 }), kink),
      ofIntegers(weft.nanToNum),
    ],
    lerp: [
      sample("f32", [floats(3, 5), floats(5), between(-1, 2, 3, 1)], weft.lerp),
      sample("a number as weight", [floats(5), floats(5)], (x, y) => [weft.lerp(x, y, 0.25), weft.lerp(x, y, 0.75)]),
      sample("numbers as ends", [floats(5)], (x) => weft.lerp(0, 2, x)),
    ],
    bitNot: [ofIntegers(weft.bitNot), sample("bool", [booleans(5)], weft.bitNot)],
    deg2rad: smooth(weft.deg2rad),
    rad2deg: [sample("f32", [floats(5)], weft.rad2deg), ofIntegers(weft.rad2deg)],
    sinpi: [...smooth(weft.sinpi), sample("multiples of a quarter turn", [multiples(1)], weft.sinpi, exact)],
    cospi: [...smooth(weft.cospi), sample("multiples of a quarter turn", [multiples(1)], weft.cospi, exact)],
    sind: [...smooth(weft.sind), sample("multiples of 90", [multiples(180)], weft.sind, exact)],
    cosd: [...smooth(weft.cosd), sample("multiples of 90", [multiples(180)], weft.cosd, exact)],
    tand: [sample("f32", [between(-85, 85, 9)], weft.tand), sample("multiples of 180", [multiples(360)], weft.tand, exact)], // prettier-ignore
    asind: smooth(weft.asind, between(-0.9, 0.9, 9)),
    acosd: smooth(weft.acosd, between(-0.9, 0.9, 9)),
    atand: smooth(weft.atand),
    sinc: [
      ...smooth(weft.sinc),
      sample("at 0, and where formulas meet", [values([0, 1e-4, 0.4999, 0.5, -0.5])], weft.sinc),
    ],
    cosc: [
      ...smooth(weft.cosc),
      sample("at 0, and where formulas meet", [values([0, 1e-4, 0.4999, 0.5, -0.5])], weft.cosc),
    ],

    erfc: [
      ...smooth(weft.erfc),
      sample("wide", [between(-4, 9, 33)], weft.erfc, tail),
      sample("at 0", [values([0, -0, 1e-30, -1e-30, 1e-8, 0.001, -0.001])], weft.erfc),
    ],
    erfcx: [...smooth(weft.erfcx), sample("wide", [values([-9, -6.54321, -4, 8, 100, 1e30])], weft.erfcx, kink)],
    lgamma: [
      ...smooth(weft.lgamma, between(0.1, 6, 5, 7)),
      sample("left of 0", [values([-0.3, -0.45, -0.75, -1.2, -3.7, -20.4])], weft.lgamma),
      sample("around its zeros", [values([0.999, 1, 1.001, 1.998, 2, 2.003])], weft.lgamma, tail),
      sample(
        "poles, and large numbers",
        [values([-1, -2, -1e9, 1e-30, 3.4, 3.6, 1e10, 1e30])],
        weft.lgamma,
        noGradient,
      ),
    ],
    digamma: [
      ...smooth(weft.digamma, between(0.2, 6, 5, 7)),
      sample("left of 0", [values([-0.3, -0.75, -1.2, -3.7, -20.4])], weft.digamma),
      sample("poles", [values([-1, -2, -1e9])], weft.digamma, noGradient),
    ],
    polygamma: [
      sample("orders", [between(0.4, 6, 7)], (x) => [0, 1, 4].map((n) => weft.polygamma(n, x))),
      sample("left of 0", [values([-0.3, -0.75, -1.2, -3.7])], (x) => [weft.polygamma(1, x), weft.polygamma(2, x)]),
      sample("special values", [extremes], (x) => [weft.polygamma(1, x), weft.polygamma(2, x)], noGradient),
    ],
  },
};
