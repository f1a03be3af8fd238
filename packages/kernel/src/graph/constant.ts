// Arithmetic of constants: what is computed of values that are one number everywhere is such a value again. The gradient of a
// mean begins so, and would cost a launch.
import type { Node } from "./node.ts";

/** Rounded as f32, these are what a device computes, or better. */
const arithmetic: { readonly [op: string]: ((a: number, b: number) => number) | undefined } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  neg: (a) => -a,
};

const round = Math.fround;

/** The number of a pending constant, at most behind broadcasts. */
function numberOf(x: Node | number): number | undefined {
  let node = x;
  while (typeof node !== "number" && node.op === "broadcastTo" && node.storage === undefined) node = node.inputs[0]!;
  if (typeof node === "number") return round(node);
  return node.op === "full" && node.storage === undefined && node.dtype === "f32"
    ? round(node.inputs[0] as number)
    : undefined;
}

/** The f32 that an operation has everywhere, if that is known. */
export function folded(op: string, inputs: readonly (Node | number)[]): number | undefined {
  const f = arithmetic[op];
  if (f === undefined) return undefined;
  const a = numberOf(inputs[0]!);
  if (a === undefined) return undefined;
  const b = inputs.length < 2 ? 0 : numberOf(inputs[1]!);
  return b === undefined ? undefined : round(f(a, b));
}
