// What is wrong with a formula or a row kernel, found before it runs: it is evaluated with the types of its values
// instead of the values. The fallback and the kernels of all backends are made of it after this check, so they refuse
// the same.
import { axisOf } from "./axes.ts";
import { dtypeInfo, type DType } from "./dtype.ts";
import { ArgumentError, describe, DTypeError, WeftError } from "./errors.ts";
import type { Arithmetic, Expression } from "./expression.ts";
import type { FusedOp } from "./fused.ts";
import type { Value } from "./interpreter.ts";
import type { Shape } from "./ops.ts";
import { anyNumber, int32, readValue } from "./options.ts";
import type { RowArithmetic, RowKernel, RowKind } from "./row-kernel.ts";
import { elementwiseDTypes } from "./rules/elementwise.ts";
import { dtypeAmong } from "./rules/table.ts";

interface Typed {
  readonly dtype: DType;
  /** Whether it may differ within a row. */
  readonly differs: boolean;
  /** What the operand holds per row, if it is one. */
  readonly operand?: RowKind;
}

const uniform = (dtype: DType): Typed => ({ dtype, differs: false });

/** Refuses what is no value of the kernel, such as a plain number. */
function typed(name: string, x: Typed | undefined): Typed {
  if (typeof x === "object") return x;
  throw new ArgumentError(
    `${name}: wanted a value of the kernel, got ${describe(x)}; constant() makes one of a number`,
  );
}

const { cast: _, ...rules } = elementwiseDTypes;

function arithmetic(name: string, dtype: DType): Arithmetic<Typed> {
  const functions = Object.entries(rules).map(([op, rule]) => [
    op,
    (...xs: Typed[]): Typed => {
      for (const x of xs) typed(`${name}: ${op}`, x);
      // The rules look at dtypes only.
      return { dtype: rule(xs as unknown as Value[], undefined, `${name}: ${op}`), differs: xs.some((x) => x.differs) };
    },
  ]);
  const { compute } = dtypeInfo[dtype];
  const constant = (x: number): Typed => (readValue(name, "a constant", x, anyNumber), uniform(compute));
  return { ...Object.fromEntries(functions), dtype: compute, constant };
}

/** Runs the user's function; errors name the operation. */
function inside<T>(name: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    if (error instanceof WeftError) throw error;
    throw new ArgumentError(`${name}: ${error instanceof Error ? error.message : describe(error)}`, { cause: error });
  }
}

function checkResult(name: string, what: string, y: Typed | undefined, wanted: DType): Typed {
  const t = typed(`${name}: ${what}`, y);
  if (t.dtype !== wanted) throw new DTypeError(`${name}: ${what} is ${t.dtype}, wanted ${wanted}`);
  return t;
}

/** Checks a formula for so many operands of a dtype. */
export function checkExpression(name: string, expression: Expression, dtype: DType, operands: number): void {
  const xs = Array.from({ length: operands }, () => uniform(dtype));
  checkResult(name, "the result", inside(name, () => expression(arithmetic(name, dtype), ...xs)), dtype); // prettier-ignore
}

/** The dtypes of operands and results. */
export interface RowDTypes {
  readonly operand: readonly DType[];
  readonly result: readonly DType[];
}

/** The axis of x along which the rows of a kernel lie. */
export const rowAxis = <A>(name: string, kernel: RowKernel<A>, attrs: A, x: Shape): number =>
  kernel.axis === undefined ? x.length - 1 : axisOf(name, kernel.axis(attrs), x);

/** Checks the row kernel of an operation for these attributes and dtypes. */
export function checkRows<A>(
  { name, indices }: Pick<FusedOp, "name" | "indices">,
  kernel: RowKernel<A>,
  attrs: A,
  dtypes: RowDTypes,
): void {
  const { operands, results = ["row"] } = kernel;
  const xs = operands.map((operand, i): Typed => ({
    dtype: dtypeInfo[dtypes.operand[i]!].compute,
    differs: operand !== "scalar",
    operand,
  }));
  const { dtype } = xs[0]!;
  const fold = (op: string, x: Typed): Typed => uniform(dtypeInfo[typed(`${name}: ${op}`, x).dtype].accumulate);
  const ofRow = (op: string, what: string, x: Typed): Typed => {
    if (typed(`${name}: ${op}`, x).differs)
      throw new ArgumentError(`${name}: ${op}: the ${what} must be the same for the whole row`);
    return x;
  };
  const k: RowArithmetic<Typed> = {
    ...arithmetic(name, dtype),
    sum: (x) => fold("sum", x),
    max: (x) => fold("max", x),
    mean: (x) => (typed(`${name}: mean`, x), uniform(dtype)),
    length: uniform("i32"),
    place: { dtype: "i32", differs: true },
    float: (x) => ({ dtype, differs: typed(`${name}: float`, x).differs }),
    at: (x, place) => {
      if (typed(`${name}: at`, x).operand === undefined || x.operand === "scalar")
        throw new ArgumentError(`${name}: at: wanted a "row" or "column" operand, got another value`);
      dtypeAmong(`${name}: at`, ofRow("at", "position", place).dtype, ["i32"]);
      return uniform(x.dtype);
    },
    number: (x) => (readValue(name, "a number", x, anyNumber), uniform(dtype)),
    integer: (x) => (readValue(name, "an integer", x, int32), uniform("i32")),
    outOfRange: (wrong) => {
      if (indices === undefined)
        throw new ArgumentError(`${name}: outOfRange: the operation must declare its indices (which operand they are)`);
      dtypeAmong(`${name}: outOfRange`, ofRow("outOfRange", "condition", wrong).dtype, ["bool"]);
    },
  };
  const ys = inside(name, () => kernel.write(k, attrs, ...xs));
  if (ys.length !== results.length)
    throw new ArgumentError(`${name}: the kernel declares ${results.length} results and writes ${ys.length}`);
  ys.forEach((y, i) => {
    const { differs } = checkResult(name, `result ${i}`, y, dtypes.result[i]!);
    if (differs && results[i] === "scalar")
      throw new ArgumentError(`${name}: result ${i} is declared "scalar", but differs within the row`);
  });
}
