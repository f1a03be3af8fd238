// One value in a WebAssembly number: what kernels with f64 are made of. A bool is the i32 0 or 1. Functions that WebAssembly
// lacks are calls of JavaScript's Math.
import { dtypeInfo } from "@weft/tensor/internals";
import { masked, type Fn, type Scalar } from "@weft/kernel";
// oxfmt-ignore
import {
  F32, F64, I32, choose, f32, f64, i32, select,
  type Expr, type Type,
} from "../wasm/emitter.ts";
import {
  unsupported,
  type Accumulation,
  type Apply,
  type InstructionSet,
  type Site,
  type Surroundings,
} from "./machine.ts";
import { storage } from "./storage.ts";

type Int = Expr<typeof I32>;
type Float = Expr<typeof F32>;
type Double = Expr<typeof F64>;
type Rule<T extends Type> = (a: Expr<T>, b: Expr<T>, c: Expr<T>, imm: number) => Expr;
type Rules<T extends Type> = { readonly [F in Fn]?: Rule<T> };

const f32Rules: Rules<typeof F32> = {
  ...f32,
  fma: (a, b, c) => f32.add(f32.mul(a, b), c),
  bits: i32.reinterpretF32,
  f32: (a) => a,
  f64: f64.promoteF32,
  i32: i32.truncSatF32,
  bool: (a) => f32.ne(a, 0),
};

const f64Rules: Rules<typeof F64> = {
  ...f64,
  fma: (a, b, c) => f64.add(f64.mul(a, b), c),
  f32: f32.demoteF64,
  f64: (a) => a,
  i32: i32.truncSatF64,
  bool: (a) => f64.ne(a, 0),
};

const i32Rules: Rules<typeof I32> = {
  add: i32.add,
  sub: i32.sub,
  mul: i32.mul,
  neg: (a) => i32.sub(0, a),
  abs: (a) => select(i32.ltS(a, 0), i32.sub(0, a), a),
  min: (a, b) => select(i32.ltS(a, b), a, b),
  max: (a, b) => select(i32.gtS(a, b), a, b),
  fma: (a, b, c) => i32.add(i32.mul(a, b), c),
  // WebAssembly traps on x / 0 and on -2^31 / -1
  idiv: (a, b) => choose(I32, i32.eqz(b), i32.const(0), choose(I32, i32.eq(b, -1), i32.sub(0, a), i32.divS(a, b))),
  irem: (a, b) => choose(I32, i32.eqz(b), i32.const(0), i32.remS(a, b)),
  shl: (a, _b, _c, imm) => i32.shl(a, imm),
  shrs: (a, _b, _c, imm) => i32.shrS(a, imm),
  shru: (a, _b, _c, imm) => i32.shrU(a, imm),
  eq: i32.eq,
  ne: i32.ne,
  lt: i32.ltS,
  le: i32.leS,
  gt: i32.gtS,
  ge: i32.geS,
  not: (a) => i32.xor(a, -1),
  and: i32.and,
  or: i32.or,
  xor: i32.xor,
  float: f32.reinterpretI32,
  f32: f32.convertI32,
  f64: f64.convertI32,
  i32: (a) => a,
  bool: (a) => i32.ne(a, 0),
};

const boolRules: Rules<typeof I32> = {
  min: i32.and,
  max: i32.or,
  eq: i32.eq,
  ne: i32.ne,
  lt: i32.ltU,
  le: i32.leU,
  gt: i32.gtU,
  ge: i32.geU,
  not: i32.eqz,
  and: i32.and,
  or: i32.or,
  xor: i32.xor,
  f32: f32.convertI32,
  f64: f64.convertI32,
  i32: (a) => a,
  bool: (a) => a,
};

const rules = { f32: f32Rules, f64: f64Rules, i32: i32Rules, bool: boolRules } as Record<
  Scalar,
  { readonly [F in Fn]?: (a: Expr, b: Expr, c: Expr, imm: number) => Expr }
>;

const types: Record<Scalar, Type> = { f32: F32, f64: F64, i32: I32, bool: I32 };

