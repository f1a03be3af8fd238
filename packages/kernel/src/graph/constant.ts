// Constant folding: an operation on values that are one number everywhere gives such a value. The gradient of a mean
// starts with one, which would cost a launch.
import type { OpName } from "@weft/tensor";
import type { Node } from "./node.ts";
import type { AnyOp } from "./operation.ts";

/** Computed in f64 and rounded to f32: as exact as a device, or better. */
const arithmetic: { readonly [K in OpName]?: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};

const round = Math.fround;

/** The number of a pending constant, also through broadcasts. Nodes that have run have no inputs. */
function constantOf(x: Node | number): number | undefined {
  if (typeof x === "number") return round(x);
  const { op, dtype, inputs } = x;
  if (dtype !== "f32" || inputs.length === 0) return undefined;
  return op === "full" || op === "broadcastTo" ? constantOf(inputs[0]!) : undefined;
}

/** The f32 that a result has everywhere, if known. Called for every operation: usually the first operand decides. */
export function folded(op: AnyOp, inputs: readonly (Node | number)[]): number | undefined {
  if (inputs.length !== 2 || typeof op === "object") return undefined;
  const a = constantOf(inputs[0]!);
  if (a === undefined) return undefined;
  const b = constantOf(inputs[1]!);
  return b === undefined ? undefined : arithmetic[op] && round(arithmetic[op](a, b));
}
