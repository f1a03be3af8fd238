// Arithmetic of constants: what is computed of values that are one number everywhere is such a value again. The gradient of a
// mean begins so, and would cost a launch.
import type { OpName } from "@weft/tensor";
import type { Node } from "./node.ts";
import type { AnyOp } from "./operation.ts";

/** Rounded as f32, these are what a device computes, or better. */
const arithmetic: { readonly [K in OpName]?: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};

const round = Math.fround;

/** The number of a pending constant, at most behind broadcasts. What has run has no inputs. */
function constantOf(x: Node | number): number | undefined {
  if (typeof x === "number") return round(x);
  const { op, dtype, inputs } = x;
  if (dtype !== "f32" || inputs.length === 0) return undefined;
  return op === "full" || op === "broadcastTo" ? constantOf(inputs[0]!) : undefined;
}

/** The f32 that an operation has everywhere, if that is known. Asked of every operation: mostly its first operand says no. */
export function folded(op: AnyOp, inputs: readonly (Node | number)[]): number | undefined {
  if (inputs.length !== 2 || typeof op === "object") return undefined;
  const a = constantOf(inputs[0]!);
  if (a === undefined) return undefined;
  const b = constantOf(inputs[1]!);
  return b === undefined ? undefined : arithmetic[op] && round(arithmetic[op](a, b));
}
