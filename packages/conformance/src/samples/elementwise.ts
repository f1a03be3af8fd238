// Samples of the elementwise family: each function over its domain, at its special values, and with every way that two
// operands can meet.
import * as weft from "@weft/tensor";
import { apply, type Operand, type Tensor } from "@weft/tensor";
import type { ElementwiseOps } from "@weft/tensor/internals";
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

type Composed =
  | "square"
  | "rsqrt"
  | "reciprocal"
  | "erfinv"
  | "leakyRelu"
  | "elu"
  | "selu"
  | "gelu"
  | "silu"
  | "softplus"
  | "hardSigmoid"
  | "hardSwish"
  | "notEqual"
  | "greater"
  | "greaterEqual"
  | "clamp";

type Domain = (...shape: number[]) => Input;
type Unary = (x: Tensor) => Tensor;
type Binary = (a: Operand, b: Operand) => Tensor;

/** Where gradients are not compared: at infinities they depend on what overflows. */
const noGradient = { differentiable: [] };
const kink = { order: 0 } as const;
/** Near 0, where no digit may be lost; a compiler that simplifies (1 + x) - 1 to x loses them. */
const tiny = { tolerance: { relative: 2e-6, absolute: 0, sums: false } } as const;

/** Special values for periodic functions, whose arguments are reduced. */
const moderate = values([NaN, Infinity, -Infinity, 0, -0, 1, -1, 1e-30, 100, -31.4]);

/** Angles of any magnitude, some of them very close to a multiple of π/2. */
const angles = values([
  1e4,
  -8191.9,
  8192.1,
  15668.693,
  1e5,
  -1e6,
  1e7,
  16367173 * 2 ** 72,
  -3e15,
  13011908 * 2 ** 93,
  5.3719e30,
  1e22,
  -3.4e38,
]);
const turning = (f: Unary): Sample => sample("angles of any size", [angles], f, kink);
/** −π for −0 and π for 0. */
const signOf = (x: Tensor): Tensor => weft.atan2(x, -1);
const { sin, tan, tanh, sinh, asin, atan, asinh, atanh, expm1, log1p, erf, sqrt, floor, ceil, round, sign } = weft;
const odd: readonly Unary[] = [sin, tan, tanh, sinh, asin, atan, asinh, atanh, expm1, log1p, erf, sqrt, floor, ceil, round, sign]; // prettier-ignore

const unary = (f: Unary, domain: Domain, special: Input = extremes): Sample[] => [
  sample("f32[37]", [domain(37)], f),
  sample("f32[2, 3, 5]", [domain(2, 3, 5)], f),
  sample("a scalar", [domain()], f),
  sample("nothing", [domain(0, 3)], f),
  sample("five blocks", [domain(5, 211)], f, { order: 1 }),
  sample("special values", [special], f, noGradient),
];
const ofIntegers = (f: Unary): Sample => sample("i32[7]", [integers(-3, 4, 7)], f);

const met = (f: Binary, a: Domain, b: Domain, aNumber: number, bNumber: number): Sample[] => [
  sample("equal shapes", [a(2, 3, 5), b(2, 3, 5)], f),
  sample("both broadcast", [a(4, 1, 3), b(5, 1)], f),
  sample("a row", [a(33, 5), b(5)], f),
  sample("a column", [a(1, 7), b(6, 1)], f),
  sample("a scalar", [a(5), b()], f),
  sample("a number on the right", [a(7)], (x) => f(x, bNumber)),
  sample("a number on the left", [b(7)], (x) => f(aNumber, x)),
  sample("nothing", [a(0, 3), b(3)], f),
  sample("an operand with itself", [b(9)], (x) => f(x, x), kink),
  sample("1,055 elements", [a(5, 211), b(5, 211)], f, { order: 1 }),
];
/** Every pair of special values. */
const pairs = (f: Binary, list: readonly number[] = [...extremes.fill(() => 0)]): Sample =>
  sample("pairs of special values", [values(list, "f32", [list.length, 1]), values(list)], f, noGradient);
