// WebAssembly as a machine: vectors of 128 bits. A block of a product of more rows spills: V8 keeps 15 vectors in registers.
import {
  I32,
  VECTOR,
  floats,
  i32,
  lanes,
  type Expr,
  type Func,
  type Local,
  type Machine,
  type VOID,
} from "@weft/kernel/machine";
import { four } from "./opcodes.ts";

type Vector = Expr<typeof VECTOR>;
type Int = Local<typeof I32>;

/** Four, two, one at a time, as the bits of the width say: it is below eight. */
function inParts(
  f: Func<typeof VOID>,
  from: Int,
  to: Int,
  width: Int,
  join: (x: Local<typeof VECTOR>, there: Vector) => void,
): void {
  const [p, q, x] = [f.let(I32, from), f.let(I32, to), f.local(VECTOR)];
  const part = (bit: number, load: typeof lanes.load, store: (x: Vector) => void): void =>
    f.if(i32.and(width, bit), () => {
      f.set(x, load(p));
      join(x, load(q));
      store(x);
      f.advance(p, 4 * bit);
      f.advance(q, 4 * bit);
    });
  part(4, lanes.load, (x) => f.do(lanes.store(q, x)));
  part(2, four.load64, (x) => f.do(four.store64(q, x, 0)));
  part(1, lanes.loadFirst, (x) => f.do(lanes.storeFirst(q, x)));
}
/** Copies `width` numbers, below eight. */
export const copyFew = (f: Func<typeof VOID>, from: Int, to: Int, width: Int): void =>
  inParts(f, from, to, width, () => {});
const copyNarrow: Machine["copyNarrow"] = (f, from, to, width, accumulate) =>
  inParts(f, from, to, width, (x, there) => f.if(accumulate, () => f.set(x, floats.add(x, there))));
const addNarrow: Machine["addNarrow"] = (f, from, to, width) =>
  inParts(f, from, to, width, (x, there) => f.set(x, floats.add(x, there)));

const machine = (name: string, fused: boolean, rows: number): Machine => ({
  name,
  lanes: 4,
  fused,
  partial: false,
  tile: { rows, vectors: 2 },
  blocks: { depth: 320, height: 240, width: 1024, near: 6144 },
  copyNarrow,
  addNarrow,
});

const plain = machine("wasm", false, 5);
const relaxed = machine("relaxed wasm", true, 6);

/** With fused multiply-adds (relaxed SIMD) or without. */
export const wasmMachine = (fused: boolean): Machine => (fused ? relaxed : plain);
