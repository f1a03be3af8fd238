// Vectors of 512 bits, with masks.
import type { Expr } from "@weft/kernel/machine";
import { mask, merging, zeroing, type Vector } from "../assembler/operands.ts";
import type { Generator } from "./generator.ts";
import { rounding as scalarRounding, scalarTests } from "./scalars.ts";
import { floatTests, type Target, type WriteVector } from "./target.ts";
import { common, commonStores, operand, ramp, result, rounding, storeVector } from "./vectors.ts";

/** Holds what a comparison found, until the next instruction. */
const found = mask(1);

const intTest =
  (name: "vpcmpd" | "vpcmpud", how: number): WriteVector =>
  (g, e, into) => {
    const a = g.vec(e.args[0]!);
    const b = operand(g, e.args[1]!);
    g.code.emit(name, found, a, b.value, how);
    g.vector.give(a);
    b.give();
    const to = into ?? g.vector.take();
    g.code.emit("vpmovm2d", to, found);
    return to;
  };

/** a where the mask is set, else b: in the register of the mask. */
const select: WriteVector = (g, e, into) => {
  const [a, b, m] = [g.vec(e.args[0]!), g.vec(e.args[1]!), g.vec(e.args[2]!)];
  const to = g.vector.owns(m) ? m : into !== undefined && into !== a && into !== b ? into : g.vector.take();
  if (to !== m) g.code.emit("vmovaps", to, m);
  g.code.emit("vpternlogd", to, a, b, 0xca);
  g.vector.giveBut(to, a, b, m);
  return to;
};

/** Sets the mask to the first n lanes: those whose numbers are below n. */
function maskOf(g: Generator, n: Expr): void {
  const [count, all] = [g.int(n), g.vector.take()];
  g.code.emit("vpbroadcastd", all, count.low);
  g.code.emit("vpcmpd", found, all, ramp(g), 6);
  g.general.give(count);
  g.vector.give(all);
}

export const avx512: Target = {
  name: "AVX-512",
  bits: 512,
  lanes: 16,
  registers: 32,
  needs: ["avx512f", "avx512dq", "avx512bw", "avx512vl", "bmi2", "fma"],
  values: {
    ...common,
    "lanes.not": (g, e, into) => {
      const x = g.vec(e.args[0]!);
      const to = result(g, into, x);
      g.code.emit("vpternlogd", to, x, x, 0x55);
      g.vector.giveBut(to, x);
      return to;
    },
    "partial.load": (g, e, into) => {
      const to = into ?? g.vector.take();
      const { memory, held } = g.addressed(e);
      maskOf(g, e.args[1]!);
      g.code.emit("vmovups", to, memory, zeroing(found));
      g.general.give(held);
      return to;
    },
    "lanes.rotate": (g, e, into) => {
      const x = g.vec(e.args[0]!);
      const to = result(g, into, x);
      g.code.emit("valignd", to, x, x, e.imm & 15);
      g.vector.giveBut(to, x);
      return to;
    },
    "lanes.bitselect": select,
    "lanes.blend": select,
    "ints.splat": (g, e, into) => {
      const n = g.int(e.args[0]!);
      const to = into ?? g.vector.take();
      g.code.emit("vpbroadcastd", to, n.low);
      g.general.give(n);
      return to;
    },
    "ints.eq": intTest("vpcmpd", 0),
    "ints.ne": intTest("vpcmpd", 4),
    "ints.ltS": intTest("vpcmpd", 1),
    "ints.ltU": intTest("vpcmpud", 1),
    "ints.gtS": intTest("vpcmpd", 6),
    "ints.gtU": intTest("vpcmpud", 6),
    "ints.leS": intTest("vpcmpd", 2),
    "ints.leU": intTest("vpcmpud", 2),
    "ints.geS": intTest("vpcmpd", 5),
    "ints.geU": intTest("vpcmpud", 5),
    ...rounding("vrndscaleps"),
    ...scalarRounding("vrndscale"),
  },
  stores: {
    ...commonStores,
    "partial.store": (g, e) => {
      const x = g.vec(e.args[1]!);
      const { memory, held } = g.addressed(e);
      maskOf(g, e.args[2]!);
      g.code.emit("vmovups", memory, x, merging(found));
      g.general.give(held);
      g.vector.give(x);
    },
    "lanes.store16": storeVector((g, to, x) => g.code.emit("vpmovdw", to, x)),
    "lanes.store8": storeVector((g, to, x) => g.code.emit("vpmovdb", to, x)),
  },
  tests: {
    ...scalarTests,
    "lanes.any": (g, e) => {
      const x = g.vec(e.args[0]!);
      g.code.emit("vptestmd", found, x, x);
      g.code.emit("kortestw", found, found);
      g.vector.give(x);
      return "ne";
    },
  },
  constant: (g, n, float) => (float ? g.code.f32(n) : g.code.i32(n)).broadcast(),
  compare(g: Generator, to: Vector, a: Vector, b: Vector, how) {
    g.code.emit("vcmpps", found, a, b, floatTests[how]);
    g.code.emit("vpmovm2d", to, found);
  },
};
