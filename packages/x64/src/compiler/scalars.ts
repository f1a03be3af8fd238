// Floating-point numbers of 32 and 64 bits: the lowest lane of a vector, whose other lanes mean nothing.
import type { Op } from "@weft/kernel/machine";
import type { General, Memory, Vector } from "../assembler/operands.ts";
import type { Condition } from "../assembler/row.ts";
import type { Generator } from "./generator.ts";
import type { WriteInteger } from "./integers.ts";
import type { RealTestOp, WriteTest, WriteVector } from "./target.ts";

/** Two sizes of numbers, as instructions call them. */
type Size = "ss" | "sd";
type Arithmetic = "vadd" | "vsub" | "vmul" | "vdiv";

const two =
  (name: `${Arithmetic}${Size}`): WriteVector =>
  (g, e, into) => {
    const [a, b] = [g.vec(e.args[0]!), g.vec(e.args[1]!)];
    const to = g.vector.result(into, a, b);
    g.code.emit(name, to.as(128), a.as(128), b.as(128));
    g.vector.giveBut(to, a, b);
    return to;
  };
const one =
  (name: `vsqrt${Size}` | "vcvtss2sd" | "vcvtsd2ss"): WriteVector =>
  (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const to = g.vector.result(into, x);
    g.code.emit(name, to.as(128), x.as(128), x.as(128));
    g.vector.giveBut(to, x);
    return to;
  };

/** The sign in each number of 128 bits, or all other bits. */
const signs = (g: Generator, size: Size, others: boolean): Memory => {
  const [low, high] = others ? [-1, 0x7fffffff] : [0, -(2 ** 31)];
  return size === "sd" ? g.code.i32(low, high, low, high) : g.code.i32(high, high, high, high);
};
const withSigns =
  (size: Size, name: "vandps" | "vxorps"): WriteVector =>
  (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const to = g.vector.result(into, x);
    g.code.emit(name, to.as(128), x.as(128), signs(g, size, name === "vandps"));
    g.vector.giveBut(to, x);
    return to;
  };

/**
 * Of two zeros, or where one is not a number, the instruction gives the second: so both orders are asked. The maximum is
 * the negative minimum of the negative numbers.
 */
const extreme =
  (size: Size, most: boolean): WriteVector =>
  (g, e, into) => {
    const [a, b] = [g.vec(e.args[0]!), g.vec(e.args[1]!)];
    let [x, y] = [a.as(128), b.as(128)];
    const [first, second] = [g.vector.take(), g.vector.take()];
    const [to, other] = [first.as(128), second.as(128)];
    if (most) {
      g.code.emit("vxorps", to, x, signs(g, size, false));
      g.code.emit("vxorps", other, y, signs(g, size, false));
      [x, y] = [to, other];
    }
    const third = g.vector.take();
    g.code.emit(`vmin${size}`, third.as(128), x, y);
    g.code.emit(`vmin${size}`, to, y, x);
    g.code.emit("vorps", to, to, third.as(128));
    if (most) g.code.emit("vxorps", to, to, signs(g, size, false));
    g.vector.give(a, b, second, third);
    if (into === undefined) return first;
    g.code.emit("vmovaps", into, first);
    g.vector.give(first);
    return into;
  };

/** Where one is not a number, the flags say equal and below: so the greater one is asked for. */
const inOrder =
  (size: Size, condition: Condition, swapped: boolean): WriteTest =>
  (g, e) => {
    const [a, b] = [g.vec(e.args[0]!), g.vec(e.args[1]!)];
    const [left, right] = swapped ? [b, a] : [a, b];
    g.code.emit(`vucomi${size}`, left.as(128), right.as(128));
    g.vector.give(a, b);
    return condition;
  };
/** Equal, and both are numbers: two flags. */
const equal =
  (size: Size, condition: Condition): WriteTest =>
  (g, e) => {
    const [a, b] = [g.vec(e.args[0]!), g.vec(e.args[1]!)];
    const [holds, zero] = [g.general.take(), g.general.take()];
    g.code.emit(`vucomi${size}`, a.as(128), b.as(128));
    g.code.emit("mov", zero.low, 0); // and keeps the flags
    g.code.emit("setcc", "np", holds);
    g.code.emit("movzx8", holds.low, holds);
    g.code.emit("cmovcc", "ne", holds.low, zero.low);
    g.code.emit("test", holds.low, holds.low);
    g.vector.give(a, b);
    g.general.give(holds, zero);
    return condition;
  };

const load =
  (name: `vmov${Size}`): WriteVector =>
  (g, e, into) => {
    const { memory, held } = g.addressed(e);
    const to = into ?? g.vector.take();
    g.code.emit(name, to.as(128), memory);
    g.general.give(held);
    return to;
  };