export function scalarMachine({ f, hold, call }: Surroundings): InstructionSet {
  const convert = (value: Expr, from: Scalar, to: Scalar): Expr => {
    const rule = rules[from][to];
    return rule === undefined ? unsupported(to, from) : rule(value, value, value, 0);
  };

  const throughMath = (fn: Fn, of: Scalar, args: readonly Expr[]): Expr => {
    if (of === "f64") return call(fn, args);
    if (of !== "f32") return unsupported(fn, of);
    const wide = args.map((a) => f64.promoteF32(a as Float));
    return f32.demoteF64(call(fn, wide) as Double);
  };

  const apply = ({ fn, of, args, imm }: Apply): Expr => {
    if (fn === "select") return select(args[0] as Int, args[1]!, args[2]!);
    if (masked.has(fn)) {
      const [mask, ...held] = args.map((a, i) => hold(a, i === 0 ? I32 : types[of])) as [Int, ...Expr[]];
      return choose(types[of], mask, throughMath(fn, of, held), held[0]!);
    }
    const rule = rules[of][fn];
    const kept = of === "i32" ? args.map((a) => hold(a, I32)) : args; // their rules use an argument more than once
    if (rule !== undefined) return rule(kept[0]!, kept[1]!, kept[2]!, imm);
    return throughMath(fn, of, args);
  };

  const at = (site: Site): Int => (site.how === "lanes" ? site.at[0]! : site.at);

  const fold = (
    type: Type,
    value: Expr,
    step: (acc: Expr, x: Expr) => Expr,
    finish: (acc: Expr) => Expr = (acc) => acc,
  ): Accumulation => ({
    start: [{ type, value }],
    step: ([acc], x) => [step(acc!, x)],
    join: ([a]) => [a!],
    value: ([acc]) => finish(acc!),
    wide: false,
  });
  const both =
    (rule: Rule<typeof I32>) =>
    (acc: Expr, x: Expr): Expr =>
      rule(acc as Int, hold(x, I32) as Int, acc as Int, 0);
  const accumulations: Record<string, () => Accumulation> = {
    "sum f32": () =>
      fold(
        F64,
        f64.const(0),
        (acc, x) => f64.add(acc as Double, f64.promoteF32(x as Float)),
        (acc) => f32.demoteF64(acc as Double),
      ),
    "max f32": () => fold(F32, f32.const(-Infinity), f32.max as never),
    "min f32": () => fold(F32, f32.const(Infinity), f32.min as never),
    "sum f64": () => fold(F64, f64.const(0), f64.add as never),
    "max f64": () => fold(F64, f64.const(-Infinity), f64.max as never),
    "min f64": () => fold(F64, f64.const(Infinity), f64.min as never),
    "sum i32": () => fold(I32, i32.const(0), i32.add as never),
    "max i32": () => fold(I32, i32.const(-(2 ** 31)), both(i32Rules.max!)),
    "min i32": () => fold(I32, i32.const(2 ** 31 - 1), both(i32Rules.min!)),
    "max bool": () => fold(I32, i32.const(0), i32.or as never),
    "min bool": () => fold(I32, i32.const(1), i32.and as never),
  };

  return {
    width: 1,
    typeOf: (s) => types[s],
    constant: (value, of) => {
      if (of === "f32") return f32.const(value);
      if (of === "f64") return f64.const(value);
      return i32.const(of === "bool" ? Number(value !== 0) : value);
    },
    number: (at, offset, of) => {
      if (of === "f32") return f32.load(at, offset);
      if (of === "f64") return f64.load(at, offset);
      return of === "bool" ? i32.ne(i32.load(at, offset), 0) : i32.load(at, offset);
    },
    load: (dtype, to, site) => convert(storage[dtype].load(at(site), hold), dtypeInfo[dtype].compute, to),
    store: (dtype, from, value, site) =>
      f.do(storage[dtype].store(at(site), convert(value, from, dtypeInfo[dtype].compute), hold)),
    apply,
    accumulator: (fn, of) => accumulations[`${fn} ${of}`]?.() ?? unsupported(fn, of),
  };
}
