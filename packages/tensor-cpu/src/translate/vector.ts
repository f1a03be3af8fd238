// Lanes of f32, i32 or bool (a mask of all ones or all zeros) in one register. What the kernel language has in four
// lanes alone, and what moves on in strides, is `four`: `fits` says which kernels a machine of more lanes takes.
import type { DType } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { masked, type Fn, type Scalar } from "@weft/kernel";
import {
  four, VECTOR, f32, floats, f64, doubles, i32, ints, lanes, partial, type Expr, type F32,
} from "../wasm/emitter.ts"; // prettier-ignore
import { accumulations } from "./vector-accumulation.ts";
import { VectorAccumulator } from "./vector-accumulator.ts";
import { unsupported, type Apply, type InstructionSet, type Site, type FunctionScope } from "./machine.ts";
import { integerRules } from "./integers.ts";
import { storage } from "./storage.ts";

type Vector = Expr<typeof VECTOR>;
type Rule = (a: Vector, b: Vector, c: Vector, imm: number) => Vector;

const f32Rules: { readonly [F in Fn]?: Rule } = {
  ...floats,
  fma: (a, b, c) => floats.add(floats.mul(a, b), c),
  bits: (a) => a,
  f32: (a) => a,
  i32: ints.truncSatFloats,
  bool: (a) => floats.ne(a, floats.const(0)),
};

const i32Rules: { readonly [F in Fn]?: Rule } = {
  ...lanes,
  ...integerRules<Vector, typeof ints>(ints),
  min: ints.minS,
  max: ints.maxS,
  float: (a) => a,
  f32: floats.convertInts,
  i32: (a) => a,
  bool: (a) => ints.ne(a, ints.const(0)),
};

const boolRules: { readonly [F in Fn]?: Rule } = {
  ...lanes,
  min: lanes.and,
  max: lanes.or,
  eq: (a, b) => lanes.not(lanes.xor(a, b)),
  ne: lanes.xor,
  lt: (a, b) => lanes.andnot(b, a),
  le: (a, b) => lanes.not(lanes.andnot(a, b)),
  gt: lanes.andnot,
  ge: (a, b) => lanes.not(lanes.andnot(b, a)),
  f32: (a) => lanes.and(a, floats.const(1)),
  i32: (a) => lanes.and(a, ints.const(1)),
  bool: (a) => a,
};

const rules: Record<Scalar, { readonly [F in Fn]?: Rule }> = { f32: f32Rules, i32: i32Rules, bool: boolRules, f64: {} };

/** Whether a function of arguments of a type is computed in lanes, however many there are. */
export const hasLanes = (fn: Fn, of: Scalar): boolean =>
  !masked.has(fn) &&
  (fn === "select" || rules[of][fn] !== undefined || (of === "i32" && (fn === "idiv" || fn === "irem")));

