// What AVX2 and AVX-512 write alike of vectors: memory, floating-point numbers, and integers but for comparisons.
import type { Expr, Op } from "@weft/kernel/machine";
import { Label, type Memory, type Vector } from "../assembler/operands.ts";
import type { Generator } from "./generator.ts";
import { scalars } from "./scalars.ts";
import type { FloatTest, WriteStore, WriteVector } from "./target.ts";

/** Instructions of three vectors, of which the last may be in memory, and of two. */
type Three =
  | "vaddps" | "vsubps" | "vmulps" | "vdivps" | "vminps" | "vmaxps" | "vaddpd" | "vdivpd"
  | "vandps" | "vandnps" | "vorps" | "vxorps" | "vpaddd" | "vpsubd" | "vpmulld" | "vpminsd" | "vpmaxsd"; // prettier-ignore
type Two = "vsqrtps" | "vpabsd" | "vcvtdq2ps";

/** Of an operation's two operands the second may stay in memory. */
export function operand(g: Generator, e: Expr): { readonly value: Vector | Memory; give(): void } {
  if (e.op === "lanes.load") {
    const { memory, held } = g.addressed(e);
    return { value: memory, give: () => g.general.give(held) };
  }
  if (e.op === "floats.const" || e.op === "ints.const")
    return { value: g.target.constant(g, e.imm, e.op === "floats.const"), give: () => {} };
  const value = g.vec(e);
  return { value, give: () => g.vector.give(value) };
}

/** A register for a result: `into`, one of those that are given, or another. Those given are free afterwards. */
export function result(g: Generator, into: Vector | undefined, ...given: readonly (Vector | Memory)[]): Vector {
  return g.vector.result(into, ...given.filter((r) => "bits" in r));
}
const three =
  (name: Three, swapped = false): WriteVector =>
  (g, e, into) => {
    const [a, b] = swapped ? [e.args[1]!, e.args[0]!] : [e.args[0]!, e.args[1]!];
    const left = g.vec(a);
    const right = operand(g, b);
    const to = result(g, into, left, right.value);
    g.code.emit(name, to, left, right.value);
    if (left !== to) g.vector.give(left);
    if (right.value !== to) right.give();
    return to;
  };
const two =
  (name: Two): WriteVector =>
  (g, e, into) => {
    const x = operand(g, e.args[0]!);
    const to = result(g, into, x.value);
    g.code.emit(name, to, x.value);
    if (x.value !== to) x.give();
    return to;
  };

const halfOf = (x: Vector): Vector => x.as(x.bits === 512 ? 256 : 128);
/** Numbers of 64 bits, of those in the lower half; and back, which sets the upper half to 0. */
const fromHalf =
  (name: "vcvtdq2pd" | "vcvtps2pd"): WriteVector =>
  (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const to = result(g, into, x);
    g.code.emit(name, to, halfOf(x));
    g.vector.giveBut(to, x);
    return to;
  };
const toHalf =
  (name: "vcvttpd2dq" | "vcvtpd2ps"): WriteVector =>
  (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const to = result(g, into, x);
    g.code.emit(name, halfOf(to), x);
    g.vector.giveBut(to, x);
    return to;
  };

/** With bits that are the same in all lanes. */
const withBits =
  (name: "vandps" | "vxorps", n: number): WriteVector =>
  (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const to = result(g, into, x);
    g.code.emit(name, to, x, g.target.constant(g, n, false));
    g.vector.giveBut(to, x);
    return to;
  };

const shift =
  (name: "vpslld" | "vpsrld" | "vpsrad"): WriteVector =>
  (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const n = e.args[1]!;
    if (n.op === "i32.const") {
      const to = result(g, into, x);
      g.code.emit(name, to, x, n.imm & 31);
      g.vector.giveBut(to, x);
      return to;
    }
    const [by, count] = [g.general.take(), g.vector.take()];
    const given = g.int(n);
    g.code.emit("mov", by.low, given.low);
    g.code.emit("and", by.low, 31);
    g.code.emit("vmovd", count.as(128), by.low);
    g.general.give(by, given);
    const to = result(g, into, x, count);
    g.code.emit(name, to, x, count.as(128));
    g.vector.giveBut(to, x, count);
    return to;
  };

const constant: WriteVector = (g, e, into) => {
  const to = into ?? g.vector.take();
  if (Object.is(e.imm, 0)) g.code.emit("vxorps", to, to, to);
  else if (e.op === "floats.const") g.code.emit("vbroadcastss", to, g.code.f32(e.imm));
  else g.code.emit("vbroadcastss", to, g.code.i32(e.imm));
  return to;
};

