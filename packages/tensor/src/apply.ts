// The only place where an operation is dispatched: the operands are read, the highest interpreter among them is found,
// the shape rule runs, then the interpreter.
import { shapeOf } from "./axes.ts";
import { inNameOf } from "./context.ts";
import { ArgumentError, BackendMismatchError, describe, ReleasedTensorError, VersionError } from "./errors.ts";
import type { FusedOp } from "./fused.ts";
import {
  BRAND,
  CONTRACT,
  VERSION,
  type Backend,
  type Box,
  type Interpreter,
  type Operand,
  type Value,
} from "./interpreter.ts";
import type { Attrs, OpName, Shape } from "./ops.ts";
import { dtypes, shapes } from "./rules.ts";
import { attributesOf, copyOf } from "./rules/attributes.ts";
import { brief } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Reads a box, steps through closed tapes and refuses what is no living tensor of this contract. A box without a value takes its
 * first one where another operand, `beside` it, lives.
 */
export function read(x: Operand, op: string, beside?: Operand): Value {
  if (typeof x === "number") return x;
  const brand = (x as Tensor | undefined)?.[BRAND];
  if (brand !== CONTRACT) refuse(x, brand, op);
  let t = isBox(x) ? x.read(x.backend ?? backendOf(beside)) : x;
  while (t.interpreter.closed === true) t = t.interpreter.lower!(t);
  if (t.ended !== undefined) released(t, op);
  return t;
}

/**
 * Like `read`, for operands that must be tensors.
 *
 * @example
 * const doubled = (x) => {
 *   const t = readTensor(x, "doubled");
 *   return add(t, t);
 * };
 * doubled(tensor([1])); // [2]
 */
export function readTensor(x: Operand, op: string, beside?: Operand): Tensor {
  const t = read(x, op, beside);
  if (typeof t === "number") throw new ArgumentError(`${op}: wanted a tensor, got the number ${t}`);
  return t;
}

/**
 * Like `readTensor`, for all operands of a function: one that has a value says where the others take theirs.
 *
 * @example
 * const linear = (x, weight) => {
 *   const [rows, w] = readTensors("linear", [x, weight]);
 *   return matmul(rows, transpose(w));
 * };
 * linear(tensor([[1, 2]]), tensor([[3, 4]])); // [[11]]
 */
export function readTensors<const Xs extends readonly Operand[]>(op: string, xs: Xs): { [K in keyof Xs]: Tensor } {
  const there = placed(xs);
  return xs.map((x) => readTensor(x, op, there)) as { [K in keyof Xs]: Tensor };
}

/** The first operand that lives somewhere. */
export const placed = (xs: readonly (Operand | null | undefined)[]): Operand | undefined =>
  xs.find((x) => backendOf(x) !== undefined) ?? undefined;

/** Where an operand lives; undefined for numbers, and for boxes without a value. */
const backendOf = (x: Operand | null | undefined): Backend | undefined =>
  typeof x !== "object" || x === null ? undefined : isBox(x) ? x.backend : x.interpreter.backend;

const isBox = (x: Tensor | Box): x is Box => (x as Tensor).interpreter === undefined;

/**
 * Whether a value is a tensor, of this copy of the package or of another; boxes are none.
 *
 * @example
 * isTensor(tensor([1])); // true
 */
export const isTensor = (x: unknown): x is Tensor =>
  typeof x === "object" && x !== null && BRAND in x && "interpreter" in x;

/** The plain tensor below every tape: the value as a constant. Only for what the result's derivative does not depend on. */
export function untaped(x: Tensor): Tensor {
  let t = x;
  while (t.interpreter.lower !== undefined) t = t.interpreter.lower(t);
  return t;
}

function refuse(x: unknown, brand: number | undefined, op: string): never {
  if (brand === undefined) {
    const data = typeof x === "object" && x !== null && "data" in x && "dtype" in x;
    const how = data
      ? "; a minibatch gives tensors if it has a backend, as in minibatch(data, 100, { backend })"
      : Array.isArray(x) || ArrayBuffer.isView(x)
        ? "; tensor(…) makes a tensor of it"
        : "";
    throw new ArgumentError(`${op}: wanted a tensor, a parameter or a number, got ${describe(x)}${how}`);
  }
  const other = (x as Tensor).interpreter;
  const who = other === undefined ? "the box" : `${other.name} ${other.version}`;
  throw new VersionError(
    `${op}: @weft/tensor ${VERSION} speaks contract ${CONTRACT}, ${who} made this tensor under contract ${brand}. Install versions of both that share one contract.`,
  );
}

/** The first line of a stack outside of the methods of tensors and tapes. */
export function caller(stack = ""): string {
  const lines = stack.split("\n").slice(1);
  return (lines.find((line) => !/\b(Tensor|Tape)\./.test(line)) ?? "an unknown place").replace(/^\s*at /, "");
}

function released(t: Tensor, op: string): never {
  const where = typeof t.ended === "string" ? `when ${brief(t.ended)}` : `at ${caller(t.ended!.stack)}`;
  throw new ReleasedTensorError(
    `${op}: this ${t.dtype}[${t.shape}] tensor was released ${where}. Return it from the scope, or keep() it, to use it longer.`,
  );
}

