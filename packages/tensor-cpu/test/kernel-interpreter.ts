// The kernel language run directly, one element after the other in plain JavaScript: what translations are compared with.
import { layout, masked, type Fn, type Kernel, type Scalar } from "@weft/kernel";
import type { DType } from "@weft/tensor";
import { erf } from "../src/translate/erf.ts";
import { math } from "../src/translate/math.ts";

type Rule = (a: number, b: number, c: number, imm: number) => number;

const nearest = (x: number): number => {
  const r = Math.round(x);
  const even = r - x === 0.5 && r % 2 !== 0 ? r - 1 : r;
  return even === 0 ? (x < 0 || Object.is(x, -0) ? -0 : 0) : even;
};
const toInt = (x: number): number =>
  Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, -(2 ** 31)), 2 ** 31 - 1)) | 0;
const view = new DataView(new ArrayBuffer(8));

const float: { readonly [F in Fn]?: Rule } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  neg: (a) => -a,
  abs: Math.abs,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  nearest,
  bits: (a) => (view.setFloat32(0, a), view.getInt32(0)),
  i32: toInt,
  bool: (a) => Number(a !== 0),
  f32: (a) => a,
  f64: (a) => a,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  atanh: Math.atanh,
  erf,
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b), // IEEE 754
  atan2: Math.atan2,
};

const int: { readonly [F in Fn]?: Rule } = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: Math.imul,
  neg: (a) => -a | 0,
  abs: (a) => Math.abs(a) | 0,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  fma: (a, b, c) => (Math.imul(a, b) + c) | 0,
  idiv: (a, b) => (b === 0 ? 0 : (a / b) | 0),
  irem: (a, b) => (b === 0 ? 0 : (a % b) | 0),
  shl: (a, _b, _c, imm) => a << imm,
  shrs: (a, _b, _c, imm) => a >> imm,
  shru: (a, _b, _c, imm) => (a >>> imm) | 0,
  not: (a) => ~a,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  float: (a) => (view.setInt32(0, a), view.getFloat32(0)),
  f32: Math.fround,
  f64: (a) => a,
  i32: (a) => a,
  bool: (a) => Number(a !== 0),
};

const bool: { readonly [F in Fn]?: Rule } = {
  min: (a, b) => a & b,
  max: (a, b) => a | b,
  not: (a) => 1 - a,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  f32: (a) => a,
  f64: (a) => a,
  i32: (a) => a,
  bool: (a) => a,
};

const comparisons: { readonly [F in Fn]?: Rule } = {
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
};

const rules: Record<Scalar, { readonly [F in Fn]?: Rule }> = {
  f32: { ...float, ...comparisons, fma: (a, b, c) => Math.fround(a * b) + c },
  f64: { ...float, ...comparisons, fma: (a, b, c) => a * b + c },
  i32: { ...int, ...comparisons },
  bool: { ...bool, ...comparisons },
};

export const functionsOf = (s: Scalar): Fn[] => Object.keys(rules[s]) as Fn[];

/** Floats of 16 bits: so many of fraction, normal ones from 2^least on, and the bits of infinity. */
const narrow = (fraction: number, least: number, infinity: number) => ({
  read(h: number): number {
    const sign = h & 0x8000 ? -1 : 1;
    const exponent = (h & infinity) >> fraction;
    const digits = h & (2 ** fraction - 1);
    if ((h & infinity) === infinity) return digits === 0 ? sign * Infinity : NaN;
    const units = exponent === 0 ? digits : digits + 2 ** fraction;
    return sign * units * 2 ** (Math.max(exponent - 1, 0) + least - fraction);
  },
  /** The one next to a number, ties to even. */
  write(x: number): number {
    const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
    const a = Math.abs(x);
    if (Number.isNaN(x)) return infinity + 2 ** (fraction - 1);
    let exponent = least;
    while (a >= 2 ** (exponent + 1) && exponent < 128) exponent++;
    const units = nearest(a / 2 ** (exponent - fraction));
    return sign | Math.min(units + (exponent - least) * 2 ** fraction, infinity);
  },
});
const half = narrow(10, -14, 0x7c00);
const bfloat = narrow(7, -126, 0x7f80);

const read: Record<DType, (v: DataView, at: number) => number> = {
  f32: (v, at) => v.getFloat32(at, true),
  f64: (v, at) => v.getFloat64(at, true),
  i32: (v, at) => v.getInt32(at, true),
  u8: (v, at) => v.getUint8(at),
  bool: (v, at) => Number(v.getUint8(at) !== 0),
  f16: (v, at) => half.read(v.getUint16(at, true)),
  bf16: (v, at) => bfloat.read(v.getUint16(at, true)),
};