const load =
  (name: "vmovups" | "vpmovzxwd" | "vpmovzxbd" | "vbroadcastss" | "vmovss"): WriteVector =>
  (g, e, into) => {
    const { memory, held } = g.addressed(e);
    const to = into ?? g.vector.take();
    g.code.emit(name, name === "vmovss" ? to.as(128) : to, memory);
    g.general.give(held);
    return to;
  };

/** Runs over two values that are used more than once. */
const kept =
  (write: (g: Generator, to: Vector, a: Vector, b: Vector) => void): WriteVector =>
  (g, e, into) => {
    const [a, b] = [g.vec(e.args[0]!), g.vec(e.args[1]!)];
    const to = into === undefined || into === a || into === b ? g.vector.take() : into;
    write(g, to, a, b);
    g.vector.giveBut(to, a, b);
    return to;
  };

const compared = (how: FloatTest): WriteVector => kept((g, to, a, b) => g.target.compare(g, to, a, b, how));

/** a*b + c in the register of c, or of a or b if those are free. */
const madd: WriteVector = (g, e, into) => {
  const [a, b, c] = e.args as [Expr, Expr, Expr];
  const sum = g.vec(c);
  const left = g.vec(a);
  if (sum === into || (g.vector.owns(sum) && into === undefined)) {
    const right = operand(g, b);
    g.code.emit("vfmadd231ps", sum, left, right.value);
    g.vector.give(left);
    right.give();
    return sum;
  }
  if (g.vector.owns(left)) {
    const right = g.vec(b);
    g.code.emit("vfmadd213ps", left, right, sum);
    g.vector.give(right, sum);
    return left;
  }
  const right = g.vec(b);
  const to = into !== undefined && into !== left && into !== right ? into : g.vector.take();
  g.code.emit("vmovaps", to, sum);
  g.code.emit("vfmadd231ps", to, left, right);
  g.vector.give(left, right, sum);
  return to;
};

/** Rounding, which AVX-512 has under another name. */
export const rounding = (name: "vroundps" | "vrndscaleps") => {
  const round =
    (how: number): WriteVector =>
    (g, e, into) => {
      const x = g.vec(e.args[0]!);
      const to = result(g, into, x);
      g.code.emit(name, to, x, how);
      g.vector.giveBut(to, x);
      return to;
    };
  return {
    "floats.nearest": round(8),
    "floats.floor": round(9),
    "floats.ceil": round(10),
    "floats.trunc": round(11),
  } as const;
};

/** 0, 1, 2, … */
export const ramp = (g: Generator): Memory => g.code.i32(...Array.from({ length: g.target.lanes }, (_, i) => i));

/** One of two values, by a jump. */
const select: WriteVector = (g, e, into) => {
  const [a, b, condition] = e.args as [Expr, Expr, Expr];
  const [first, second] = [g.vec(a), g.vec(b)];
  const to = g.vector.owns(second) ? second : g.vector.take();
  if (to !== second) g.code.emit("vmovaps", to, second);
  const end = new Label("select");
  g.unless(condition, end);
  g.code.emit("vmovaps", to, first);
  g.code.bind(end);
  g.vector.give(first);
  if (into === undefined) return to;
  g.code.emit("vmovaps", into, to);
  g.vector.give(to);
  return into;
};

