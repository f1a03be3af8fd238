// Gradients of functions with respect to their arguments, nested to any order.
import { ArgumentError, DTypeError, readTensor, ShapeError, type Box, type Operand, type Tensor } from "@weft/tensor";
import {
  callable,
  closeScope,
  context,
  count,
  escape,
  isFloat,
  openScope,
  type OptionKind,
  readValue,
  refusePromise,
  sameShape,
} from "@weft/tensor/internals";
import { Backward, below } from "./backward.ts";
import { constant } from "./box.ts";
import { gathered, Session } from "./gradient-run.ts";
import { RowSparse, zerosLike } from "./sparse.ts";
import { Recorder, type Entry } from "./tape.ts";
import { distinct, leavesOf, mapTree } from "./tree.ts";

/** A tensor, or arrays and plain objects of tensors. */
export type Tree = Operand | readonly Tree[] | { readonly [key: string]: Tree };
/** A tree like T, with a tensor in place of each tensor or box. */
export type Grads<T> = T extends Tensor | Box ? Tensor : T extends object ? { [K in keyof T]: Grads<T[K]> } : T;

/** The highest level among the tensors of the arguments. */
export const highestLevel = (args: unknown): number => {
  let level = 0;
  for (const x of leavesOf(args))
    if ("interpreter" in x && x.interpreter.closed !== true) level = Math.max(level, x.interpreter.level);
  return level;
};

/** An argument as a leaf of the recorder's tape. */
function lifted(op: string, recorder: Recorder, x: Tensor | Box): Tensor {
  const t = readTensor(x, op);
  if (!isFloat(t.dtype))
    throw new DTypeError(
      `${op}: wanted floating-point tensors to differentiate, got ${t.dtype}[${t.shape}]; choose the arguments with argnums`,
    );
  return recorder.leaf(t);
}

function dense(leaf: Tensor): Tensor {
  const g = gathered([leaf]) ?? zerosLike((leaf.payload as Entry).y);
  return g instanceof RowSparse ? g.dense() : g;
}

type Scalar<Args extends unknown[]> = (...args: Args) => Operand;
/** The gradients of the arguments that N numbers. */
export type At<Args extends unknown[], N> = N extends readonly number[]
  ? { [K in keyof N]: N[K] extends keyof Args ? Grads<Args[N[K]]> : never }
  : N extends keyof Args
    ? Grads<Args[N]>
    : never;

/** T with boxes also accepted in place of tensors: what is differentiated is a tensor for the function all the same. */
type Boxed<T> = T extends Tensor
  ? T | Box
  : T extends number | Box
    ? T
    : T extends object
      ? { [K in keyof T]: Boxed<T[K]> }
      : T;
/** Arguments for a function that is differentiated by those that N numbers. */
export type Differentiated<Args extends unknown[], N> = {
  [K in keyof Args]: K extends `${N extends readonly number[] ? N[number] : N & number}` ? Boxed<Args[K]> : Args[K];
};

const argnumsKind: OptionKind<number | readonly number[]> = {
  wanted: "the number of an argument, or a list of them",
  is: (x): x is number | readonly number[] => count.is(x) || (Array.isArray(x) && x.every(count.is)),
};

/** Of a function that is differentiated by arguments: their numbers, and a check that a call has tensors there. */
export function placesOf(
  op: string,
  f: unknown,
  argnums: number | readonly number[],
): { readonly places: readonly number[]; readonly check: (args: readonly unknown[]) => void } {
  readValue(op, "what is differentiated", f, callable);
  readValue(op, "argnums", argnums, argnumsKind);
  const places = typeof argnums === "number" ? [argnums] : argnums;
  const check = (args: readonly unknown[]): void => {
    for (const k of places)
      if (k >= args.length || leavesOf(args[k]).length === 0)
        throw new ArgumentError(`${op}: wanted tensors as argument ${k} of ${args.length}, got ${String(args[k])}`);
  };
  return { places, check };
}

/** `valueAndGrad` for a function that users know as `op`. */
export function valuesAndGrads<Args extends any[], const N extends number | readonly number[]>(
  op: string,
  f: Scalar<Args>,
  argnums: N,
): (...args: readonly unknown[]) => [value: Tensor, gradients: At<Args, N>] {
  const { places, check } = placesOf(op, f, argnums);
  return (...args) => {
    check(args);
    const session = new Session(f, op, false, highestLevel(args));
    try {
      const { recorder } = session;
      const given: unknown[] = [...args];
      const result = session.during(() => {
        for (const k of places) given[k] = mapTree(args[k], (x) => lifted(op, recorder, x));
        const y = f(...(given as Args));
        refusePromise(y, `${op}: wanted a function that returns a tensor, but it returned a promise; use diff`);
        return readTensor(y, op);
      });
      const value = session.backward(op, result);
      const gradients = places.map((k) =>
        mapTree(given[k], (leaf) => session.handOut(session.below(() => dense(leaf as Tensor)))),
      );
      return [value, (typeof argnums === "number" ? gradients[0] : gradients) as At<Args, N>];
    } catch (error) {
      session.failed(error);
      throw error;
    } finally {
      session.close();
    }
  };
}

/**
 * Like `grad`, but returns the value as well: [f(…args), gradients].
 *
 * @example
 * const [y, g] = valueAndGrad((x) => sum(square(x)))(tensor([1, 2])); // 5, [2, 4]
 */
