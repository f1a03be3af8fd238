// Which instructions of a kernel are needed, how often, and how far outside the loops each value can be computed.
import type { Kernel, Scalar } from "@weft/kernel";

/** Known at the start of the launch; the same in all lanes (of one round of the loops around them); of each element. */
export const level = { launch: 0, row: 1, element: 2 } as const;

export interface Levels {
  /** By instruction. */
  readonly of: readonly number[];
  /** By instruction: how many others use the value. */
  readonly uses: readonly number[];
  /** Instructions of each element: the length of the body. */
  readonly work: number;
}

export function levels(kernel: Kernel): Levels {
  const { code, operands } = kernel;
  const of: number[] = [];
  for (const c of code) {
    if (c.kind === "apply") of.push(c.args.reduce((l, a) => Math.max(l, of[a]!), level.launch));
    else if (c.kind === "load" || c.kind === "affine")
      of.push(operands[c.operand]!.step === "still" ? level.row : level.element);
    else of.push(level.launch);
  }
  const uses = code.map(() => 0);
  for (const { value } of kernel.stores) uses[value]!++;
  for (const { value } of kernel.reductions) uses[value]!++;
  let work = 0;
  for (let v = code.length - 1; v >= 0; v--) {
    const c = code[v]!;
    if (uses[v] === 0) continue;
    if (of[v] === level.element) work++;
    if (c.kind === "apply") for (const a of c.args) uses[a]!++;
  }
  return { of, uses, work };
}

/** Whether the kernel has 64-bit numbers: four of them do not fit into a register. */
export function isDouble({ code, operands, numbers }: Kernel): boolean {
  const f64 = (s: Scalar): boolean => s === "f64";
  return operands.some((o) => o.dtype === "f64") || numbers.some(f64) || code.some((c) => f64(c.type));
}
