// The only place where an operation is dispatched. It reads the operands, finds the highest interpreter among them,
// runs the shape rule, and then the interpreter.
import { sameShape, shapeOf } from "./axes.ts";
import { context, inNameOf } from "./context.ts";
import { ArgumentError, BackendMismatchError, describe, ReleasedTensorError, VersionError } from "./errors.ts";
import { isFloat, promote } from "./dtype.ts";
import type { FusedAttrs, FusedOp } from "./fused.ts";
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
import { attributesOf, fusedAttributes } from "./rules/attributes.ts";
import { dtypeAmong } from "./rules/table.ts";
import { brief, keep, own } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Reads a box, unwraps closed tapes, and refuses what is not a live tensor of this contract. A box without a value is
 * initialized on the backend of another operand, `beside`.
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
 * Like `readTensor`, for all operands of a function: boxes without a value are initialized on the backend of those that
 * have one.
 *
 * @example
 * const linear = (x, weight) => {
 *   const [rows, w] = readTensors("linear", [x, weight]);
 *   return matmul(rows, transpose(w));
 * };
 * linear(tensor([[1, 2]]), tensor([[3, 4]])); // [[11]]
 */
export function readTensors<const Xs extends readonly Operand[]>(op: string, xs: Xs): { [K in keyof Xs]: Tensor } {
  checkList(op, xs);
  const beside = placed(xs);
  return xs.map((x) => readTensor(x, op, beside)) as { [K in keyof Xs]: Tensor };
}

function checkList(op: string, xs: unknown): void {
  if (!Array.isArray(xs)) throw new ArgumentError(`${op}: wanted a list of operands, got ${describe(xs)}`);
}

/** The first operand that has a backend. */
export const placed = (xs: readonly (Operand | null | undefined)[]): Operand | undefined =>
  xs.find((x) => backendOf(x) !== undefined) ?? undefined;

/** The backend of an operand; undefined for numbers and for boxes without a value. */
const backendOf = (x: Operand | null | undefined): Backend | undefined =>
  typeof x !== "object" || x === null ? undefined : isBox(x) ? x.backend : x.interpreter.backend;

const isBox = (x: Tensor | Box): x is Box => (x as Tensor).interpreter === undefined;

/**
 * Whether a value is a tensor, of this copy of the package or another. Boxes are not tensors.
 *
 * @example
 * isTensor(tensor([1])); // true
 */
export const isTensor = (x: unknown): x is Tensor =>
  typeof x === "object" && x !== null && BRAND in x && "interpreter" in x;

/**
 * The plain tensor below all tapes: the value as a constant. Use it only where the derivative does not depend on it.
 */
export function untaped(x: Tensor): Tensor {
  let t = x;
  while (t.interpreter.lower !== undefined) t = t.interpreter.lower(t);
  return t;
}

function refuse(x: unknown, brand: number | undefined, op: string): never {
  if (brand === undefined) {
    const data = typeof x === "object" && x !== null && "data" in x && "dtype" in x;
    const hint = data
      ? "; a minibatch gives tensors if it has a backend, as in minibatch(data, 100, { backend })"
      : Array.isArray(x) || ArrayBuffer.isView(x)
        ? "; tensor(…) makes a tensor of it"
        : "";
    throw new ArgumentError(`${op}: wanted a tensor, a parameter or a number, got ${describe(x)}${hint}`);
  }
  const other = (x as Tensor).interpreter;
  const maker = other === undefined ? "the box" : `${other.name} ${other.version}`;
  throw new VersionError(
    `${op}: @weft/tensor ${VERSION} has contract ${CONTRACT}, ${maker} made this tensor under contract ${brand}. Install versions of both that share one contract.`,
  );
}

/** The first line of a stack trace that is not in a method of a tensor or a tape. */
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
    const beside = typeof x === "object" && isBox(x) ? placed(inputs) : undefined;
    inputs[i] = read(x as Operand, op, beside);
  }
  return inputs as Value[];
}

