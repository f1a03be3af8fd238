// One value in a WebAssembly number: what kernels with f64 are made of. A bool is the i32 0 or 1. Functions that
// WebAssembly lacks are calls of JavaScript's Math.
import { dtypeInfo } from "@weft/tensor/internals";
import { masked, type Fn, type Reduction, type Scalar } from "@weft/kernel";
// oxfmt-ignore
import {
  F32, F64, I32, VECTOR, choose, f32, f64, i32, select,
  type Expr, type Local, type NumberType, type Type,
} from "../wasm/emitter.ts";
import {
  unsupported,
  type Accumulator,
  type Apply,
  type InstructionSet,
  type Site,
  type FunctionScope,
} from "./machine.ts";
import { integerRules } from "./integers.ts";
import { storage } from "./storage.ts";

type Int = Expr<typeof I32>;
type Value = Expr<NumberType>;
type Rule<T extends Type> = (a: Expr<T>, b: Expr<T>, c: Expr<T>, imm: number) => Value;
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
  ...integerRules<Int, typeof i32>(i32),
  neg: (a) => i32.sub(0, a),
  abs: (a) => select(i32.ltS(a, 0), i32.sub(0, a), a),
  min: (a, b) => select(i32.ltS(a, b), a, b),
  max: (a, b) => select(i32.gtS(a, b), a, b),
  // WebAssembly traps on x / 0 and on -2^31 / -1
  idiv: (a, b) => choose(I32, i32.eqz(b), i32.const(0), choose(I32, i32.eq(b, -1), i32.sub(0, a), i32.divS(a, b))),
  irem: (a, b) => choose(I32, i32.eqz(b), i32.const(0), i32.remS(a, b)),
  not: (a) => i32.xor(a, -1),
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

/** The types of a kernel say that a rule gets what it takes. */
const rules = { f32: f32Rules, f64: f64Rules, i32: i32Rules, bool: boolRules } as Record<Scalar, Rules<NumberType>>;

const types: Record<Scalar, NumberType> = { f32: F32, f64: F64, i32: I32, bool: I32 };

/** A mask is a bool: the kernel's types say so. */
const asMask = (value: Value): Int => value as Int;

/** The least and the greatest value of each type. */
const bounds: Record<Scalar, readonly [least: number, most: number]> = {
  f32: [-Infinity, Infinity],
  f64: [-Infinity, Infinity],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  bool: [0, 1],
};

export function scalarMachine({ f, hold, call }: FunctionScope): InstructionSet<NumberType> {
  const holdLanes = (x: Expr<typeof VECTOR>): Expr<typeof VECTOR> => hold(x, VECTOR);
  const convert = (value: Value, from: Scalar, to: Scalar): Value => {
    const rule = rules[from][to];
    return rule === undefined ? unsupported(to, from) : rule(value, value, value, 0);
  };

  const throughMath = (fn: Fn, of: Scalar, args: readonly Value[]): Value => {
    if (of === "f64") return call(fn, args);
    if (of !== "f32") return unsupported(fn, of);
    const wide = args.map((a) => convert(a, "f32", "f64"));
    return f32.demoteF64(call(fn, wide));
  };

  const apply = ({ fn, of, args, imm }: Apply<NumberType>): Value => {
    if (fn === "select") return select(asMask(args[0]!), args[1]!, args[2]!);
    if (masked.has(fn)) {
      const mask = hold(asMask(args[0]!), I32);
      const held = args.slice(1).map((a) => hold(a, types[of]));
      return choose(types[of], mask, throughMath(fn, of, held), held[0]!);
    }
    const rule = rules[of][fn];
    const kept = of === "i32" ? args.map((a) => hold(a, I32)) : args; // their rules use an argument more than once
    if (rule !== undefined) return rule(kept[0]!, kept[1]!, kept[2]!, imm);
    return throughMath(fn, of, args);
  };

  const at = (site: Site): Int => (site.how === "lanes" ? site.at[0]! : site.at);

  const accumulator = (fn: Reduction["fn"], of: Scalar): Accumulator<NumberType> => {
    const [least, most] = bounds[of];
    const first = { sum: 0, max: least, min: most }[fn];
    const within = fn === "sum" && of === "f32" ? "f64" : of; // the error of a sum does not grow with its length
    const rule = rules[within][fn === "sum" ? "add" : fn] ?? unsupported(fn, of);
    let local: Local<NumberType> | undefined;
    const acc = (): Local<NumberType> => (local ??= f.local(types[within]));
    const value = (): Value => convert(acc(), within, of);
    return {
      wide: false,
      start: () => f.set(acc(), first),
      add: (_, x) => {
        const kept = fn !== "sum" && of === "i32" ? hold(x, I32) : x;
        f.set(acc(), rule(acc(), convert(kept, of, within), acc(), 0));
      },
      flush: () => {},
      folded: value,
      lanes: value,
    };
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
    index: ({ at }) => at,
    load: (dtype, to, site) => convert(storage[dtype].load(at(site), holdLanes), dtypeInfo[dtype].compute, to),
    store: (dtype, from, value, site) =>
      f.do(storage[dtype].store(at(site), convert(value, from, dtypeInfo[dtype].compute), holdLanes)),
    apply,
    accumulator,
  };
}
