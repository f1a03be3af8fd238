// Four lanes of f32, i32 or bool (a mask of all ones or all zeros) in one register of WebAssembly SIMD.
import type { DType } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { masked, type Fn, type Scalar } from "@weft/kernel";
import { V128, f32, f32x4, f64, f64x2, i16x8, i32, i32x4, i8x16, v128, type Expr, type F32 } from "../wasm/emitter.ts";
import { accumulations } from "./vector-accumulation.ts";
import { VectorAccumulator } from "./vector-accumulator.ts";
import { unsupported, type Apply, type InstructionSet, type Site, type FunctionScope } from "./machine.ts";
import { integerRules } from "./integers.ts";
import { storage } from "./storage.ts";

type Vector = Expr<typeof V128>;
type Rule = (a: Vector, b: Vector, c: Vector, imm: number) => Vector;

const f32Rules: { readonly [F in Fn]?: Rule } = {
  ...f32x4,
  fma: (a, b, c) => f32x4.add(f32x4.mul(a, b), c),
  bits: (a) => a,
  f32: (a) => a,
  i32: i32x4.truncSatF32x4,
  bool: (a) => f32x4.ne(a, f32x4.const(0)),
};

const i32Rules: { readonly [F in Fn]?: Rule } = {
  ...v128,
  ...integerRules<Vector, typeof i32x4>(i32x4),
  min: i32x4.minS,
  max: i32x4.maxS,
  float: (a) => a,
  f32: f32x4.convertI32x4,
  i32: (a) => a,
  bool: (a) => i32x4.ne(a, i32x4.const(0)),
};

const boolRules: { readonly [F in Fn]?: Rule } = {
  ...v128,
  min: v128.and,
  max: v128.or,
  eq: (a, b) => v128.not(v128.xor(a, b)),
  ne: v128.xor,
  lt: (a, b) => v128.andnot(b, a),
  le: (a, b) => v128.not(v128.andnot(a, b)),
  gt: v128.andnot,
  ge: (a, b) => v128.not(v128.andnot(b, a)),
  f32: (a) => v128.and(a, f32x4.const(1)),
  i32: (a) => v128.and(a, i32x4.const(1)),
  bool: (a) => a,
};

const rules: Record<Scalar, { readonly [F in Fn]?: Rule }> = { f32: f32Rules, i32: i32Rules, bool: boolRules, f64: {} };