/** Casts floating-point operands in place to the dtype that they are promoted to. */
function promoteAll(op: string, values: Value[]): void {
  const found = values.flatMap((x) => (typeof x === "number" ? [] : [x.dtype]));
  for (const d of found) if (!isFloat(d)) dtypeAmong(op, d, ["f32", "f64"]);
  if (found.length === 0) return;
  const dtype = found.reduce(promote, found[0]!);
  values.forEach((x, i) => {
    if (typeof x === "object" && x.dtype !== dtype) values[i] = applyOwn("cast", [x], { dtype });
  });
}

/** The interpreter that runs an operation on these operands, of which a backend may adopt some in place. */
function highest(op: string, values: Value[]): Interpreter {
  let top: Interpreter | undefined;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    if (typeof x === "number") continue;
    const it = x.interpreter;
    if (top === undefined) top = it;
    else if (it !== top) {
      if (it.backend !== top.backend || it.level === top.level) return mismatch(op, values, top, it);
      if (it.level > top.level) top = it;
    }
  }
  if (top === undefined)
    throw new ArgumentError(
      `${op}: wanted at least one tensor among the operands, got ${values.length === 0 ? "none" : "numbers only"}`,
    );
  return top;
}

/** Has one of two backends adopt the operands of others, or throws. */
function mismatch(op: string, values: Value[], a: Interpreter, b: Interpreter): Interpreter {
  if (a.contract !== b.contract)
    throw new VersionError(
      `${op}: ${a.name} ${a.version} has contract ${a.contract}, ${b.name} ${b.version} contract ${b.contract}`,
    );
  const [x, y] = [a.backend, b.backend];
  if (x === y) throw new BackendMismatchError(`${op}: the operands belong to two tapes that are open side by side`);
  const host = x.adopt ? x : y;
  if (!host.adopt)
    throw new BackendMismatchError(
      `${op}: one operand lives on ${x.name}, another on ${y.name}${x.name === y.name ? " (two instances)" : ""}. Move one with place(), or make both on one backend.`,
    );
  host.adopt(values);
  return highest(op, values);
}

/**
 * The shape of a result, frozen. Usually it is that of an operand, which was checked and frozen when the operand was
 * made.
 */
function frozen(op: string, inputs: readonly Value[], shape: Shape): Shape {
  for (let i = 1; i < inputs.length; i++) if ((inputs[i] as Tensor).shape === shape) return shape;
  return shapeOf(op, shape);
}

/**
 * Runs a primitive. Operands and attributes are checked and copied.
 *
 * @example
 * apply("neg", [tensor([1, -2])], undefined); // [-1, 2]
 */
export const apply = <K extends OpName>(op: K, inputs: readonly Operand[], given: Attrs<K>): Tensor =>
  applyOwn(known(op, inputs), [...inputs], attributesOf(op, given));

/** Checks what the types do not in a call from plain JavaScript. */
function known<K extends OpName>(op: K, inputs: unknown): K {
  if (typeof op !== "string" || !Object.hasOwn(shapes, op))
    throw new ArgumentError(`apply: there is no operation ${describe(op)}`);
  if (!Array.isArray(inputs)) throw new ArgumentError(`apply: wanted a list of operands, got ${describe(inputs)}`);
  return op;
}

/**
 * Like `apply`, with attributes that are already checked and that nobody else can change. `inputs` is a fresh array,
 * which is written to and which the interpreter may keep.
 */
export const applyOwn = <K extends OpName>(op: K, inputs: Operand[], attrs: Attrs<K>): Tensor =>
  applyRead(op, readAll(op, inputs), attrs);

/** Like `applyOwn`, with operands that are already read: the functions of this package inspect them first. */
export function applyRead<K extends OpName>(op: K, values: Value[], attrs: Attrs<K>): Tensor {
  const top = highest(op, values);
  const inferred = shapes[op](values, attrs, op);
  const shape = (values[0] as Tensor).shape === inferred ? inferred : frozen(op, values, inferred);
  const tell = context.watch?.(op, values, attrs);
  const y = top.run(op, values, attrs, shape, dtypes[op](values, attrs, op));
  tell?.([y]);
  return y;
}

/**
 * Another handle on the value of x, and one more entry on a tape: the result of a function that has nothing to change.
 * So releasing an operand does not release a result, nor the reverse. A backend computes nothing for it.
 */
