// From a tensor back to the host: typed arrays, numbers, nested arrays.
import { readTensor, untaped } from "./apply.ts";
import { sizeOf, text } from "./axes.ts";
import { context } from "./context.ts";
import { dtypeInfo, type TypedArray } from "./dtype.ts";
import { ContextError, ShapeError, UnsupportedError } from "./errors.ts";
import { callable, readValue } from "./options.ts";
import type { Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/**
 * What `array()` returns: a number for a scalar, otherwise arrays nested as deep as there are axes. The type of a
 * tensor does not say how many those are, so this type is assignable to a number and to arrays of any depth: `(await
 * x.array())[0]` and `const rows: number[][] = await x.array()` both compile.
 */
export type Nested = number & Nested[];

/** The tensor that holds the value: below all tapes, and not released. */
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
 * Lends host code the memory of a tensor, without a copy: `f` gets its elements, row-major, for as long as it runs. If
 * the backend's memory is a `SharedArrayBuffer` (`elements.buffer`, from `elements.byteOffset` on), workers may use it
 * meanwhile.
 *
 * `f` may write, and only this handle sees that. A tensor that shares its storage with others (a view, or one of
 * several handles on a value) or that is not contiguous is copied to its own storage first. The `value` of a parameter
 * is another handle: assign what you wrote to it, as in `p.value = x`. Do not write to values that a pending backward
 * pass needs.
 *
 * Nothing runs meanwhile: `f` must not wait, and an operation that would run or allocate throws a `ContextError` (what
 * was computed before can be read). So does `borrow` in a `diff`.
 *
 * @example
 * const gradient = tensor([1, 2, 3]);
 * borrow(gradient, (elements) => void (elements[0] = 10));
 * gradient.arraySync() // [10, 2, 3]
 */
export function borrow<R>(x: Tensor, f: (elements: TypedArray) => R): R {
  const t = held(x, "borrow");
  readValue("borrow", "what gets the elements", f, callable);
  const { backend } = t.interpreter;
  if (backend.borrow === undefined)
    throw new UnsupportedError(`borrow: ${backend.name} lends no memory; read the tensor with await data()`);
  if (context.tape !== undefined)
    throw new ContextError(
      "borrow: the tape that is recording may keep the value; call borrow after the diff, or read it",
    );
  return backend.borrow(t, f);
}

export function only(x: Tensor, op: string): Tensor {
  if (sizeOf(x.shape) !== 1) throw new ShapeError(`${op}: wanted one element, got shape ${text(x.shape)}`);
  return x;
}

/** The numbers that the elements of a tensor's array stand for. */
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
