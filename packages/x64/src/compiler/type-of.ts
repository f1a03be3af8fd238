// The type of an expression: the name of its operation says it.
import { F32, F64, I32, I64, VECTOR, VOID, rows, type Expr, type Local, type Type } from "@weft/kernel/machine";

const numbers: Readonly<Record<string, Type>> = { i32: I32, i64: I64, f32: F32, f64: F64 };
const floatTests: ReadonlySet<string> = new Set(rows.floatTests.split(" "));

export function typeOf({ op, args, imm }: Expr, locals: readonly Local[]): Type {
  if (op === "local" || op === "tee") return locals[imm]!.type;
  if (op === "select") return typeOf(args[0]!, locals);
  const [family, name] = op.split(".") as [string, string | undefined];
  if (family === "choose") return numbers[name!]!;
  if (name === undefined || name.startsWith("store")) return VOID;
  if (op === "lanes.any") return I32;
  if (op === "floats.first") return F32;
  const type = numbers[family] ?? VECTOR;
  return (type === F32 || type === F64) && floatTests.has(name) ? I32 : type;
}