const dtypes = (f: Binary): Sample[] => [
  sample("i32 and i32", [integers(-9, 10, 3, 5), integers(1, 7, 5)], f),
  sample("i32 and a number", [integers(-9, 10, 7)], (x) => f(x, 3)),
  sample("i32 and f32", [integers(-9, 10, 7), positive(7)], f),
  sample("u8 and f32", [values([0, 1, 255], "u8"), positive(3)], f),
  sample("bool and bool", [booleans(9), values([1, 1, 1, 1, 1, 1, 1, 1, 1], "bool")], f),
];
const arithmetic = (f: Binary, a: Domain = floats, b: Domain = floats): Sample[] => [
  ...met(f, a, b, 1.5, -0.75),
  pairs(f),
  ...dtypes(f),
];
const wrapping = (f: Binary): Sample =>
  sample("i32 wraps", [values([2 ** 31 - 1, -(2 ** 31), 65537], "i32"), values([1, -1, 65537], "i32")], f);
const comparison = (f: Binary): Sample[] => [
  ...met(f, floats, floats, 0, 0),
  pairs(f),
  ...dtypes(f),
  sample("ties", [values([1, 2, 3, 4, 5]), values([5, 4, 3, 2, 1])], f),
];
const logic = (f: Binary): Sample[] => [
  sample("bool and bool", [booleans(3, 7), booleans(7)], f),
  sample("numbers count as true", [values([0, -0, 0.5, NaN]), values([1, 1, 1, 0])], f),
  sample("i32 and a number", [integers(0, 2, 7)], (x) => f(x, 1)),
  sample("nothing", [booleans(0), booleans(0)], f),
];
const bits = (f: Binary): Sample[] => [
  sample("i32", [integers(-(2 ** 31), 2 ** 31, 3, 5), integers(-9, 9, 5)], f),
  sample("i32 and a number", [integers(-9, 10, 7)], (x) => f(x, 6)),
  sample("bool and bool", [booleans(7), booleans(7)], f),
];
const shifts = (f: Binary): Sample[] => [
  sample("i32", [values([1, -1, 12345, -(2 ** 31)], "i32", [4, 1]), values([-1, 0, 1, 7, 30, 31, 32, 65], "i32")], f),
  sample("a number on either side", [integers(0, 9, 5)], (x) => [f(x, 2), f(-77, x)]),
];
/** A function whose derivative is 0 wherever it has one. */
const steps = (f: Unary): Sample[] => [
  ...unary(f, distinct),
  ofIntegers(f),
  sample("halves", [values([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 8388609])], f, noGradient),
];

/** Multiples of 0.5 away from 0, which leave remainders of `distinct`. */
const divisors: Domain = (...shape) => {
  const { fill, ...rest } = grid(...shape);
  return { ...rest, fill: (random) => fill(random).map((x) => 4 * x + (x < 0 ? -1 : 1)) };
};

const ties = [values([1, 2, 3, -1]), values([1, 3, 2, -1])];
const cast =
  (dtype: weft.DType): Unary =>
  (x) =>
    weft.cast(x, dtype);

/** Remainders of these need all digits of quotients up to 2^228. */
const HARD = [NaN, 0, 1, -1, 2.5, -2.5, 7, Infinity, -Infinity, 1e-30, -1e-30, 3e38, -2.5e38, 1.2e-38, -4988429, -1001.2, 16777215, 0.1, 1000.1]; // prettier-ignore

