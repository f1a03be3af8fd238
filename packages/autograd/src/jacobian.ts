// Derivatives of functions beyond the gradient of a scalar: products with a Jacobian or a Hessian, and these matrices.
import {
  ArgumentError,
  cast,
  DTypeError,
  equal,
  readTensor,
  reshape,
  scope,
  ShapeError,
  stack,
  type Box,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { context, filled, iota, isFloat, refusePromise, resultOf, sameShape } from "@weft/tensor/internals";
import {
  highestLevel,
  placesOf,
  pulled,
  valuesAndGrads,
  type At,
  type Differentiated,
  type Grads,
} from "./functional.ts";
import { zerosLike } from "./sparse.ts";
import { leavesOf, mapTree } from "./tree.ts";

/** Releases what was made on the way. */
const owning = <T>(f: () => T): T => (context.scope === undefined ? resultOf(f) : scope(f));

/** A number in place of a tensor would be passed through, as if it were its own derivative. */
function refuseNumbers(op: string, what: string, tree: unknown): void {
  const refuse = (x: unknown): void => {
    if (typeof x === "number") throw new ArgumentError(`${op}: wanted tensors as ${what}, got the number ${x}`);
  };
  mapTree(tree, () => undefined, refuse);
}

/** The tensors of a result, which must all be differentiable. */
function resultsOf(op: string, y: unknown): Tensor[] {
  refusePromise(y, `${op}: wanted a function that returns tensors, but it returned a promise; use diff`);
  refuseNumbers(op, "results", y);
  const results = leavesOf(y).map((x) => readTensor(x, op));
  for (const { dtype, shape } of results)
    if (!isFloat(dtype))
      throw new DTypeError(`${op}: wanted floating-point results to differentiate, got ${dtype}[${shape}]`);
  return results;
}

/** Checks that `directions` are tensors of the same shapes as `primals`. */
function checkDirections(op: string, what: string, primals: unknown, directions: unknown): void {
  for (const [name, list] of [
    ["the arguments", primals],
    [what, directions],
  ] as const)
    // prettier-ignore
    if (!Array.isArray(list)) throw new ArgumentError(`${op}: wanted ${name} as an array, one element per argument`);
  refuseNumbers(op, what, directions);
  const [xs, vs] = [primals, directions].map((tree) => leavesOf(tree).map((x) => readTensor(x, op)));
  if (xs!.length !== vs!.length || xs!.length === 0)
    throw new ArgumentError(`${op}: the arguments have ${xs!.length} tensors, ${what} have ${vs!.length}`);
  for (const [k, { shape }] of xs!.entries())
    if (!sameShape(shape, vs![k]!.shape))
      throw new ShapeError(`${op}: ${what} want a tensor of shape [${shape}], got [${vs![k]!.shape}]`);
}

/**
 * From a pullback, which is linear in the gradient u of the results, the map in the other direction: its own pullback
 * with respect to u.
 */
function pushed(op: string, pullback: (u: unknown[]) => unknown, results: readonly Tensor[], above: number) {
  const [, push] = pulled(op, (u: unknown[]) => pullback(u), [results.map((y) => zerosLike(y))], above);
  return (tangents: unknown): readonly Tensor[] => push(tangents)[0] as Tensor[];
}

/**
 * The value of f and its derivative along tangents v (Jacobian times vector): Σₖ ∂f/∂xₖ vₖ, in the form of the value.
 * `primals` and `tangents` are arrays with an element per argument; tangents have the shapes of the arguments. Computed
 * by two pullbacks. Throws a ShapeError for other shapes and a DTypeError for integers. Like JAX's and `torch.func`'s
 * `jvp`.
 *
 * @example
 * const [y, t] = jvp((x) => square(x), [tensor([1, 2])], [tensor([1, 10])]); // [1, 4], [2, 40]
 */
export function jvp<Args extends any[], Y>(
  f: (...args: Args) => Y,
  primals: Args,
  tangents: { [K in keyof Args]: Grads<Args[K]> },
): [value: Grads<Y>, tangent: Grads<Y>] {
  checkDirections("jvp", "the tangents", primals, tangents);
  return owning(() => {
    const above = Math.max(highestLevel(primals), highestLevel(tangents));
    const [y, pullback] = pulled("jvp", f, primals, above);
    const push = pushed("jvp", pullback, resultsOf("jvp", y), above);
    const columns = push(tangents);
    let k = 0;
    return [y, mapTree(y, () => columns[k++])] as never;
  });
}

/** A tree of results, with G in place of each tensor. */
type Blocks<Y, G> = Y extends Tensor | Box ? G : Y extends object ? { [K in keyof Y]: Blocks<Y[K], G> } : Y;

/** Zeros with the shape of x, except for a one at position i (row-major). */
function unit(x: Tensor, i: number): Tensor {
  return reshape(cast(equal(iota(x, [x.size]), i), x.dtype), x.shape);
}

/** For each element of each tensor: a one there, and zeros (or `others`) everywhere else. */
function* units<T>(
  xs: readonly Tensor[],
  others: (x: Tensor) => T,
): Generator<readonly [tensor: number, direction: (Tensor | T)[]]> {
  for (const [k, x] of xs.entries())
    for (let i = 0; i < x.size; i++) yield [k, xs.map((other, o) => (o === k ? unit(other, i) : others(other)))];
}

const total = (xs: readonly Tensor[]): number => xs.reduce((n, x) => n + x.size, 0);

function jacobianOf(op: string, f: (...args: any) => unknown, argnums: number | readonly number[]) {
  const { places, check } = placesOf(op, f, argnums);
  return (...args: unknown[]): unknown => {
    check(args);
    return owning(() => {
      const chosen = places.map((k) => args[k]);
      const inputs = leavesOf(chosen).map((x) => readTensor(x, op));
      const above = highestLevel(args);
      const call = (...given: unknown[]): unknown => {
        const all = [...args];
        for (const [i, k] of places.entries()) all[k] = given[i];
        return f(...all);
      };
      const [y, pullback, back] = pulled(op, call, chosen, above);
      const results = resultsOf(op, y);
      const slices = results.map(() => inputs.map((): Tensor[] => []));
      // One pass per element of the results, or one per element of the arguments, whichever are fewer.
      const byRows = total(results) <= total(inputs);
      if (byRows)
        for (const [r, u] of units(results, () => undefined))
          leavesOf(back(u)).forEach((row, c) => slices[r]![c]!.push(row as Tensor));
      else {
        const push = pushed(op, pullback, results, above);
        for (const [c, v] of units(inputs, zerosLike)) push(v).forEach((column, r) => slices[r]![c]!.push(column));
      }
      const blocks = results.map((r, i) =>
        inputs.map((x, j) => {
          const shape = [...r.shape, ...x.shape];
          const parts = slices[i]![j]!;
          if (parts.length > 0) return reshape(stack(parts, { axis: byRows ? 0 : -1 }), shape);
          return filled(x, 0, shape, r.dtype);
        }),
      );
      let r = 0;
      return mapTree(y, () => {
        const row = blocks[r++]!;
        let c = 0;
        const derivatives = mapTree(chosen, () => row[c++]) as unknown[];
        return typeof argnums === "number" ? derivatives[0] : derivatives;
      });
    });
  };
}

/**
 * The function that computes the Jacobian of f with respect to the first argument or to those that `argnums` numbers:
 * all derivatives of a result y along an argument x, of shape `[…y.shape, …x.shape]`. For results or arguments that are
 * trees, a tree of results with a tree of arguments in place of each tensor; for a list of `argnums`, an array in each.
 * One backward pass per element of the results, or per element of the arguments where these are fewer. Like JAX's
 * `jacobian` and `torch.func.jacrev`.
 *
 * @example
 * const f = (x) => mul(x, sum(x));
 * jacobian(f)(tensor([1, 2])); // [[4, 1], [2, 5]]
 */
export function jacobian<Args extends any[], Y, const N extends number | readonly number[] = 0>(
  f: (...args: Args) => Y,
  argnums: N = 0 as N,
): (...args: Differentiated<Args, N>) => Blocks<Y, At<Args, N>> {
  return jacobianOf("jacobian", f, argnums) as ReturnType<typeof jacobian<Args, Y, N>>;
}

/**
 * The function that computes the Hessian of f: the Jacobian of its Jacobian, for a scalar f of x of shape
 * `[…x.shape, …x.shape]`. For a list of `argnums`, or an argument that is a tree, each derivative has the form of the
 * arguments again. Like JAX's and `torch.func`'s `hessian`.
 *
 * @example
 * hessian((x) => sum(mul(x, mul(x, x))))(tensor([1, 2])); // [[6, 0], [0, 12]]
 */
export function hessian<Args extends any[], Y, const N extends number | readonly number[] = 0>(
  f: (...args: Args) => Y,
  argnums: N = 0 as N,
): (...args: Differentiated<Args, N>) => Blocks<Blocks<Y, At<Args, N>>, At<Args, N>> {
  return jacobianOf("hessian", jacobianOf("hessian", f, argnums), argnums) as ReturnType<typeof hessian<Args, Y, N>>;
}

/**
 * The value of a scalar function f and the product of its Hessian with vectors, one array element per argument: no
 * matrix is made, the cost is that of two gradients. `vectors` have the shapes of the arguments. Throws a ShapeError for
 * other shapes. Like PyTorch's `torch.autograd.functional.hvp`.
 *
 * @example
 * const [y, [product]] = hvp((x) => sum(mul(x, mul(x, x))), [tensor([1, 2])], [tensor([1, 10])]);
 * product; // [6, 120]
 */
export function hvp<Args extends any[]>(
  f: (...args: Args) => Operand,
  primals: Args,
  vectors: { [K in keyof Args]: Grads<Args[K]> },
): [value: Tensor, products: { [K in keyof Args]: Grads<Args[K]> }] {
  checkDirections("hvp", "the vectors", primals, vectors);
  return owning(() => {
    const both = valuesAndGrads("hvp", f, [...primals.keys()]);
    let value: Tensor;
    const gradient = (...args: Args): unknown[] => {
      const [y, gradients] = both(...args);
      value = y;
      return gradients as unknown[];
    };
    // The Hessian is symmetric: the gradient's pullback is its derivative along the vectors.
    const [, pullback] = pulled("hvp", gradient, primals, highestLevel(vectors));
    return [readTensor(value!, "hvp"), pullback(vectors) as never];
  });
}
