// Powers in the kernel language: 2^(b·log2 a) with the logarithm in two floats, since an error in it grows with the
// exponent.
import type { Builder, V } from "../language.ts";
import type { Expression } from "./arithmetic.ts";
import { scale, split } from "./exponential.ts";
import { c, choose, f, i, polynomial, test, upper } from "./floats.ts";

/** Powers of 2 for |r| <= 1/2: e^(r ln 2) - 1 over r. */
const EXP2 = [1.5353362e-4, 1.3398874e-3, 9.618437e-3, 5.5503325e-2, 2.4022648e-1, 6.931472e-1];
/** 1 / ln 2 in two parts, the first of 12 bits. */
const [LOG2E_HIGH, LOG2E_LOW] = [1.4423828125, 3.122284e-4];

/** log2 of a positive finite number as high + low. */
function log2(k: Builder, a: V): { high: V; low: V } {
  const { m, n } = split(k, a);
  // log m = 2t + t^3 (2/3 + 2/5 t^2 + …) with t = (m - 1) / (m + 1), t in two parts.
  const above = f(k, "sub", m, c(1));
  const below = f(k, "add", m, c(1));
  const lost = f(k, "sub", m, f(k, "sub", below, c(1)));
  const t = f(k, "div", above, below);
  const high = upper(k, t);
  const belowHigh = upper(k, below);
  const belowLow = f(k, "add", f(k, "sub", below, belowHigh), lost);
  const rest = f(k, "sub", f(k, "sub", above, f(k, "mul", high, belowHigh)), f(k, "mul", high, belowLow));
  const low = f(k, "div", rest, below);
  const z = f(k, "mul", t, t);
  const series = f(k, "mul", f(k, "mul", polynomial(k, z, [0.22222222, 0.2857143, 0.4, 0.6666667]), z), t);
  const tail = f(k, "add", f(k, "add", low, low), series);
  const twice = f(k, "add", high, high);
  const first = f(k, "mul", twice, c(LOG2E_HIGH));
  const second = f(k, "fma", twice, c(LOG2E_LOW), f(k, "mul", tail, c(1.442695)));
  const sum = f(k, "add", n, first);
  // n is 0 or larger than `first`, so this is the rounding error of the sum.
  const error = f(k, "sub", first, f(k, "sub", sum, n));
  return { high: sum, low: f(k, "add", error, second) };
}

/** a^b for positive finite a and finite b. */
function positive(k: Builder, a: V, b: V): V {
  const { high, low } = log2(k, a);
  const [hh, bh] = [upper(k, high), upper(k, b)];
  const product = f(k, "mul", hh, bh);
  const rest = f(
    k,
    "add",
    f(k, "fma", f(k, "sub", high, hh), bh, f(k, "mul", f(k, "sub", b, bh), high)),
    f(k, "mul", b, low),
  );
  const whole = f(k, "add", product, rest);
  const inside = test(k, "lt", f(k, "abs", whole), c(200));
  const bounded = f(k, "min", f(k, "max", whole, c(-200)), c(200));
  const n = f(k, "nearest", bounded);
  const r = choose(k, inside, f(k, "add", f(k, "sub", product, n), rest), c(0));
  const y = f(k, "fma", polynomial(k, r, EXP2), r, c(1));
  return scale(k, y, i(k, "i32", [n]));
}

function pow32(k: Builder, a: V, b: V): V {
  const m = f(k, "abs", a);
  const zero = test(k, "eq", m, c(0));
  const endless = test(k, "eq", m, c(Infinity));
  const odd = k.apply(
    "and",
    [test(k, "eq", f(k, "floor", b), b), test(k, "ne", f(k, "floor", f(k, "mul", b, c(0.5))), f(k, "mul", b, c(0.5)))],
    "bool",
  );
  const plain = positive(
    k,
    choose(k, k.apply("or", [zero, endless], "bool"), c(1), m),
    choose(k, test(k, "lt", f(k, "abs", b), c(Infinity)), b, c(0)),
  );
  const up = test(k, "gt", b, c(0));
  const atZero = choose(k, up, c(0), c(Infinity));
  const atEnd = choose(k, up, c(Infinity), c(0));
  let y = choose(k, zero, atZero, choose(k, endless, atEnd, plain));
  // b infinite: m > 1 grows, m < 1 vanishes, 1 stays (IEEE 754; JavaScript says NaN).
  const grows = k.apply("xor", [test(k, "gt", m, c(1)), test(k, "lt", b, c(0))], "bool");
  const limit = choose(k, test(k, "eq", m, c(1)), c(1), choose(k, grows, c(Infinity), c(0)));
  y = choose(k, test(k, "eq", f(k, "abs", b), c(Infinity)), limit, y);
  const negative = test(k, "lt", i(k, "bits", [a]), c(0));
  const flipped = choose(k, k.apply("and", [negative, odd], "bool"), f(k, "neg", y), y);
  const fraction = k.apply("and", [test(k, "ne", f(k, "floor", b), b), test(k, "lt", a, c(0))], "bool");
  y = choose(k, k.apply("and", [fraction, test(k, "gt", a, c(-Infinity))], "bool"), c(NaN), flipped);
  const either = f(k, "add", a, b);
  const missing = k.apply("or", [test(k, "ne", a, a), test(k, "ne", b, b)], "bool");
  y = choose(k, missing, choose(k, test(k, "ne", either, either), either, c(NaN)), y);
  return choose(k, k.apply("or", [test(k, "eq", b, c(0)), test(k, "eq", a, c(1))], "bool"), c(1), y);
}

/** Integer powers by squaring, wrapping; a negative exponent gives 1, -1 or 0 (also for base 0). */
function powInteger(k: Builder, a: V, b: V): V {
  let y = k.const(1, "i32");
  let square = a;
  for (let bit = 0; bit < 31; bit++) {
    const on = test(k, "ne", i(k, "and", [b, c(bit === 31 ? -0x80000000 : 2 ** bit)]), c(0));
    y = k.apply("select", [on, i(k, "mul", [y, square]), y], "i32");
    if (bit < 30) square = i(k, "mul", [square, square]);
  }
  const unit = k.apply("or", [test(k, "eq", a, c(1)), test(k, "eq", a, c(-1))], "bool");
  const down = k.apply(
    "select",
    [
      unit,
      k.apply("select", [test(k, "eq", i(k, "and", [b, c(1)]), c(0)), k.const(1, "i32"), a], "i32"),
      k.const(0, "i32"),
    ],
    "i32",
  );
  return k.apply("select", [test(k, "lt", b, c(0)), down, y], "i32");
}

export const power = {
  pow: (k, [a, b]) => {
    const t = k.type(a!);
    return t === "f32" ? pow32(k, a!, b!) : t === "i32" ? powInteger(k, a!, b!) : k.apply("pow", [a!, b!], "f64");
  },
} satisfies Record<string, Expression>;