const write: Record<DType, (v: DataView, at: number, x: number) => void> = {
  f32: (v, at, x) => v.setFloat32(at, x, true),
  f64: (v, at, x) => v.setFloat64(at, x, true),
  i32: (v, at, x) => v.setInt32(at, toInt(x), true),
  u8: (v, at, x) => v.setUint8(at, Math.min(Math.max(toInt(x), 0), 255)),
  bool: (v, at, x) => v.setUint8(at, Number(x !== 0)),
  f16: (v, at, x) => v.setUint16(at, half.write(Math.fround(x)), true),
  bf16: (v, at, x) => v.setUint16(at, bfloat.write(Math.fround(x)), true),
};

export { read as readElement, write as writeElement };

const start = {
  sum: () => 0,
  max: (s: Scalar) => (s === "i32" ? -(2 ** 31) : s === "bool" ? 0 : -Infinity),
  min: (s: Scalar) => (s === "i32" ? 2 ** 31 - 1 : s === "bool" ? 1 : Infinity),
};

/** What was written: the elements' addresses, and how far each may be off (sums of floats). */
export type Written = Map<number, { readonly dtype: DType; readonly tolerance: number }>;

/**
 * Runs a launch whose arguments stand at byte `args`. `round` makes an f32 of a number: a machine may take subnormal ones
 * for 0.
 */
export function interpret(kernel: Kernel, buffer: ArrayBuffer, args: number, round = Math.fround): Written {
  const v = new DataView(buffer);
  const word = (at: number): number => v.getInt32(args + 4 * at, true);
  const { rank, reduced, code, operands } = kernel;
  const written: Written = new Map();
  const at: number[] = [];
  const place = (k: number, loops: number): number => {
    const base = layout.operand(kernel, k);
    let p = word(base);
    for (let l = 0; l < loops; l++) p += at[l]! * word(base + 1 + l);
    return p | 0;
  };

  const put = (k: number, p: number, x: number, tolerance = 0): void => {
    write[operands[k]!.dtype](v, p, x);
    written.set(p, { dtype: operands[k]!.dtype, tolerance });
  };

  const values: number[] = [];
  const evaluate = (): void => {
    code.forEach((c, i) => {
      let x: number;
      if (c.kind === "const") x = c.value;
      else if (c.kind === "number") {
        const p = args + 4 * layout.number(kernel, c.slot);
        x = c.type === "bool" ? Number(v.getInt32(p, true) !== 0) : read[c.type](v, p);
      } else if (c.kind === "affine") x = place(c.operand, rank);
      else if (c.kind === "load") x = read[operands[c.operand]!.dtype](v, place(c.operand, rank));
      else {
        const [a, b, d] = c.args.map((j) => values[j]!) as [number, number, number];
        const of = code[c.args[0]!]!.type;
        if (masked.has(c.fn)) x = a === 0 ? b : (math as Record<string, Rule>)[c.fn]!(b, d, 0, 0);
        else x = c.fn === "select" ? (a !== 0 ? b : d) : rules[of][c.fn]!(a, b, d, c.imm);
      }
      values[i] = c.type === "f32" ? round(x) : x;
    });
  };

  const loop = (l: number, end: number, inner: () => void): void => {
    if (l === end) return inner();
    const from = l === 0 ? word(layout.begin) : 0;
    const to = l === 0 ? word(layout.end) : word(layout.size(l));
    for (at[l] = from; at[l]! < to; at[l]!++) loop(l + 1, end, inner);
  };

  loop(0, rank - reduced, () => {
    const acc = kernel.reductions.map((r) => start[r.fn](code[r.value]!.type));
    const absolute = acc.map(() => 0);
    loop(rank - reduced, rank, () => {
      evaluate();
      for (const s of kernel.stores) put(s.operand, place(s.operand, rank), values[s.value]!);
      kernel.reductions.forEach((r, i) => {
        const x = values[r.value]!;
        const integer = code[r.value]!.type === "i32";
        if (r.fn === "sum") acc[i] = integer ? (acc[i]! + x) | 0 : acc[i]! + x;
        else acc[i] = Math[r.fn](acc[i]!, x);
        if (r.fn === "sum" && !integer) absolute[i]! += Math.abs(x);
      });
    });
    kernel.reductions.forEach((r, i) => put(r.operand, place(r.operand, rank - reduced), acc[i]!, absolute[i]! * 1e-6));
  });
  return written;
}
