// The elementwise work that the planner hands over with a call or a reduction: it is done on each element of the result while
// that is in a register, in the dispatch that computes it.
import type { DType } from "@weft/tensor";
import { layout, type KernelLaunch } from "@weft/kernel";
import type { BodyOperand, Surroundings } from "../translate/program.ts";
import { elementOf } from "../translate/kernel.ts";
import { wgslType } from "../translate/scalar.ts";

export interface Epilogue {
  /** Equal keys, equal texts. */
  readonly key: string;
  /** Its operands with memory, behind those of the call. */
  readonly operands: readonly BodyOperand[];
  /** Its arguments, behind those of the call. */
  readonly words: readonly number[];
  readonly launch: KernelLaunch;
  /**
   * WGSL functions, among them `NAME_after(place, value)`, which takes element `place` of the result. The arguments begin at
   * word `first`, its operands follow the first `operands` of the body; the result is operand `result`, whose address is
   * in word `word`.
   */
  readonly functions: (at: Surroundings, first: number, operands: number, result: number, word: number) => string;
}

/** Where a result goes. */
interface Result {
  readonly slot: number;
  readonly bytes: number;
  readonly dtype: DType;
}

/** The epilogue of what has this result, f32 or i32. */
export function epilogueOf(launch: KernelLaunch | undefined, out: Result): Epilogue | undefined {
  if (launch === undefined) return undefined;
  const { kernel, places, words } = launch;
  const memory = kernel.operands.filter((o) => o.use !== "index");
  const isResult = (write: boolean): number =>
    places.findIndex((p) => p.write === write && p.slot === out.slot && p.bytes === out.bytes);
  const read = isResult(false);
  const given = read < 0 ? -1 : (places[read]!.word - layout.operand(kernel, 0)) / (1 + kernel.rank);
  // Where the epilogue writes over the call's result, nobody else reads that.
  const keeps = isResult(true) < 0;
  return {
    key: `then ${kernel.key}#${given}${keeps ? "+" : ""}`,
    operands: memory.map((o) => ({ dtype: o.dtype, write: o.use === "write" })),
    words,
    launch,
    functions: (at, first, operands, result, word) => {
      const type = out.dtype === "i32" ? "i32" : "f32";
      const address = `(bitcast<u32>(${at.word(word)}) + (place << 2u))`;
      const shifted: Surroundings = {
        ...at,
        word: (w) => at.word(first + w),
        load: (k, as, a) => at.load(operands + k, as, a),
        store: (k, from, value, a) => at.store(operands + k, from, value, a),
      };
      return `fn ${at.name}_after(place: u32, value: ${wgslType[type]}) {
        ${keeps ? at.store(result, type, "value", address) : ""}
        ${elementOf(kernel, shifted, given)}
      }`;
    },
  };
}