const constant =
  (size: Size): WriteVector =>
  (g, { imm }, into) => {
    const to = into ?? g.vector.take();
    const low = to.as(128);
    if (Object.is(imm, 0)) g.code.emit("vxorps", low, low, low);
    else g.code.emit(`vmov${size}`, low, size === "ss" ? g.code.f32(imm) : g.code.f64(imm));
    return to;
  };

/** The number of an integer; the instruction would keep what was in the other lanes, and wait for it. */
export function convert(g: Generator, size: Size, to: Vector, n: General): void {
  const low = to.as(128);
  g.code.emit("vxorps", low, low, low);
  g.code.emit(`vcvtsi2${size}`, low, low, n);
}
const fromInteger =
  (write: (g: Generator, to: Vector, n: General<64>) => void): WriteVector =>
  (g, e, into) => {
    const n = g.int(e.args[0]!);
    const to = into ?? g.vector.take();
    write(g, to, n);
    g.general.give(n);
    return to;
  };

/** The integer towards zero; the nearest one of those that there are, and 0 for what is not a number. */
export const truncated =
  (size: Size): WriteInteger =>
  (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const held = g.vector.result(undefined, x);
    const wide = held.as(128);
    if (size === "ss") g.code.emit("vcvtss2sd", wide, x.as(128), x.as(128));
    else if (held !== x) g.code.emit("vmovaps", wide, x.as(128));
    const to = into ?? g.general.take();
    const zero = g.general.take();
    g.code.emit("vucomisd", wide, wide);
    g.code.emit("vmaxsd", wide, wide, g.code.f64(-(2 ** 31)));
    g.code.emit("vminsd", wide, wide, g.code.f64(2 ** 31 - 1));
    g.code.emit("vcvttsd2si", to.low, wide);
    g.code.emit("mov", zero.low, 0); // and keeps the flags
    g.code.emit("cmovcc", "p", to.low, zero.low);
    g.general.give(zero);
    g.vector.give(held);
    return to;
  };

/** Rounding, which AVX-512 has under another name. */
export const rounding = (name: "vround" | "vrndscale") => {
  const round =
    (size: Size, how: number): WriteVector =>
    (g, e, into) => {
      const x = g.vec(e.args[0]!);
      const to = g.vector.result(into, x);
      g.code.emit(`${name}${size}`, to.as(128), x.as(128), x.as(128), how);
      g.vector.giveBut(to, x);
      return to;
    };
  return {
    "f32.nearest": round("ss", 8), "f32.floor": round("ss", 9), "f32.ceil": round("ss", 10), "f32.trunc": round("ss", 11),
    "f64.nearest": round("sd", 8), "f64.floor": round("sd", 9), "f64.ceil": round("sd", 10), "f64.trunc": round("sd", 11),
  } as const; // prettier-ignore
};

/** The values of `Op` that both targets write alike. */
export const scalars = {
  "f32.const": constant("ss"), "f32.load": load("vmovss"), "f32.sqrt": one("vsqrtss"),
  "f32.add": two("vaddss"), "f32.sub": two("vsubss"), "f32.mul": two("vmulss"), "f32.div": two("vdivss"),
  "f32.min": extreme("ss", false), "f32.max": extreme("ss", true),
  "f32.abs": withSigns("ss", "vandps"), "f32.neg": withSigns("ss", "vxorps"),
  "f32.convertI32": fromInteger((g, to, n) => convert(g, "ss", to, n.low)), "f32.demoteF64": one("vcvtsd2ss"),
  "f32.reinterpretI32": fromInteger((g, to, n) => g.code.emit("vmovd", to.as(128), n.low)),
  "f64.const": constant("sd"), "f64.load": load("vmovsd"), "f64.sqrt": one("vsqrtsd"),
  "f64.add": two("vaddsd"), "f64.sub": two("vsubsd"), "f64.mul": two("vmulsd"), "f64.div": two("vdivsd"),
  "f64.min": extreme("sd", false), "f64.max": extreme("sd", true),
  "f64.abs": withSigns("sd", "vandps"), "f64.neg": withSigns("sd", "vxorps"),
  "f64.convertI32": fromInteger((g, to, n) => convert(g, "sd", to, n.low)), "f64.promoteF32": one("vcvtss2sd"),
  "i64.load": load("vmovsd"),
} as const satisfies { readonly [O in Op]?: WriteVector }; // prettier-ignore

export const scalarTests = {
  "f32.eq": equal("ss", "ne"), "f32.ne": equal("ss", "e"), "f32.lt": inOrder("ss", "a", true),
  "f32.gt": inOrder("ss", "a", false), "f32.le": inOrder("ss", "ae", true), "f32.ge": inOrder("ss", "ae", false),
  "f64.eq": equal("sd", "ne"), "f64.ne": equal("sd", "e"), "f64.lt": inOrder("sd", "a", true),
  "f64.gt": inOrder("sd", "a", false), "f64.le": inOrder("sd", "ae", true), "f64.ge": inOrder("sd", "ae", false),
} as const satisfies Record<RealTestOp, WriteTest>; // prettier-ignore
