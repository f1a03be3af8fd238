// Checks a computation without computing: it runs on tensors that have shapes and no values. Parameters and state stand
// there with their shapes, whether they have values or not, and stay as they are.
import { readTensor, type Box, type DType, type Shape, type Tensor } from "@weft/tensor";
import { BRAND, callable, context, dtypeName, readValue, refusePromise, shapeOf } from "@weft/tensor/internals";
import { below } from "./backward.ts";
import { Overlay, type Covered } from "./box-replay.ts";
import { ShapeBackend } from "./shape-backend.ts";
import { mapTree } from "./tree.ts";

/** What is known of a tensor without its values. A tensor and a box have these fields, too. */
export interface Described {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A tree like T with shape and dtype in place of each tensor. */
export type Shapes<T> = T extends Tensor | Box ? Described : T extends object ? { [K in keyof T]: Shapes<T[K]> } : T;

/** In place of each box there is a tensor of its shape. */
class ShapeOverlay extends Overlay {
  readonly #backend: ShapeBackend;
  readonly #standing: Map<Covered, Tensor> = new Map();

  constructor(backend: ShapeBackend) {
    super();
    this.#backend = backend;
  }

  override readonly replacesAll: boolean = true;

  override look(box: Covered): Tensor {
    let x = this.#standing.get(box);
    if (x === undefined) this.#standing.set(box, (x = this.#backend.blank(box.shape, box.dtype)));
    return x;
  }

  override write(box: Covered, x: Tensor): boolean {
    // A copy, which no scope releases
    this.#standing.set(box, x.interpreter.level > 0 ? x : this.#backend.retain(x));
    return true;
  }
}

const isDescribed = (x: object): x is Described => "shape" in x && "dtype" in x;

/** Numbers only: a shape, not a list of arguments. */
const isShape = (x: unknown): x is Shape => Array.isArray(x) && x.every((n) => typeof n === "number");

/** In a record, a list of numbers is an option. */
function blanks(backend: ShapeBackend, arg: unknown, inRecord = false): unknown {
  if (!inRecord && isShape(arg)) return backend.blank(shapeOf("shapes", arg), "f32");
  if (typeof arg !== "object" || arg === null) return arg;
  if (BRAND in arg || isDescribed(arg)) {
    const { shape, dtype } = arg as Described;
    return backend.blank(shapeOf("shapes", shape), readValue("shapes", "dtype", dtype, dtypeName));
  }
  if (Array.isArray(arg)) return arg.map((part) => blanks(backend, part, inRecord));
  const prototype: unknown = Object.getPrototypeOf(arg);
  if (prototype !== Object.prototype && prototype !== null) return arg;
  return Object.fromEntries(Object.entries(arg).map(([key, part]) => [key, blanks(backend, part, true)]));
}

/** Calls f on shapes: with arguments as `shapes` takes them, and a backend that counts. */
export function onShapes<R>(args: readonly unknown[], f: (given: unknown[], backend: ShapeBackend) => R): R {
  const backend = new ShapeBackend();
  const given = args.map((arg) => blanks(backend, arg));
  return new ShapeOverlay(backend).during(() => below(undefined, context.scope, () => f(given, backend)));
}

/**
 * Calls f on tensors that have shapes and no values, and returns the shapes and dtypes of its results: a model is
 * checked, with the errors of a real backend, in no time and no memory. Each argument is a shape (`f32`), a
 * `{ shape, dtype }`, a tensor (of which only these are used), an array or plain object of those, or anything else,
 * which f gets as it is. A list of numbers in a plain object, such as options, is no shape and stays. Parameters and
 * state are neither initialized nor changed, and what layers and optimizers keep stays as it was. Of other tensors that
 * f uses, such as constants in a model, only their shapes count, too. f may differentiate, and must not read values.
 * Like `jax.eval_shape`.
 *
 * @example
 * const [y] = shapes((x, w) => [matmul(x, w)], [32, 784], { shape: [784, 10], dtype: "f32" });
 * y.shape; // [32, 10]
 */
export function shapes<Args extends readonly unknown[], R>(f: (...args: any) => R, ...args: Args): Shapes<R> {
  readValue("shapes", "what is called", f, callable);
  return onShapes(args, (given) => {
    const y: unknown = f(...given);
    refusePromise(y, "shapes: wanted a function that returns no promise: nothing waits");
    return mapTree(y, (x) => {
      const { shape, dtype } = readTensor(x, "shapes");
      return { shape, dtype };
    });
  }) as Shapes<R>;
}
