// What kernels must know of each target: the sizes of a product's block, and how the rest of a row is copied.
import { floats, I32, i32, partial, VECTOR, type Machine } from "@weft/kernel/machine";
import type { Target } from "./compiler/target.ts";
import { avx2 } from "./compiler/avx2.ts";
import { avx512 } from "./compiler/avx512.ts";

/** Copies vector by vector, the last one in part. */
const copyNarrow =
  (lanes: number, vectors: number): Machine["copyNarrow"] =>
  (f, from, to, width, accumulate) => {
    const [x, left] = [f.local(VECTOR), f.let(I32, width)];
    for (let at = 0; at < vectors * 4 * lanes; at += 4 * lanes)
      f.if(i32.gtS(left, 0), () => {
        f.set(x, partial.load(from, left, at));
        f.if(accumulate, () => f.set(x, floats.add(x, partial.load(to, left, at))));
        f.do(partial.store(to, x, left, at));
        f.advance(left, -lanes);
      });
  };

const addNarrow: Machine["addNarrow"] = (f, from, to, width) =>
  f.do(partial.store(to, floats.add(partial.load(to, width), partial.load(from, width)), width));

const machine = ({ name, lanes }: Target, rows: number, vectors: number): Machine => ({
  name: `x86-64 ${name}`,
  lanes,
  fused: true,
  partial: true,
  tile: { rows, vectors },
  blocks: { depth: 320, height: 240, width: 1024, near: 6144 },
  copyNarrow: copyNarrow(lanes, vectors),
  addNarrow,
});

/**
 * By name, the widest first. A block, the row of the second matrix and a number of the first fill the registers that the
 * compiler has for locals: three fewer than there are. With one more, sums move to the stack in every step of a product.
 */
export const machines = {
  avx512: { target: avx512, machine: machine(avx512, 8, 3) },
  avx2: { target: avx2, machine: machine(avx2, 5, 2) },
} as const satisfies Record<string, { readonly target: Target; readonly machine: Machine }>;
