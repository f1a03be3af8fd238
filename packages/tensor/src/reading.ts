// From a tensor back to the host: typed arrays, numbers, nested arrays.
import { readTensor, untaped } from "./apply.ts";
import { sizeOf, text } from "./axes.ts";
import { context } from "./context.ts";
import { dtypeInfo, type TypedArray } from "./dtype.ts";
import { ContextError, ShapeError, UnsupportedError } from "./errors.ts";
import type { Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/**
 * What `array()` gives: a number for a scalar, else arrays nested as deep as there are axes. A tensor's type does not know how many
 * those are, so this type passes for a number and for arrays of any depth: `(await x.array())[0]` and `const rows: number[][] =
 * await x.array()` both pass the check, and no other type does.
 */
export type Nested = number & Nested[];

/** The tensor that holds the value: below every tape, and alive. */
const held = (x: Tensor, op: string): Tensor => readTensor(untaped(readTensor(x, op)), op);

export function load(x: Tensor, op: string): Promise<TypedArray> {
  const t = held(x, op);
  return t.interpreter.backend.read(t);
}

export function loadSync(x: Tensor, op: string): TypedArray {
  const t = held(x, op);
  const { backend } = t.interpreter;
  if (backend.readSync === undefined)
    throw new UnsupportedError(
      `${op}: ${backend.name} reads asynchronously only; use await ${op.replace("Sync", "")}()`,
    );
  return backend.readSync(t);
}

/**
 * Lends host code the memory that a tensor lies in, without a copy: `f` gets its elements, row-major, for as long as it runs. Where
 * the backend's memory is a `SharedArrayBuffer` (`elements.buffer`, from `elements.byteOffset` on), workers may work on it meanwhile.
 *
 * `f` may write. Nobody but this handle sees that: a tensor that shares its memory with others, as views and further handles do, and one that does
 * not lie row by row, is copied to memory of its own first. So what is written to `p.value` of a
 * parameter, which is a further handle, is assigned: `p.value = x`. What was kept for a backward pass still to come should not be written to.
 *
 * Nothing runs meanwhile: `f` must not wait, and what would run or allocate is a `ContextError`. So is `borrow` in a `diff`.
 *
 * @example
 * const gradient = tensor([1, 2, 3]);
 * borrow(gradient, (elements) => void (elements[0] = 10));
 * gradient.arraySync() // [10, 2, 3]
 */
export function borrow<R>(x: Tensor, f: (elements: TypedArray) => R): R {
  const t = held(x, "borrow");
  const { backend } = t.interpreter;
  if (backend.borrow === undefined)
    throw new UnsupportedError(`borrow: ${backend.name} lends no memory; read the tensor with await data()`);
  if (context.tape !== undefined)
    throw new ContextError("borrow: a tape that is recording may keep the value; borrow it after the diff, or read it");
  return backend.borrow(t, f);
}

export function only(x: Tensor, op: string): Tensor {
  if (sizeOf(x.shape) !== 1) throw new ShapeError(`${op}: wanted one element, got shape ${text(x.shape)}`);
  return x;
}

/** The numbers that an array of a dtype stands for. */
export function numbers(x: Tensor, data: TypedArray): TypedArray | number[] {
  const { load } = dtypeInfo[x.dtype];
  return load === undefined ? data : Array.from(data, load);
}

export function nest(values: TypedArray | number[], shape: Shape): Nested {
  let at = 0;
  const level = (axis: number): number | unknown[] =>
    axis === shape.length ? values[at++]! : Array.from({ length: shape[axis]! }, () => level(axis + 1));
  return level(0) as Nested;
}