export function vectorMachine(s: FunctionScope): InstructionSet<typeof VECTOR> {
  const { f, target } = s;
  const relaxed = target.fused;
  const hold = (x: Vector): Vector => s.hold(x, VECTOR);
  const select = (mask: Vector, a: Vector, b: Vector): Vector =>
    relaxed ? lanes.blend(a, b, mask) : lanes.bitselect(a, b, mask);
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
    if (fn === "min") return Object.is(c, -0) ? undefined : floats.pmin(x, floats.const(c));
    const max = floats.pmax(x, floats.const(c));
    return Object.is(c, 0) ? floats.add(max, floats.const(0)) : max;
  };

  /** Rounded toward zero in f64, which is exact for quotients of two i32. */
  const quotient = (a: Vector, b: Vector): Vector => {
    const low = (x: Vector, y: Vector): Vector => ints.ofDoubles(doubles.div(doubles.ofInts(x), doubles.ofInts(y)));
    const turned = (x: Vector): Vector => lanes.rotate(x, target.lanes / 2);
    const q = lanes.or(low(a, b), turned(low(turned(a), turned(b))));
    const wrapped = lanes.bitselect(ints.neg(a), q, ints.eq(b, ints.const(-1)));
    return lanes.and(wrapped, ints.ne(b, ints.const(0)));
  };
  const division: { readonly [F in Fn]?: (a: Vector, b: Vector) => Vector } = {
    idiv: quotient,
    irem: (a, b) => lanes.and(ints.sub(a, ints.mul(quotient(a, b), b)), ints.ne(b, ints.const(0))),
  };

  /** Lane by lane through JavaScript's Math. */
  const throughMath = (fn: Fn, args: readonly Vector[]): Vector => {
    const lane = (i: number): Expr<typeof F32> =>
      f32.demoteF64(
        s.call(
          fn,
          args.map((a) => f64.promoteF32(four.extract(a, i))),
        ),
      );
    let out = floats.splat(lane(0));
    for (let i = 1; i < 4; i++) out = four.replaceFloat(out, i, lane(i));
    return out;
  };

  const apply = ({ fn, of, args, known, imm }: Apply<typeof VECTOR>): Vector => {
    const a = args[0]!;
    const [, b = a, c = a] = args; // no rule looks beyond its arguments
    if (fn === "select") {
      if (Object.is(known[2], 0)) return lanes.and(b, a);
      if (Object.is(known[1], 0)) return lanes.andnot(c, a);
      return select(a, b, c);
    }
    if (masked.has(fn)) {
      const held = args.slice(1).map(hold);
      const out = f.let(VECTOR, held[0]!);
      f.if(lanes.any(a), () => f.set(out, throughMath(fn, held)));
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
      if (fn === "fma" && relaxed) return floats.madd(a, b, c);
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
      if (bytes === 4) return lanes.loadSplat(site.at);
      return ints.splat(bytes === 1 ? i32.load8u(site.at) : i32.load16u(site.at));
    }
    if (site.how === "first") return partial.load(site.at, site.count);
    if (site.how === "unit") {
      const { at, offset } = site;
      return (bytes === 4 ? lanes.load : bytes === 2 ? lanes.load16 : lanes.load8)(at, offset);
    }
    const insert = bytes === 4 ? four.load32 : bytes === 2 ? four.load16 : four.load8;
    const first = raw(dtype, { how: "still", at: site.at[0]! }); // so that lane 3 is no stranger where there are three
    return site.at.slice(1).reduce((out, at, i) => insert(at, out, ((i + 1) * 4) / bytes), first);
  };

  const lanesOf = (dtype: DType) => storage[dtype].lanes ?? unsupported("lanes", dtypeInfo[dtype].compute);

  const load = (dtype: DType, to: Scalar, site: Site): Vector =>
    convert(lanesOf(dtype).load(raw(dtype, site), hold), dtypeInfo[dtype].compute, to);

  const store = (dtype: DType, from: Scalar, value: Vector, site: Site): void => {
    const { bytes, compute } = dtypeInfo[dtype];
    const stored = lanesOf(dtype).store(convert(value, from, compute), hold);
    if (site.how === "first") return f.do(partial.store(site.at, stored, site.count));
    if (site.how === "unit") {
      const put = bytes === 4 ? lanes.store : bytes === 2 ? lanes.store16 : lanes.store8;
      return f.do(put(site.at, stored, site.offset));
    }
    if (site.how === "still" && bytes === 4) return f.do(lanes.storeFirst(site.at, stored));
    const kept = hold(stored);
    const put = bytes === 4 ? four.store32 : bytes === 2 ? four.store16 : four.store8;
    (site.how === "still" ? [site.at] : site.at).forEach((at, i) => f.do(put(at, kept, (i * 4) / bytes)));
  };

  return {
    width: target.lanes,
    typeOf: () => VECTOR,
    constant: (value, of) =>
      of === "f32" ? floats.const(value) : ints.const(of === "bool" ? (value === 0 ? 0 : -1) : value),
    number: (at, offset, of) => {
      const word = lanes.loadSplat(at, offset);
      return of === "bool" ? ints.ne(word, ints.const(0)) : word;
    },
    index: ({ at, lanes }) => (lanes === undefined ? ints.splat(at) : ints.add(ints.splat(at), lanes)),
    load,
    store,
    apply,
    accumulator: (fn, of, byLane) => {
      const how = accumulations[`${fn} ${of}`]?.(relaxed) ?? unsupported(fn, of);
      return new VectorAccumulator(f, hold, how, byLane, target.lanes);
    },
  };
}