export function vectorMachine(s: FunctionScope): InstructionSet<typeof V128> {
  const { f, relaxed } = s;
  const hold = (x: Vector): Vector => s.hold(x, V128);
  const select = (mask: Vector, a: Vector, b: Vector): Vector =>
    relaxed ? i32x4.relaxedLaneselect(a, b, mask) : v128.bitselect(a, b, mask);
  const convert = (value: Vector, from: Scalar, to: Scalar): Vector => {
    if (from === to) return value;
    const rule = rules[from][to];
    return rule === undefined ? unsupported(to, from) : rule(value, value, value, 0);
  };

  /**
   * The maximum (or minimum) with a constant: one comparison keeps a NaN of the value. Zeros of either sign are told
   * apart.
   */
  const withConstant = (fn: "min" | "max", x: Vector, c: number): Vector | undefined => {
    if (Number.isNaN(c)) return undefined;
    if (fn === "min") return Object.is(c, -0) ? undefined : f32x4.pmin(x, f32x4.const(c));
    const max = f32x4.pmax(x, f32x4.const(c));
    return Object.is(c, 0) ? f32x4.add(max, f32x4.const(0)) : max;
  };

  /** Rounded toward zero in f64, which is exact for quotients of two i32. */
  const quotient = (a: Vector, b: Vector): Vector => {
    const two = (x: Vector, y: Vector): Vector =>
      i32x4.truncSatZeroF64x2(f64x2.div(f64x2.convertLowI32x4(x), f64x2.convertLowI32x4(y)));
    const high = (x: Vector): Vector => i32x4.shuffle(x, x, [2, 3, 2, 3]);
    const q = i32x4.shuffle(two(a, b), two(high(a), high(b)), [0, 1, 4, 5]);
    const wrapped = v128.bitselect(i32x4.neg(a), q, i32x4.eq(b, i32x4.const(-1)));
    return v128.and(wrapped, i32x4.ne(b, i32x4.const(0)));
  };
  const division: { readonly [F in Fn]?: (a: Vector, b: Vector) => Vector } = {
    idiv: quotient,
    irem: (a, b) => v128.and(i32x4.sub(a, i32x4.mul(quotient(a, b), b)), i32x4.ne(b, i32x4.const(0))),
  };

  /** Lane by lane through JavaScript's Math. */
  const throughMath = (fn: Fn, args: readonly Vector[]): Vector => {
    const lane = (i: number): Expr<typeof F32> =>
      f32.demoteF64(
        s.call(
          fn,
          args.map((a) => f64.promoteF32(f32x4.extract(a, i))),
        ),
      );
    let out = f32x4.splat(lane(0));
    for (let i = 1; i < 4; i++) out = f32x4.replace(out, i, lane(i));
    return out;
  };

  const apply = ({ fn, of, args, known, imm }: Apply<typeof V128>): Vector => {
    const a = args[0]!;
    const [, b = a, c = a] = args; // no rule looks beyond its arguments
    if (fn === "select") {
      if (Object.is(known[2], 0)) return v128.and(b, a);
      if (Object.is(known[1], 0)) return v128.andnot(c, a);
      return select(a, b, c);
    }
    if (masked.has(fn)) {
      const held = args.slice(1).map(hold);
      const out = f.let(V128, held[0]!);
      f.if(v128.anyTrue(a), () => f.set(out, throughMath(fn, held)));
      return out;
    }
    if (of === "f32") {
      if (fn === "min" || fn === "max") {
        const short =
          known[1] !== undefined
            ? withConstant(fn, a, known[1])
            : known[0] !== undefined
              ? withConstant(fn, b, known[0])
              : undefined;
        if (short !== undefined) return short;
      }
      if (fn === "fma" && relaxed) return f32x4.relaxedMadd(a, b, c);
    }
    if (of === "i32" && division[fn] !== undefined) return division[fn](hold(a), hold(b));
    const rule = rules[of][fn];
    if (rule !== undefined) return rule(a, b, c, imm);
    return of === "f32" ? throughMath(fn, args.map(hold)) : unsupported(fn, of);
  };

  /** Elements as they are in memory, widened to 32-bit lanes. */
  const raw = (dtype: DType, site: Site): Vector => {
    const { bytes } = dtypeInfo[dtype];
    if (site.how === "still") {
      if (bytes === 4) return v128.load32Splat(site.at);
      return i32x4.splat(bytes === 1 ? i32.load8u(site.at) : i32.load16u(site.at));
    }
    if (site.how === "unit") {
      const { at, offset } = site;
      if (bytes === 4) return v128.load(at, offset);
      if (bytes === 2) return v128.load16x4U(at, offset);
      return i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(v128.load32Zero(at, offset)));
    }
    const insert = bytes === 4 ? v128.load32Lane : bytes === 2 ? v128.load16Lane : v128.load8Lane;
    const first = raw(dtype, { how: "still", at: site.at[0]! }); // so that lane 3 is no stranger where there are three
    return site.at.slice(1).reduce((out, at, i) => insert(at, out, ((i + 1) * 4) / bytes), first);
  };

  const lanesOf = (dtype: DType) => storage[dtype].lanes ?? unsupported("lanes", dtypeInfo[dtype].compute);

  const load = (dtype: DType, to: Scalar, site: Site): Vector =>
    convert(lanesOf(dtype).load(raw(dtype, site), hold), dtypeInfo[dtype].compute, to);

  const store = (dtype: DType, from: Scalar, value: Vector, site: Site): void => {
    const { bytes, compute } = dtypeInfo[dtype];
    const lanes = lanesOf(dtype).store(convert(value, from, compute), hold);
    if (site.how === "unit") {
      const { at, offset } = site;
      if (bytes === 4) return f.do(v128.store(at, lanes, offset));
      const narrow = i16x8.narrowI32x4U(lanes, i32x4.const(0));
      if (bytes === 2) return f.do(v128.store64Lane(at, narrow, 0, offset));
      return f.do(v128.store32Lane(at, i8x16.narrowI16x8U(narrow, i32x4.const(0)), 0, offset));
    }
    const kept = hold(lanes);
    const put = bytes === 4 ? v128.store32Lane : bytes === 2 ? v128.store16Lane : v128.store8Lane;
    (site.how === "still" ? [site.at] : site.at).forEach((at, i) => f.do(put(at, kept, (i * 4) / bytes)));
  };

  return {
    width: 4,
    typeOf: () => V128,
    constant: (value, of) =>
      of === "f32" ? f32x4.const(value) : i32x4.const(of === "bool" ? (value === 0 ? 0 : -1) : value),
    number: (at, offset, of) => {
      const word = v128.load32Splat(at, offset);
      return of === "bool" ? i32x4.ne(word, i32x4.const(0)) : word;
    },
    index: ({ at, lanes }) => (lanes === undefined ? i32x4.splat(at) : i32x4.add(i32x4.splat(at), lanes)),
    load,
    store,
    apply,
    accumulator: (fn, of, byLane) => {
      const how = accumulations[`${fn} ${of}`]?.(relaxed) ?? unsupported(fn, of);
      return new VectorAccumulator(f, hold, how, byLane);
    },
  };
}
