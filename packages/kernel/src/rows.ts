// Row kernels in the kernel language: code for one row, in passes over its elements. A pass computes sums and maxima
// that later passes need; an expensive value that a later pass needs again is stored.
import type { FusedOp, RowArithmetic, RowKernel, RowKind } from "@weft/tensor";
import { checkRows, dtypeInfo, type RowDTypes } from "@weft/tensor/internals";
import { arithmeticOf } from "./expressions/index.ts";
import { Builder, type Instruction, type Scalar, type V } from "./language.ts";

/** The sum or maximum of a value over a row. */
interface Fold {
  readonly kind: "fold";
  readonly fn: "sum" | "max";
  readonly value: V;
  /**
   * For a sum with one term, an element of an operand: which operand, and its place (the sum is 0 if there is no such
   * place).
   */
  readonly at: { readonly operand: number; readonly place: V } | undefined;
}

/** What a number slot of the code stands for: the length of the row, an argument, or the result of a fold. */
export type RowNumber =
  | { readonly kind: "length" }
  | { readonly kind: "given"; readonly value: number; readonly type: "f32" | "i32" }
  | Fold;

/** One pass over the elements of a row. */
export interface RowPass {
  /** Its folds, each with the instruction that stands for the result. */
  readonly folds: readonly (Fold & { readonly number: V })[];
  /** Values of elements that are stored for later passes. */
  readonly keeps: readonly V[];
  /** Which results of kind "row" it writes. */
  readonly stores: readonly number[];
}

export interface RowProgram {
  /** Equal keys mean equal code. */
  readonly key: string;
  /** A load refers to an operand, a number to a slot; `affine` is the place in the row. */
  readonly code: readonly Instruction[];
  readonly numbers: readonly RowNumber[];
  readonly operands: readonly RowKind[];
  readonly results: readonly { readonly kind: RowKind; readonly value: V }[];
  /** True for a row with an index out of range. */
  readonly outOfRange: V | undefined;
  readonly passes: readonly RowPass[];
}

/** Values that take more operations than this are stored rather than computed again. */
const COSTLY = 8;

/** What a row kernel must know of its operation. */
export type RowOperation = Pick<FusedOp, "name" | "indices">;

/** The row kernel of an operation for these attributes and dtypes, checked. */
export function rowProgram<A>(op: RowOperation, kernel: RowKernel<A>, attrs: A, dtypes: RowDTypes): RowProgram {
  checkRows(op, kernel, attrs, dtypes);
  const b = new Builder();
  const numbers: RowNumber[] = [];
  const known = new Map<string, V>();
  let outOfRange: V | undefined;
  const number = (key: string, type: Scalar, what: RowNumber): V => {
    let v = known.get(key);
    if (v === undefined) known.set(key, (v = b.number(numbers.push(what) - 1, type)));
    return v;
  };
  const given = (value: number, type: "f32" | "i32"): V =>
    number(`${Object.is(value, -0) ? "-0" : value} ${type}`, type, { kind: "given", value, type });
  const inType = (x: V, type: Scalar): V => (b.type(x) === type ? x : b.apply(type, [x], type));
  const fold = (fn: Fold["fn"], x: V, at?: Fold["at"]): V => {
    const type = dtypeInfo[b.type(x)].accumulate;
    const value = inType(x, type);
    return number(`${fn} ${value}`, type, { kind: "fold", fn, value, at });
  };

  const inputs = kernel.operands.map((_, i) => b.load(i, dtypeInfo[dtypes.operand[i]!].compute));
  const first = b.type(inputs[0]!);
  const k: RowArithmetic<V> = {
    ...arithmeticOf(b, inputs[0]!),
    sum: (x) => fold("sum", x),
    max: (x) => fold("max", x),
    mean: (x) => k.div(k.float(k.sum(x)), k.float(k.length)),
    at: (x, place) => {
      const c = b.code[x]!;
      const at = c.kind === "load" ? { operand: c.operand, place } : undefined; // checked: it is an operand
      return fold("sum", k.where(k.equal(k.place, place), x, b.const(0, b.type(x))), at);
    },
    length: number("", "i32", { kind: "length" }),
    place: b.affine(-1),
    float: (x) => inType(x, first),
    number: (x) => given(x, "f32"),
    integer: (x) => given(x, "i32"),
    outOfRange: (wrong) => void (outOfRange = outOfRange === undefined ? wrong : k.or(outOfRange, wrong)),
  };
  const { operands, results: kinds = ["row"] } = kernel;
  const results = kernel.write(k, attrs, ...inputs).map((value, i) => ({ kind: kinds[i]!, value }));
  const { code } = b;
  const key = [
    ...code.map((c) => `${Object.values(c).join()}${c.kind === "const" ? 1 / c.value : ""}`),
    ...numbers.map((n) => (n.kind === "given" ? "" : Object.values(n).join())),
    ...results.map(({ kind, value }) => kind + value),
    outOfRange,
    operands,
    dtypes.operand,
  ].join(";");
  const program = { key, code, numbers, operands, results, outOfRange };
  return { ...program, passes: passesOf(program) };
}

function passesOf({ code, numbers, operands, results }: Omit<RowProgram, "passes">): readonly RowPass[] {
  const argumentsOf = (c: Instruction): readonly V[] => {
    if (c.kind === "apply") return c.args;
    const number = c.kind === "number" ? numbers[c.slot]! : undefined;
    return number?.kind === "fold" ? [number.value] : [];
  };
  /**
   * By instruction: the pass in which it can be computed, and its operations per element (0: one value for the row).
   */
  const earliest: number[] = [];
  const work: number[] = [];
  const passes: { folds: RowPass["folds"][number][]; keeps: V[]; stores: number[] }[] = [];
  const passOf = (v: V) => (passes[earliest[v]!] ??= { folds: [], keeps: [], stores: [] });
  code.forEach((c, v) => {
    const args = argumentsOf(c);
    const number = c.kind === "number" ? numbers[c.slot]! : undefined;
    earliest[v] = Math.max(0, ...args.map((a) => earliest[a]!)) + (number?.kind === "fold" ? 1 : 0);
    const steps = args.reduce((n, a) => n + work[a]!, 0);
    const differs = c.kind === "affine" || (c.kind === "load" && operands[c.operand] !== "scalar");
    work[v] = c.kind === "apply" && steps > 0 ? steps + 1 : Number(differs);
    if (number?.kind === "fold") passOf(number.value).folds.push({ ...number, number: v });
  });
  results.forEach(({ kind, value }, r) => {
    if (kind === "row") passOf(value).stores.push(r);
  });

  /** By value, the first pass that computes it. */
  const first = new Map<V, (typeof passes)[number]>();
  for (const pass of passes) {
    const visit = (v: V): void => {
      const before = first.get(v);
      if (work[v] === 0 || before === pass) return;
      if (before === undefined) first.set(v, pass);
      else if (work[v]! > COSTLY) {
        if (!before.keeps.includes(v)) before.keeps.push(v);
        return;
      }
      argumentsOf(code[v]!).forEach(visit);
    };
    for (const { value } of pass.folds) visit(value);
    for (const r of pass.stores) visit(results[r]!.value);
  }
  return passes;
}
