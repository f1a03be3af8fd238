// Vectors of 256 bits, whose masks are vectors.
import type { Expr } from "@weft/kernel/machine";
import type { Vector } from "../assembler/operands.ts";
import type { Generator } from "./generator.ts";
import { rounding as scalarRounding, scalarTests } from "./scalars.ts";
import { floatTests, type Target, type WriteVector } from "./target.ts";
import { common, commonStores, operand, ramp, result, rounding, storeVector } from "./vectors.ts";

/** All ones. */
function ones(g: Generator): Vector {
  const to = g.vector.take();
  g.code.emit("vpcmpeqd", to, to, to);
  return to;
}

const not = (g: Generator, to: Vector, x: Vector): void => {
  const all = ones(g);
  g.code.emit("vpxor", to, x, all);
  g.vector.give(all);
};

/** Comparisons are for equal and greater: the others swap their operands, or are not one of those. */
const compared =
  (name: "vpcmpeqd" | "vpcmpgtd", swapped: boolean, negated: boolean): WriteVector =>
  (g, e, into) => {
    const [a, b] = swapped ? [e.args[1]!, e.args[0]!] : [e.args[0]!, e.args[1]!];
    const left = g.vec(a);
    const right = operand(g, b);
    const to = result(g, into, left, right.value);
    g.code.emit(name, to, left, right.value);
    if (left !== to) g.vector.give(left);
    if (right.value !== to) right.give();
    if (negated) not(g, to, to);
    return to;
  };
/** Without a sign: a is at least b if it is the greater of both. */
const unsigned =
  (extreme: "vpmaxud" | "vpminud", negated: boolean): WriteVector =>
  (g, e, into) => {
    const [a, b] = [g.vec(e.args[0]!), g.vec(e.args[1]!)];
    const to = into === undefined || into === a ? g.vector.take() : into;
    g.code.emit(extreme, to, a, b);
    g.code.emit("vpcmpeqd", to, to, a);
    if (negated) not(g, to, to);
    g.vector.giveBut(to, a, b);
    return to;
  };

/** The first n lanes, as all ones: those whose numbers are below n. */
function maskOf(g: Generator, n: Expr): Vector {
  const [count, to] = [g.int(n), g.vector.take()];
  g.code.emit("vmovd", to.as(128), count.low);
  g.code.emit("vpbroadcastd", to, to.as(128));
  g.code.emit("vpcmpgtd", to, to, ramp(g));
  g.general.give(count);
  return to;
}

/** Words of the lanes, side by side in the lowest 128 bits. */
function words(g: Generator, x: Vector): Vector {
  const to = g.vector.take();
  g.code.emit("vpackusdw", to, x, x);
  g.code.emit("vpermq", to, to, 0x08); // one half from each half
  return to;
}

export const avx2: Target = {
  name: "AVX2",
  bits: 256,
  lanes: 8,
  registers: 16,
  needs: ["avx2", "bmi2", "fma"],
  values: {
    ...common,
    "partial.load": (g, e, into) => {
      const mask = maskOf(g, e.args[1]!);
      const { memory, held } = g.addressed(e);
      const to = into ?? mask;
      g.code.emit("vmaskmovps", to, mask, memory);
      g.general.give(held);
      g.vector.giveBut(to, mask);
      return to;
    },
    "lanes.not": (g, e, into) => {
      const x = g.vec(e.args[0]!);
      const to = result(g, into, x);
      not(g, to, x);
      g.vector.giveBut(to, x);
      return to;
    },
    "lanes.rotate": (g, e, into) => {
      const x = g.vec(e.args[0]!);
      const from = g.vector.take();
      g.code.emit("vmovups", from, g.code.i32(...Array.from({ length: 8 }, (_, i) => (i + e.imm) & 7)));
      const to = result(g, into, x);
      g.code.emit("vpermd", to, from, x);
      g.vector.give(from);
      g.vector.giveBut(to, x);
      return to;
    },
    "lanes.bitselect": (g, e, into) => {
      const [a, b, mask] = [g.vec(e.args[0]!), g.vec(e.args[1]!), g.vec(e.args[2]!)];
      const [first, to] = [g.vector.take(), into === undefined || into === a ? g.vector.take() : into];
      g.code.emit("vandps", first, a, mask);
      g.code.emit("vandnps", to, mask, b);
      g.code.emit("vorps", to, to, first);
      g.vector.give(first);
      g.vector.giveBut(to, a, b, mask);
      return to;
    },
    "lanes.blend": (g, e, into) => {
      const [a, b, mask] = [g.vec(e.args[0]!), g.vec(e.args[1]!), g.vec(e.args[2]!)];
      const to = result(g, into, a, b, mask);
      g.code.emit("vblendvps", to, b, a, mask);
      g.vector.giveBut(to, a, b, mask);
      return to;
    },
    "ints.splat": (g, e, into) => {
      const n = g.int(e.args[0]!);
      const to = into ?? g.vector.take();
      g.code.emit("vmovd", to.as(128), n.low);
      g.code.emit("vpbroadcastd", to, to.as(128));
      g.general.give(n);
      return to;
    },
    "ints.eq": compared("vpcmpeqd", false, false),
    "ints.ne": compared("vpcmpeqd", false, true),
    "ints.gtS": compared("vpcmpgtd", false, false),
    "ints.ltS": compared("vpcmpgtd", true, false),
    "ints.leS": compared("vpcmpgtd", false, true),
    "ints.geS": compared("vpcmpgtd", true, true),
    "ints.geU": unsigned("vpmaxud", false),
    "ints.leU": unsigned("vpminud", false),
    "ints.gtU": unsigned("vpminud", true),
    "ints.ltU": unsigned("vpmaxud", true),
    ...rounding("vroundps"),
    ...scalarRounding("vround"),
  },
  stores: {
    ...commonStores,
    "partial.store": (g, e) => {
      const x = g.vec(e.args[1]!);
      const mask = maskOf(g, e.args[2]!);
      const { memory, held } = g.addressed(e);
      g.code.emit("vmaskmovps", memory, mask, x);
      g.general.give(held);
      g.vector.give(x, mask);
    },
    "lanes.store16": storeVector((g, to, x) => {
      const packed = words(g, x);
      g.code.emit("vmovups", to, packed.as(128));
      g.vector.give(packed);
    }),
    "lanes.store8": storeVector((g, to, x) => {
      const packed = words(g, x);
      g.code.emit("vpackuswb", packed.as(128), packed.as(128), packed.as(128));
      g.code.emit("vmovq", to, packed.as(128));
      g.vector.give(packed);
    }),
  },
  tests: {
    ...scalarTests,
    "lanes.any": (g, e) => {
      const x = g.vec(e.args[0]!);
      g.code.emit("vptest", x, x);
      g.vector.give(x);
      return "ne";
    },
  },
  constant: (g, n, float) => {
    const all = Array<number>(8).fill(n);
    return float ? g.code.f32(...all) : g.code.i32(...all);
  },
  compare: (g, to, a, b, how) => g.code.emit("vcmpps", to, a, b, floatTests[how]),
};
