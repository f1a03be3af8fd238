// The operands of a call, whose number depends on the operation.
import type { CallOperand } from "@weft/kernel";

type List<N extends number, T extends readonly CallOperand[] = readonly []> = T["length"] extends N
  ? T
  : List<N, readonly [...T, CallOperand]>;

/** The inputs of a call that has exactly `count`. */
export function inputsOf<N extends number>({ inputs }: { readonly inputs: readonly CallOperand[] }, count: N): List<N> {
  if (inputs.length !== count) throw new RangeError(`tensor-webgpu: wanted ${count} operands, got ${inputs.length}`);
  return inputs as List<N>;
}

/** Of a list over the axes of one or more matrices: the entries for rows and columns. */
export const lastTwo = (list: readonly number[]): [rows: number, columns: number] => [list.at(-2)!, list.at(-1)!];