export const elementwise: Collection<keyof ElementwiseOps | Composed> = {
  family: "elementwise",
  samples: {
    neg: [...unary(weft.neg, floats), ofIntegers(weft.neg)],
    abs: [...unary(weft.abs, floats), ofIntegers(weft.abs)],
    sign: steps(weft.sign),
    exp: [...unary(weft.exp, floats), ofIntegers(weft.exp), sample("wide", [between(-87, 88, 99)], weft.exp, kink)],
    expm1: [...unary(weft.expm1, floats), sample("near 0", [between(-1e-3, 1e-3, 33)], weft.expm1)],
    log: [
      ...unary(weft.log, positive),
      sample("wide", [values([2e-38, 1e-20, 0.99, 1.01, 1e20, 3e38])], weft.log, kink),
      // Without gradients: a device may divide by 0 in their place.
      sample("subnormal", [values([1e-38, 1e-40, 1e-45])], weft.log, noGradient),
    ],
    log1p: [
      ...unary(weft.log1p, (...s) => between(-0.5, 3, ...s)),
      sample("near 0", [between(-1e-3, 1e-3, 33)], weft.log1p, tiny),
    ],
    sqrt: unary(weft.sqrt, positive),
    sin: [
      ...unary(weft.sin, floats, moderate),
      sample("wide", [between(-200, 200, 99)], weft.sin),
      turning(weft.sin),
      sample("odd functions keep the sign of 0", [values([0, -0])], (x) => odd.map((f) => signOf(f(x))), noGradient),
    ],
    cos: [...unary(weft.cos, floats, moderate), sample("wide", [between(-200, 200, 99)], weft.cos), turning(weft.cos)],
    tan: [
      ...unary(weft.tan, (...s) => between(-1.2, 1.2, ...s), moderate),
      sample("angles of any size", [angles], weft.tan, noGradient),
    ],
    asin: unary(weft.asin, (...s) => between(-0.9, 0.9, ...s)),
    acos: unary(weft.acos, (...s) => between(-0.9, 0.9, ...s)),
    atan: [...unary(weft.atan, floats), sample("wide", [between(-100, 100, 99)], weft.atan)],
    sinh: unary(weft.sinh, floats),
    cosh: unary(weft.cosh, floats),
    tanh: [
      ...unary(weft.tanh, floats),
      sample("near 0", [between(-1e-3, 1e-3, 33)], weft.tanh),
      sample("up to 1", [between(-12, 12, 99)], weft.tanh, kink),
      sample(
        "in GELU's other form, far out",
        [values([-1000, -20, 20, 1000, 1e6])],
        (x) => {
          const inner = weft.mul(weft.add(x, weft.mul(weft.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
          return weft.mul(weft.mul(x, 0.5), weft.add(weft.tanh(inner), 1));
        },
        kink,
      ),
    ],
    asinh: [...unary(weft.asinh, floats), sample("near 0", [between(-1e-3, 1e-3, 33)], weft.asinh, tiny)],
    atanh: [
      ...unary(weft.atanh, (...s) => between(-0.9, 0.9, ...s)),
      sample("near 0", [between(-1e-3, 1e-3, 33)], weft.atanh, tiny),
    ],
    erf: [...unary(weft.erf, floats), sample("wide", [between(-5, 5, 99)], weft.erf)],
    erfinv: [
      ...unary(weft.erfinv, (...s) => between(-0.95, 0.95, ...s)),
      sample("tails", [values([0.993, -0.9999, 0.99999, -0.999999, 1 - 2 ** -24, 2 ** -24 - 1])], weft.erfinv, kink),
      sample("the ends, and beyond", [values([1, -1, 0, -0, 1.5, -2, NaN])], weft.erfinv, noGradient),
      sample("among others", [between(-0.9, 0.9, 3, 7)], (x) =>
        weft.mul(weft.erfinv(weft.mul(x, 0.5)), weft.add(x, 2)),
      ),
    ],
    floor: steps(weft.floor),
    ceil: steps(weft.ceil),
    round: [
      ...steps(weft.round),
      sample("decimals", [distinct(9)], (x) => [-1, 1].map((decimals) => weft.round(x, { decimals }))),
    ],
    sigmoid: [...unary(weft.sigmoid, floats), sample("wide", [between(-100, 100, 99)], weft.sigmoid)],
    relu: [
      ...unary(weft.relu, floats),
      ofIntegers(weft.relu),
      sample("at 0", [values([0, -0, 1, -1])], weft.relu, kink),
    ],
    isNaN: [...unary(weft.isNaN, floats), ofIntegers(weft.isNaN)],
    isFinite: [...unary(weft.isFinite, floats), ofIntegers(weft.isFinite)],
    not: [sample("bool", [booleans(3, 7)], weft.not), sample("numbers", [extremes], weft.not, noGradient)],
    cast: [
      sample("f32 to i32", [values([1.7, -1.7, 0.5, NaN, Infinity, -Infinity, 3e9, -3e9, 2147483520])], cast("i32")),
      sample("f32 to bool", [extremes], cast("bool")),
      sample("f32 to u8", [values([0, 1.9, 254.9, 255])], cast("u8")),
      sample("i32 to f32", [values([0, -7, 2 ** 24 + 1, -(2 ** 31)], "i32")], cast("f32")),
      sample("i32 to bool", [integers(-2, 3, 17)], cast("bool")),
      sample("i32 to u8", [integers(0, 256, 17)], cast("u8")),
      sample("bool to i32", [booleans(17)], cast("i32")),
      sample("bool to f32", [booleans(17)], cast("f32")),
      sample("u8 to f32", [values([0, 1, 127, 128, 255], "u8")], cast("f32")),
      sample("u8 to i32", [values([0, 1, 127, 128, 255], "u8")], cast("i32")),
      sample("to its own dtype", [floats(5)], cast("f32")),
    ],
    add: [...arithmetic(weft.add), wrapping(weft.add)],
    sub: [...arithmetic(weft.sub), wrapping(weft.sub)],
    mul: [...arithmetic(weft.mul), wrapping(weft.mul)],
    div: [...arithmetic(weft.div, floats, positive)],
    pow: [
      ...met(weft.pow, positive, floats, 1.5, -0.75),
      pairs(weft.pow),
      ...dtypes(weft.pow).filter(({ name }) => name !== "i32 and f32"),
      sample("i32 and f32", [integers(1, 10, 7), floats(7)], weft.pow),
      sample("whole exponents of any base", [floats(7)], (x) => weft.pow(x, 3)),
      sample("the powers 0, 1, 2 at 0", [values([0, 1, -2])], (x) => [0, 1, 2].map((n) => weft.pow(x, n)), kink),
      sample("negative bases", [values([-2, -2, -2, -0.5]), values([2, 3, 0.5, -1])], weft.pow, noGradient),
    ],
    maximum: [...arithmetic(weft.maximum, distinct, grid), sample("ties share the gradient", ties, weft.maximum, kink)],
    minimum: [...arithmetic(weft.minimum, distinct, grid), sample("ties share the gradient", ties, weft.minimum, kink)],
    mod: [
      ...met(weft.mod, distinct, divisors, 1.4375, -0.75),
      ...dtypes(weft.mod)
        .filter(({ name }) => name !== "u8 and f32" && name !== "i32 and f32")
        .map((mixed) => ({ ...mixed, ...kink })),
      sample("i32 and f32", [integers(-9, 10, 7), divisors(7)], weft.mod, kink),
      sample("u8 and f32", [values([0, 1, 255], "u8"), divisors(3)], weft.mod, kink),
      sample("pairs of special values, exactly", [values(HARD, "f32", [HARD.length, 1]), values(HARD)], weft.mod, {
        ...noGradient,
        tolerance: { relative: 1e-7, absolute: 2 ** -126, sums: false } /* a device may take subnormal numbers for 0 */,
      }),
      sample("zeros have the sign of the divisor", [values([0, -0, 6, -6], "f32", [4, 1]), values([3, -3])], (a, b) => signOf(weft.mod(a, b)), noGradient), // prettier-ignore
      sample("i32 at its ends", [values([-(2 ** 31), 2 ** 31 - 1], "i32", [2, 1]), values([-1, 1, 2, -(2 ** 31), 2 ** 31 - 1], "i32")], weft.mod), // prettier-ignore
      sample("i32 of both signs, by 0 too", [integers(-9, 10, 6, 1), values([-3, -1, 0, 1, 2], "i32")], weft.mod),
    ],
    atan2: [...arithmetic(weft.atan2)],
    signbit: [
      sample("special values", [extremes], weft.signbit, noGradient),
      sample("i32", [integers(-2, 3, 7)], weft.signbit),
    ],
    floorDivide: [
      sample("i32 of both signs, by 0 too", [integers(-9, 10, 6, 1), values([-3, -1, 0, 1, 2], "i32")], weft.floorDivide), // prettier-ignore
      sample("i32 at its ends", [values([-(2 ** 31), 2 ** 31 - 1], "i32", [2, 1]), values([-1, 2, -(2 ** 31), 2 ** 31 - 1], "i32")], weft.floorDivide), // prettier-ignore
      sample("f32", [distinct(3, 5), divisors(5)], weft.floorDivide),
      sample("special values", [values([NaN, Infinity, 0, -0, 1, -1, 7.5], "f32", [7, 1]), values([NaN, Infinity, 0, -0, 1, -3])], weft.floorDivide, noGradient), // prettier-ignore
    ],
    bitAnd: bits(weft.bitAnd),
    bitOr: bits(weft.bitOr),
    bitXor: bits(weft.bitXor),
    shiftLeft: shifts(weft.shiftLeft),
    shiftRight: shifts(weft.shiftRight),
    equal: comparison(weft.equal),
    less: comparison(weft.less),
    lessEqual: comparison(weft.lessEqual),
    and: logic(weft.and),
    or: logic(weft.or),
    where: [
      sample("equal shapes", [booleans(3, 5), floats(3, 5), floats(3, 5)], weft.where),
      sample("all broadcast", [booleans(2, 1, 1), floats(3, 1), floats(4)], weft.where),
      sample("a number", [booleans(9), floats(9)], (m, x) => weft.where(m, x, 0)),
      sample("two numbers", [booleans(9)], (m) => weft.where(m, 1, -1)),
      sample("i32", [booleans(9), integers(-5, 5, 9)], (m, x) => weft.where(m, x, 7)),
      sample("bool", [booleans(9), booleans(9), booleans(9)], (m, x, y) => apply("where", [m, x, y], undefined)),
      sample(
        "NaN stays where it is",
        [values([1, 0], "bool"), values([1, NaN]), values([NaN, 2])],
        weft.where,
        noGradient,
      ),
      sample("nothing", [booleans(0), floats(0), floats(0)], weft.where),
    ],

    square: unary(weft.square, floats),
    rsqrt: unary(weft.rsqrt, positive),
    reciprocal: unary(weft.reciprocal, positive),
    leakyRelu: [
      ...unary(weft.leakyRelu, floats),
      sample("a slope", [floats(9)], (x) => weft.leakyRelu(x, { negativeSlope: 0.3 })),
    ],
    elu: unary(weft.elu, floats),
    selu: unary(weft.selu, floats, moderate),
    gelu: [
      ...unary(weft.gelu, floats, moderate),
      sample("by tanh", [floats(9)], (x) => weft.gelu(x, { approximate: "tanh" })),
      sample("by tanh, special values", [moderate], (x) => weft.gelu(x, { approximate: "tanh" }), noGradient),
    ],
    silu: unary(weft.silu, floats, moderate),
    softplus: [
      ...unary(weft.softplus, floats),
      sample("wide", [between(-100, 100, 99)], (x) => weft.softplus(x)),
      sample("beta, and a threshold", [floats(33)], (x) => weft.softplus(x, { beta: 2, threshold: 3 })),
    ],
    hardSigmoid: [...unary(weft.hardSigmoid, floats), sample("wide", [distinct(99)], weft.hardSigmoid)],
    hardSwish: [...unary(weft.hardSwish, floats, moderate), sample("wide", [distinct(99)], weft.hardSwish)],
    notEqual: comparison(weft.notEqual),
    greater: comparison(weft.greater),
    greaterEqual: comparison(weft.greaterEqual),
    clamp: [
      ...unary((x) => weft.clamp(x, { min: -1.03, max: 0.87 }), distinct),
      sample("below", [distinct(17)], (x) => weft.clamp(x, { max: 0.5 })),
      sample("above", [distinct(17)], (x) => weft.clamp(x, { min: -0.5 })),
      sample("bounds that are NaN", [values([NaN, 1, 2, 3]), values([0, NaN, 2, NaN])], (x, limit) => [weft.clamp(x, { min: limit }), weft.clamp(x, { max: limit }), weft.clamp(x, { min: NaN })], noGradient), // prettier-ignore
      sample("on the bounds", [values([-1, 0, 1])], (x) => weft.clamp(x, { min: -1, max: 1 }), kink),
      sample("i32", [integers(-9, 10, 7)], (x) => weft.clamp(x, { min: -3, max: 3 })),
      sample("bounds of tensors", [floats(3, 4), between(-3, -1, 4), between(1, 3, 3, 1)], (x, min, max) =>
        weft.clamp(x, { min, max }),
      ),
    ],
  },
};
