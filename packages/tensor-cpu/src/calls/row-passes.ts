// The passes of a row kernel as kernels of the language, which loop over rows and their elements. What one passes to
// the next (a sum per row, a value per element) is in scratch memory.
import type { DType, RowKind } from "@weft/tensor";
import type { Instruction, Kernel, KernelOperand, RowNumber, RowPass, RowProgram, Scalar, V } from "@weft/kernel";

/** The place of an operand: an operand or result of the call, or in scratch memory (the value of an instruction). */
export interface Area {
  readonly of: "operand" | "result" | "scratch" | "place";
  readonly index: number;
  readonly kind: RowKind;
}

/** Over the rows, and over the places in a row. */
export type Loop = "rows" | "place";

export interface PassKernel {
  readonly kernel: Kernel;
  readonly loops: readonly Loop[];
  /** By operand, and by number slot. */
  readonly areas: readonly Area[];
  readonly numbers: readonly RowNumber[];
}

/** Of operands and results of the call. */
type DTypes = Readonly<Record<"operand" | "result", readonly DType[]>>;

type Work = Pick<RowPass, "keeps" | "stores"> & {
  readonly folds: readonly Pick<RowPass["folds"][number], "fn" | "value" | "number">[];
};

/**
 * One kernel per pass, and one over the rows alone for results with one number per row and for indices out of range.
 * Interleaved rows are done `across`: four rows at a time, not four elements of one.
 */
export function passKernels(program: RowProgram, dtypes: DTypes, across: boolean): readonly PassKernel[] {
  const { passes, results, outOfRange } = program;
  const kept = new Set<V>();
  const kernels = passes.map((pass, p) => {
    const loops = across && pass.folds.length === 0 ? (["place", "rows"] as const) : (["rows", "place"] as const);
    const kernel = passKernel(program, dtypes, pass, kept, `${p}`, loops, across);
    for (const v of pass.keeps) kept.add(v);
    return kernel;
  });
  const stores = results.flatMap(({ kind }, r) => (kind === "scalar" ? [r] : []));
  const folds = outOfRange === undefined ? [] : [{ fn: "max", value: outOfRange, number: outOfRange } as const];
  if (stores.length + folds.length > 0)
    kernels.push(passKernel(program, dtypes, { folds, keeps: [], stores }, kept, "rows", ["rows"], true));
  return kernels;
}

/** The kernel of a pass, with these loops. */
function passKernel(
  program: RowProgram,
  dtypes: DTypes,
  { folds, keeps, stores }: Work,
  kept: ReadonlySet<V>,
  name: string,
  loops: readonly Loop[],
  across: boolean,
): PassKernel {
  const rank = loops.length;
  /** What does not move along the lanes. */
  const still: RowKind = across ? "column" : "scalar";
  const operands: KernelOperand[] = [];
  const areas: Area[] = [];
  const types: Scalar[] = [];
  const numbers: RowNumber[] = [];
  const code: Instruction[] = [];
  /** Where an instruction of the program is in `code`. */
  const copies = new Map<V, V>();

  const operand = (use: KernelOperand["use"], dtype: DType, of: Area["of"], index: number, kind: RowKind): number => {
    const known = areas.findIndex((area) => area.of === of && area.index === index);
    if (known >= 0) return known;
    operands.push({ use, dtype, step: kind === still ? "still" : "unit" });
    return areas.push({ of, index, kind }) - 1;
  };
  const copied = (v: V): Instruction => {
    const c = program.code[v]!;
    const { type } = c;
    if (kept.has(v)) return { kind: "load", operand: operand("read", type, "scratch", v, "row"), type };
    if (c.kind === "apply") return { ...c, args: c.args.map(copy) };
    if (c.kind === "load")
      return {
        ...c,
        operand: operand("read", dtypes.operand[c.operand]!, "operand", c.operand, program.operands[c.operand]!),
      };
    if (c.kind === "affine") return { ...c, operand: operand("index", "i32", "place", 0, "column") };
    if (c.kind === "const") return c;
    const number = program.numbers[c.slot]!;
    if (number.kind === "fold") return { kind: "load", operand: operand("read", type, "scratch", v, "scalar"), type };
    types.push(type);
    return { ...c, slot: numbers.push(number) - 1 };
  };
  const copy = (v: V): V => {
    let at = copies.get(v);
    if (at === undefined) {
      const c = copied(v);
      copies.set(v, (at = code.push(c) - 1));
    }
    return at;
  };
  const write = (v: V, kind: RowKind): number => operand("write", program.code[v]!.type, "scratch", v, kind);

  const reductions = folds.map(({ fn, value, number }) => ({
    fn,
    value: copy(value),
    operand: write(number, "scalar"),
  }));
  const all = keeps.map((v) => ({ value: copy(v), operand: write(v, "row") }));
  for (const r of stores) {
    const { kind, value } = program.results[r]!;
    all.push({ value: copy(value), operand: operand("write", dtypes.result[r]!, "result", r, kind) });
  }
  const key = `${program.key}/${name}${across ? " across" : ""} ${dtypes.result}`;
  const shape = { rank, reduced: Math.min(folds.length, 1), lanes: across ? loops.indexOf("rows") : rank - 1 };
  return { kernel: { key, ...shape, operands, numbers: types, code, stores: all, reductions }, loops, areas, numbers };
}