/** The values of `Op` that both write alike. */
export const common = {
  ...scalars,
  select,
  "lanes.load": load("vmovups"), "lanes.load16": load("vpmovzxwd"), "lanes.load8": load("vpmovzxbd"),
  "lanes.loadSplat": load("vbroadcastss"), "lanes.loadFirst": load("vmovss"),
  "lanes.and": three("vandps"), "lanes.andnot": three("vandnps", true), "lanes.or": three("vorps"), "lanes.xor": three("vxorps"),
  "ints.const": constant, "floats.const": constant,
  "ints.ramp": (g, _, into) => {
    const to = into ?? g.vector.take();
    g.code.emit("vmovups", to, ramp(g));
    return to;
  },
  "ints.shl": shift("vpslld"), "ints.shrS": shift("vpsrad"), "ints.shrU": shift("vpsrld"),
  "floats.abs": withBits("vandps", 0x7fffffff), "floats.neg": withBits("vxorps", -(2 ** 31)),
  "ints.add": three("vpaddd"), "ints.sub": three("vpsubd"), "ints.mul": three("vpmulld"),
  "ints.minS": three("vpminsd"), "ints.maxS": three("vpmaxsd"), "ints.abs": two("vpabsd"),
  "ints.neg": (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const zero = g.vector.take();
    g.code.emit("vxorps", zero, zero, zero);
    const to = into ?? zero;
    g.code.emit("vpsubd", to, zero, x);
    g.vector.giveBut(to, zero, x);
    return to;
  },
  "ints.truncSatFloats": (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const [to, mask] = [into === undefined || into === x ? g.vector.take() : into, g.vector.take()];
    const bound = g.vector.take();
    g.code.emit("vbroadcastss", bound, g.code.f32(2 ** 31));
    g.code.emit("vcvttps2dq", to, x); // what does not fit is 2^31, which is negative
    g.target.compare(g, mask, x, bound, "ge");
    g.code.emit("vxorps", to, to, mask);
    g.target.compare(g, mask, x, x, "ordered");
    g.code.emit("vandps", to, to, mask);
    g.vector.give(mask, bound);
    g.vector.giveBut(to, x);
    return to;
  },
  "floats.splat": (g, e, into) => {
    const x = g.vec(e.args[0]!);
    const to = result(g, into, x);
    g.code.emit("vbroadcastss", to, x.as(128));
    g.vector.giveBut(to, x);
    return to;
  },
  "floats.first": (g, e, into) => g.vec(e.args[0]!, into),
  "floats.eq": compared("eq"), "floats.ne": compared("ne"), "floats.lt": compared("lt"), "floats.gt": compared("gt"),
  "floats.le": compared("le"), "floats.ge": compared("ge"),
  "floats.sqrt": two("vsqrtps"), "floats.convertInts": two("vcvtdq2ps"),
  "floats.add": three("vaddps"), "floats.sub": three("vsubps"), "floats.mul": three("vmulps"), "floats.div": three("vdivps"),
  // Of two zeros, or where one is not a number, these give the second: so both orders are asked.
  "floats.min": kept((g, to, a, b) => {
    const other = g.vector.take();
    g.code.emit("vminps", to, a, b);
    g.code.emit("vminps", other, b, a);
    g.code.emit("vorps", to, to, other);
    g.vector.give(other);
  }),
  "floats.max": kept((g, to, a, b) => {
    const other = g.vector.take();
    g.code.emit("vmaxps", to, a, b);
    g.code.emit("vmaxps", other, b, a);
    g.code.emit("vandps", to, to, other);
    g.target.compare(g, other, a, b, "unordered");
    g.code.emit("vorps", to, to, other);
    g.vector.give(other);
  }),
  "floats.pmin": three("vminps", true), "floats.pmax": three("vmaxps", true),
  "floats.madd": madd,
  "doubles.ofInts": fromHalf("vcvtdq2pd"), "doubles.ofFloats": fromHalf("vcvtps2pd"),
  "ints.ofDoubles": toHalf("vcvttpd2dq"), "floats.ofDoubles": toHalf("vcvtpd2ps"),
  "doubles.add": three("vaddpd"), "doubles.div": three("vdivpd"),
  "doubles.const": (g, e, into) => {
    const to = into ?? g.vector.take();
    g.code.emit("vbroadcastsd", to, g.code.f64(e.imm));
    return to;
  },
} as const satisfies { readonly [O in Op]?: WriteVector }; // prettier-ignore

export const storeVector =
  (write: (g: Generator, to: Memory, x: Vector) => void): WriteStore =>
  (g, e) => {
    const x = g.vec(e.args[1]!);
    const { memory, held } = g.addressed(e);
    write(g, memory, x);
    g.general.give(held);
    g.vector.give(x);
  };
const storeInteger =
  (name: "mov" | "mov8"): WriteStore =>
  (g, e) => {
    const x = g.int(e.args[1]!);
    const { memory, held } = g.addressed(e);
    if (name === "mov") g.code.emit("mov", memory, x.low);
    else g.code.emit("mov8", memory, x);
    g.general.give(held, x);
  };
const first = storeVector((g, to, x) => g.code.emit("vmovss", to, x.as(128)));
const eight = storeVector((g, to, x) => g.code.emit("vmovsd", to, x.as(128)));

export const commonStores = {
  "lanes.store": storeVector((g, to, x) => g.code.emit("vmovups", to, x)),
  "lanes.storeFirst": first, "f32.store": first,
  "i32.store": storeInteger("mov"), "i32.store8": storeInteger("mov8"),
  "i64.store": eight, "f64.store": eight,
} as const satisfies { readonly [O in Op]?: WriteStore }; // prettier-ignore