export const valueAndGrad = <Args extends any[], const N extends number | readonly number[] = 0>(
  f: Scalar<Args>,
  argnums: N = 0 as N,
): ((...args: Differentiated<Args, N>) => [value: Tensor, gradients: At<Args, N>]) =>
  valuesAndGrads("valueAndGrad", f, argnums);

/**
 * The function that computes the gradient of f, which returns a scalar, with respect to the first argument or to those
 * that `argnums` numbers. Arguments are tensors or boxes, or arrays and plain objects of them. The gradient has the form of
 * the argument; for a list of `argnums` it is an array of gradients. Nested, `grad` gives gradients of any order.
 *
 * @example
 * const cube = (x) => mul(x, mul(x, x));
 * grad(grad(cube))(tensor(2)); // 12
 */
export function grad<Args extends any[], const N extends number | readonly number[] = 0>(
  f: Scalar<Args>,
  argnums: N = 0 as N,
): (...args: Differentiated<Args, N>) => At<Args, N> {
  const both = valuesAndGrads("grad", f, argnums);
  return (...args) => {
    const [value, gradients] = both(...args);
    if (value.interpreter.level === 0) value.release();
    return gradients;
  };
}

/**
 * The value of f and its pullback: from the gradient of the value (a tensor of the same shape, or a tree if the value
 * is one) to an array of the gradients of all arguments. The pullback may be called several times. It keeps what f
 * computed until the enclosing scope closes.
 *
 * @example
 * const [y, pullback] = vjp((x) => square(x), tensor([1, 2]));
 * pullback(tensor([1, 10])); // [[2, 40]]
 */
export function vjp<Args extends Tree[], Y>(
  f: (...args: Args) => Y,
  ...args: Args
): [value: Grads<Y>, pullback: (g: Grads<Y>) => { [K in keyof Args]: Grads<Args[K]> }] {
  const [value, pullback] = pulled("vjp", f, args);
  return [value, pullback] as never;
}

/**
 * `vjp` in the name of another function. Its tape is above the level `above`, and above the arguments. `back` is the
 * pullback of a list with undefined in place of zeros: nothing flows back from there, not even NaN.
 */
export function pulled(
  op: string,
  f: (...args: any) => unknown,
  args: readonly unknown[],
  above = 0,
): [value: unknown, pullback: (g: unknown) => unknown[], back: (gs: readonly (Tensor | undefined)[]) => unknown[]] {
  readValue(op, "what is differentiated", f, callable);
  const { scope } = context;
  const recorder = new Recorder(context.tape as Recorder | undefined, scope, {
    parameters: false,
    above: Math.max(above, highestLevel(args)),
  });
  const [leaves, y] = below(recorder, scope, () => {
    const leaves = args.map((arg) => mapTree(arg, (x) => lifted(op, recorder, x)));
    const y: unknown = f(...leaves);
    refusePromise(y, `${op}: wanted a function that returns tensors, but it returned a promise; use diff`);
    return [leaves, mapTree(y, (x) => readTensor(x, op))];
  });
  recorder.closed = true;
  const results = leavesOf(y) as Tensor[];
  const given = (leavesOf(leaves) as Tensor[]).map((leaf) => recorder.lower(leaf));
  const value = distinct(
    mapTree(y, (x) => recorder.under(x as Tensor)),
    given,
  );
  const pullback = (g: unknown): unknown[] => {
    const gs = leavesOf(g).map((x) => readTensor(x, op));
    if (gs.length !== results.length)
      throw new ArgumentError(`${op}: the value has ${results.length} tensors, the pullback got ${gs.length}`);
    for (const [k, r] of results.entries())
      if (!sameShape(gs[k]!.shape, r.shape))
        throw new ShapeError(`${op}: the pullback wants a gradient of shape [${r.shape}], got [${gs[k]!.shape}]`);
    return back(gs);
  };
  const back = (gs: readonly (Tensor | undefined)[]): unknown[] => {
    const inner = openScope("the pullback returned");
    try {
      return below(context.tape, inner, () => {
        const pass = new Backward(recorder, false);
        try {
          for (const [k, r] of results.entries()) if (r.interpreter === recorder && gs[k]) pass.add(r, gs[k]);
          pass.run(recorder.entries);
        } finally {
          pass.finish();
        }
        return leaves.map((tree) =>
          mapTree(tree, (leaf) => {
            let x = dense(leaf as Tensor);
            // It may be a tensor of the caller's, or one that was handed out already: then it gets another handle.
            if (x.interpreter.level === 0 && x.owner !== inner) {
              x = x.interpreter.backend.retain(x);
              x.owner = inner;
            }
            escape(x, inner, inner.parent);
            return x;
          }),
        );
      });
    } finally {
      for (const leaf of leavesOf(leaves) as Tensor[]) clear(leaf.payload as Entry);
      for (const entry of recorder.entries) clear(entry);
      closeScope(inner);
    }
  };
  return [value, pullback, back];
}

function clear(entry: Entry): void {
  entry.g = undefined;
  entry.parts = undefined;
  entry.rows = undefined;
}

/**
 * The value of x as a constant for every tape: no gradient flows through it. For a parameter or a state, its plain
 * value.
 *
 * @example
 * const target = stopGradient(model(x));
 */
export function stopGradient(x: Operand): Tensor {
  return constant(x);
}
