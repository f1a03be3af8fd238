// Numbers of 32 bits and addresses in general registers. Results have zeros in the upper 32 bits.
import type { Expr, Op } from "@weft/kernel/machine";
import { at, type General } from "../assembler/operands.ts";
import type { Condition } from "../assembler/row.ts";
import type { Generator } from "./generator.ts";
import { convert, truncated } from "./scalars.ts";

type Reg = General<64>;
export type WriteInteger = (g: Generator, e: Expr, into?: Reg) => Reg;

/** Comparisons, as conditions. */
export const conditions = {
  "i32.eq": "e", "i32.ne": "ne", "i32.ltS": "l", "i32.ltU": "b", "i32.gtS": "g", "i32.gtU": "a",
  "i32.leS": "le", "i32.leU": "be", "i32.geS": "ge", "i32.geU": "ae",
} as const satisfies { readonly [O in Op]?: Condition }; // prettier-ignore

const isConst = (e: Expr): boolean => e.op === "i32.const";

/**
 * Evaluates two operands and combines them in the register of the first: that of `into`, unless the second operand is
 * there.
 */
const two =
  (name: "add" | "sub" | "and" | "or" | "xor" | "imul", commutes: boolean): WriteInteger =>
  (g, e, into) => {
    let [a, b] = e.args as [Expr, Expr];
    if (commutes && isConst(a)) [a, b] = [b, a];
    const left = g.int(a);
    if (isConst(b)) {
      const to = g.general.result(into, left);
      if (name === "imul") g.code.emit("imul", to.low, left.low, b.imm);
      else if (to === left) g.code.emit(name, to.low, b.imm);
      else if (name === "add") g.code.emit("lea", to.low, at(left, b.imm));
      else {
        g.code.emit("mov", to.low, left.low);
        g.code.emit(name, to.low, b.imm);
      }
      if (to !== left) g.general.give(left);
      return to;
    }
    const right = g.int(b);
    const to = g.general.result(into === right ? undefined : into, left);
    if (name === "add" && to !== left && to !== right) g.code.emit("lea", to.low, at(left, 0, right));
    else {
      if (to !== left) g.code.emit("mov", to.low, left.low);
      g.code.emit(name, to.low, right.low);
    }
    if (to !== left) g.general.give(left);
    if (to !== right) g.general.give(right);
    return to;
  };

const shift =
  (byNumber: "shl" | "shr" | "sar", byRegister: "shlx" | "shrx" | "sarx"): WriteInteger =>
  (g, e, into) => {
    const [a, n] = e.args as [Expr, Expr];
    const left = g.int(a);
    if (isConst(n)) {
      const to = g.general.result(into, left);
      if (to !== left) {
        g.code.emit("mov", to.low, left.low);
        g.general.give(left);
      }
      if ((n.imm & 31) !== 0) g.code.emit(byNumber, to.low, n.imm & 31);
      return to;
    }
    const by = g.int(n);
    const to = into ?? g.general.take();
    g.code.emit(byRegister, to.low, left.low, by.low);
    g.general.give(left, by);
    return to;
  };

const load =
  (name: "mov" | "movzx8" | "movzx16"): WriteInteger =>
  (g, e, into) => {
    const { memory, held } = g.addressed(e);
    const to = into ?? (held !== undefined && g.general.owns(held) ? held : g.general.take());
    g.code.emit(name, to.low, memory);
    if (held !== to) g.general.give(held);
    return to;
  };

/**
 * Quotients of integers of 32 bits are exact with numbers of 64 bits, cut towards zero. What WebAssembly stops at ends
 * nothing here: a quotient by 0 is 0, that of -2^31 by -1 is -2^31.
 */
const divide =
  (signed: boolean, remainder: boolean): WriteInteger =>
  (g, e, into) => {
    const [a, b] = [g.int(e.args[0]!), g.int(e.args[1]!)];
    const [x, y] = [g.vector.take(), g.vector.take()];
    convert(g, "sd", x, signed ? a.low : a);
    convert(g, "sd", y, signed ? b.low : b);
    g.code.emit("vdivsd", x.as(128), x.as(128), y.as(128));
    const quotient = remainder ? g.general.take() : g.general.result(into, a, b);
    g.code.emit("vcvttsd2si", quotient, x.as(128));
    g.vector.give(x, y);
    if (!remainder) {
      g.code.emit("mov", quotient.low, quotient.low); // the upper half is that of the sign
      g.general.giveBut(quotient, a, b);
      return quotient;
    }
    g.code.emit("imul", quotient.low, b.low);
    const to = g.general.result(into, a);
    if (to !== a) g.code.emit("mov", to.low, a.low);
    g.code.emit("sub", to.low, quotient.low);
    g.general.giveBut(to, quotient, a, b);
    return to;
  };

export const integers = {
  "i32.const": (g, e, into) => {
    const to = into ?? g.general.take();
    if (e.imm === 0) g.code.emit("xor", to.low, to.low);
    else g.code.emit("mov", to.low, e.imm);
    return to;
  },
  "i32.add": two("add", true), "i32.sub": two("sub", false), "i32.mul": two("imul", true),
  "i32.divS": divide(true, false), "i32.divU": divide(false, false),
  "i32.remS": divide(true, true), "i32.remU": divide(false, true),
  "i32.and": two("and", true), "i32.or": two("or", true), "i32.xor": two("xor", true),
  "i32.shl": shift("shl", "shlx"), "i32.shrS": shift("sar", "sarx"), "i32.shrU": shift("shr", "shrx"),
  "i32.load": load("mov"), "i32.load8u": load("movzx8"), "i32.load16u": load("movzx16"),
  "i32.truncSatF32": truncated("ss"), "i32.truncSatF64": truncated("sd"),
  "i32.reinterpretF32": (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const to = into ?? g.general.take();
    g.code.emit("vmovd", to.low, x.as(128));
    g.vector.give(x);
    return to;
  },
  select: (g, e, into) => {
    const [a, b, condition] = e.args as [Expr, Expr, Expr];
    const [first, second] = [g.int(a), g.int(b)];
    const to = g.general.owns(second) ? second : g.general.take();
    if (to !== second) g.code.emit("mov", to.low, second.low);
    const holds = g.test(condition);
    g.code.emit("cmovcc", holds, to.low, first.low);
    g.general.give(first);
    if (into === undefined) return to;
    g.code.emit("mov", into.low, to.low);
    g.general.give(to);
    return into;
  },
} as const satisfies { readonly [O in Op]?: WriteInteger }; // prettier-ignore
