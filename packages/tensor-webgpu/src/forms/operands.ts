// The operands of a call by their number, which belongs to its operation.
import type { CallOperand } from "@weft/kernel";

type List<N extends number, T extends readonly CallOperand[] = readonly []> = T["length"] extends N
  ? T
  : List<N, readonly [...T, CallOperand]>;

/** The inputs of a call that has so many. */
export function inputsOf<N extends number>({ inputs }: { readonly inputs: readonly CallOperand[] }, count: N): List<N> {
  if (inputs.length !== count) throw new RangeError(`tensor-webgpu: wanted ${count} operands, got ${inputs.length}`);
  return inputs as List<N>;
}

/** Of a matrix, or of several behind one another: what stands for its rows and its columns. */
export const lastTwo = (list: readonly number[]): [rows: number, columns: number] => [list.at(-2)!, list.at(-1)!];