/** Reads operands in place. */
function readAll(op: string, inputs: Operand[]): Value[] {
  for (let i = 0; i < inputs.length; i++) {
    const x = inputs[i] as Tensor | Box | number | undefined;
    const there = typeof x === "object" && isBox(x) ? placed(inputs) : undefined;
    inputs[i] = read(x as Operand, op, there);
  }
  return inputs as Value[];
}

/** The interpreter that runs an operation on these operands. */
function highest(op: string, values: readonly Value[]): Interpreter {
  let top: Interpreter | undefined;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    if (typeof x === "number") continue;
    const it = x.interpreter;
    if (top === undefined) top = it;
    else if (it !== top) {
      if (it.backend !== top.backend || it.level === top.level) mismatch(op, top, it);
      if (it.level > top.level) top = it;
    }
  }
  if (top === undefined)
    throw new ArgumentError(
      `${op}: wanted at least one tensor among the operands, got ${values.length === 0 ? "none" : "numbers only"}`,
    );
  return top;
}

function mismatch(op: string, a: Interpreter, b: Interpreter): never {
  if (a.contract !== b.contract)
    throw new VersionError(
      `${op}: ${a.name} ${a.version} speaks contract ${a.contract}, ${b.name} ${b.version} contract ${b.contract}`,
    );
  const [x, y] = [a.backend, b.backend];
  if (x === y) throw new BackendMismatchError(`${op}: the operands belong to two tapes that are open side by side`);
  throw new BackendMismatchError(
    `${op}: one operand lives on ${x.name}, another on ${y.name}${x.name === y.name ? " (two instances)" : ""}. Move one with place(), or make both on one backend.`,
  );
}

/** The shape of a result, frozen. Mostly it is that of an operand, which was checked and frozen when it was made. */
function frozen(op: string, inputs: readonly Value[], shape: Shape): Shape {
  for (let i = 1; i < inputs.length; i++) if ((inputs[i] as Tensor).shape === shape) return shape;
  return shapeOf(op, shape);
}

/**
 * * Runs a primitive. `inputs` is a fresh array that `apply` may write to and the interpreter may keep. Attributes are checked and
 * copied.
 *
 * @example
 * apply("neg", [tensor([1, -2])], undefined); // [-1, 2]
 */
export const apply = <K extends OpName>(op: K, inputs: Operand[], given: Attrs<K>): Tensor =>
  applyOwn(known(op, inputs), inputs, attributesOf(op, given));

/** The name of a primitive, from whoever writes plain JavaScript. */
function known<K extends OpName>(op: K, inputs: unknown): K {
  if (typeof op !== "string" || !Object.hasOwn(shapes, op))
    throw new ArgumentError(`apply: there is no operation ${describe(op)}`);
  if (!Array.isArray(inputs)) throw new ArgumentError(`apply: wanted a list of operands, got ${describe(inputs)}`);
  return op;
}

/** The same with attributes that were checked, and that nobody else can change. */
export const applyOwn = <K extends OpName>(op: K, inputs: Operand[], attrs: Attrs<K>): Tensor =>
  applyRead(op, readAll(op, inputs), attrs);

/** The same with operands that were read: the functions of this package look at them first. */
export function applyRead<K extends OpName>(op: K, values: Value[], attrs: Attrs<K>): Tensor {
  const top = highest(op, values);
  const inferred = shapes[op](values, attrs as never, op as never);
  const shape = (values[0] as Tensor).shape === inferred ? inferred : frozen(op, values, inferred);
  return top.run(op, values, attrs, shape, dtypes[op](values, attrs as never, op as never));
}

/**
 * Another handle on the value of x, and on a tape another step: what a function gives that has nothing to change. So whoever releases
 * an operand does not end a result, nor the other way round. A backend computes nothing for it.
 */
export const alias = (x: Tensor): Tensor => applyOwn("reshape", [x], { shape: x.shape });

type SourceName = "full" | "iota" | "randomBits" | "randomUniform";

/**
 * Runs a primitive that has no tensor operand (`full`, `iota`, random numbers) on a backend.
 *
 * @example
 * source(backend, "iota", [], { shape: [3], axis: 0, dtype: "i32" }); // [0, 1, 2]
 */
export const source = <K extends SourceName>(backend: Backend, op: K, inputs: number[], given: Attrs<K>): Tensor =>
  sourceOwn(backend, op, inputs, attributesOf(op, given));

/** The same with attributes as `applyOwn` takes them. */
export function sourceOwn<K extends SourceName>(backend: Backend, op: K, inputs: number[], attrs: Attrs<K>): Tensor {
  const shape = shapeOf(op, shapes[op](inputs, attrs as never, op as never));
  return backend.run(op, inputs, attrs, shape, dtypes[op](inputs, attrs as never, op as never));
}

/**
 * Runs a fused operation as one where the interpreter can, else its fallback.
 *
 * @example
 * const twiceOp = { name: "twice", infer: ([x]) => [x], fallback: ([x]) => [add(x, x)] };
 * applyFused(twiceOp, [tensor([1, 2])], {})[0]; // [2, 4]
 */
export function applyFused<A>(fused: FusedOp<A>, inputs: Operand[], given: A): readonly Tensor[] {
  const values = readAll(fused.name, inputs);
  const top = highest(fused.name, values);
  const attrs = copyOf(given);
  const { name, indices } = fused;
  return top.runFused(fused, values, attrs) ?? inNameOf(name, () => fused.fallback(values, attrs), indices?.labels);
}