export const alias = (x: Tensor): Tensor => applyOwn("reshape", [x], { shape: x.shape });

/** Another handle on the value of x, which is on no tape and which no scope releases: for the name `op` in messages. */
export const handle = (op: string, x: Tensor): Tensor => keep(own(readTensor(x, op).interpreter.backend.retain(x)));

type SourceName = "full" | "iota" | "randomBits" | "randomUniform";

/**
 * Runs a primitive that has no tensor operand (`full`, `iota`, random numbers) on a backend.
 *
 * @example
 * source(backend, "iota", [], { shape: [3], axis: 0, dtype: "i32" }); // [0, 1, 2]
 */
export const source = <K extends SourceName>(
  backend: Backend,
  op: K,
  inputs: readonly number[],
  given: Attrs<K>,
): Tensor => sourceOwn(backend, op, [...inputs], attributesOf(op, given));

/** Like `source`, with attributes as `applyOwn` takes them. */
export function sourceOwn<K extends SourceName>(backend: Backend, op: K, inputs: number[], attrs: Attrs<K>): Tensor {
  const shape = shapeOf(op, shapes[op](inputs, attrs, op));
  return backend.run(op, inputs, attrs, shape, dtypes[op](inputs, attrs, op));
}

/**
 * Runs a fused operation as one where the interpreter can, otherwise its fallback. Operands and attributes are copied:
 * an attribute that is no number, boolean, string or list of these is an ArgumentError.
 *
 * @example
 * const twiceOp = { name: "twice", infer: ([x]) => [x], fallback: ([x]) => [add(x, x)] };
 * applyFused(twiceOp, [tensor([1, 2])], {})[0]; // [2, 4]
 */
export const applyFused = <A extends FusedAttrs<A>>(
  fused: FusedOp<A>,
  inputs: readonly Operand[],
  given: A,
): readonly Tensor[] => {
  checkList("applyFused", inputs);
  if (typeof fused?.infer !== "function" || typeof fused.fallback !== "function")
    throw new ArgumentError(`applyFused: wanted an operation { name, infer, fallback }, got ${describe(fused)}`);
  return applyFusedOwn(fused, [...inputs], fusedAttributes(fused.name, given));
};

/** Like `applyFused`, with operands and attributes as `applyOwn` takes them. */
export const applyFusedOwn = <A extends FusedAttrs<A>>(
  fused: FusedOp<A>,
  inputs: Operand[],
  attrs: A,
): readonly Tensor[] => applyFusedRead(fused, readAll(fused.name, inputs), attrs);

/** Like `applyFused`, with operands that are already read, and attributes that nobody else can change. */
export function applyFusedRead<A extends FusedAttrs<A>>(
  fused: FusedOp<A>,
  values: Value[],
  attrs: A,
): readonly Tensor[] {
  const { name, indices } = fused;
  if (fused.promotes === true) promoteAll(name, values);
  const top = highest(name, values);
  const tell = context.watch?.(name, values, attrs);
  const ys =
    top.runFused(fused, values, attrs) ??
    inNameOf(name, () => resultsOf(fused, fused.fallback(values, attrs), values, attrs), indices?.labels, fused);
  tell?.(ys);
  return ys;
}

/**
 * What a fallback gives, checked: a tensor for each result that the operation has. A result that is an operand or
 * another result gets a handle of its own.
 */
function resultsOf(fused: FusedOp, given: unknown, values: readonly Value[], attrs: unknown): readonly Tensor[] {
  const wanted = fused.infer(values, attrs);
  const fits = (y: unknown, i: number): boolean =>
    isTensor(y) && y.dtype === wanted[i]!.dtype && sameShape(y.shape, wanted[i]!.shape);
  if (!Array.isArray(given) || given.length !== wanted.length || !given.every(fits)) {
    const list = wanted.map(({ dtype, shape }) => `${dtype}[${shape}]`).join(", ");
    throw new ArgumentError(`${fused.name}: fallback must give [${list}], as infer says, got ${describe(given)}`);
  }
  return given.map((y: Tensor, i) => (values.includes(y) || given.indexOf(y) < i ? alias(y) : y));
}
