// Two operands as tensors of one dtype: functions of several steps combine them in ways that two numbers could not be.
import { read } from "../apply.ts";
import { dtypeInfo, promote } from "../dtype.ts";
import { ArgumentError } from "../errors.ts";
import { asTensor } from "../expression.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { inDType, withNumber } from "../operands.ts";
import { refuseMore } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** Both operands in the dtype that arithmetic on them has. A number has that of the other. */
export function pair(op: string, a: Operand, b: Operand): readonly [Tensor, Tensor] {
  const x = read(a, op, b);
  const y = read(b, op, x);
  if (typeof x === "object" && typeof y === "object") {
    const dtype = dtypeInfo[promote(x.dtype, y.dtype)].accumulate;
    return [inDType(x, dtype), inDType(y, dtype)];
  }
  if (typeof x === "object") {
    const t = inDType(x, withNumber(op, x.dtype, y as number));
    return [t, asTensor(y, t)];
  }
  if (typeof y === "number")
    throw new ArgumentError(`${op}: wanted at least one tensor among the operands, got numbers only`);
  const t = inDType(y, withNumber(op, y.dtype, x));
  return [asTensor(x, t), t];
}

/** The result of a function of two operands. `more` is what a user gave besides. */
export function ofPair(
  name: string,
  a: Operand,
  b: Operand,
  more: unknown,
  f: (x: Tensor, y: Tensor) => Tensor,
): Tensor {
  refuseMore(name, more);
  return composed(name, () => f(...pair(name, a, b)));
}
