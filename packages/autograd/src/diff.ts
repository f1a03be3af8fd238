// `diff`: runs a function with a tape, runs the backward pass at once, and hands out the value and the gradients. All
// else that was made on the way is released.
/// <reference lib="esnext.disposable" preserve="true" />
import { ArgumentError, readTensor, ReleasedTensorError, source, type Operand, type Tensor } from "@weft/tensor";
import { caller, callable, context, describe, OWNED, readValue, withinStep, type Step } from "@weft/tensor/internals";
import { releaseHandle } from "./backward.ts";
import type { Param } from "./box.ts";
import { metOnTape } from "./company.ts";
import { gathered, Session, type Gradient } from "./gradient-run.ts";
import { RowSparse } from "./sparse.ts";
import { wait } from "./async-context.ts";

const NONE: ReadonlyMap<Param, Gradient> = new Map();

/**
 * What `diff` returns: the value of the function and the gradient of each parameter.
 *
 * @example
 * const slope = param(tensor(3));
 * const tape = diff(() => square(slope));
 * tape.value; // 9
 * tape.grad(slope); // 6
 */
export class Tape {
  /** What the function returned: a scalar. Throws while the function runs. */
  get value(): Tensor {
    if (this.#value === undefined)
      throw new ArgumentError("diff: the tape has no value before its function has returned");
    return this.#value;
  }
  /** The parameters that the function used, in the order of their first use. */
  params: readonly Param[] = [];
  #value: Tensor | undefined = undefined;
  #gradients: ReadonlyMap<Param, Gradient> = NONE;
  /** Dense gradients made on demand: of row-sparse ones, and of parameters that were not used. */
  #dense: Map<Param, Tensor> | undefined = undefined;
  #released: Error | undefined = undefined;
  #session: Session | undefined;

  readonly #step: Step;

  constructor(session: Session) {
    this.#session = session;
    this.#step = session.step;
  }

  /**
   * The function's assignments to boxes: they are rolled back if an update by this tape fails, unless a read has
   * computed them.
   */
  get step(): Step {
    return this.#step;
  }

  /**
   * The gradient of the value with respect to a parameter, with the parameter's shape and dtype; zeros for one that the
   * function did not use. If a parameter got a new value inside the function, the gradients of its versions are added.
   */
  grad(p: Param): Tensor {
    this.#check(p);
    const g = this.#gradients.get(p);
    if (g !== undefined && !(g instanceof RowSparse)) return g;
    const made = this.#dense?.get(p);
    if (made !== undefined && made.ended === undefined) return made;
    const y = g === undefined ? this.#zeros(p) : g.dense();
    (this.#dense ??= new Map()).set(p, y);
    return y;
  }

  /** The gradient as rows, if the parameter was used only by `take` along axis 0. */
  sparseGrad(p: Param): RowSparse | undefined {
    this.#check(p);
    const g = this.#gradients.get(p);
    return g instanceof RowSparse ? g : undefined;
  }

  /** For asynchronous functions: waits for a promise, then restores the tape and the scope. */
  wait<T>(promise: PromiseLike<T> | T): PromiseLike<T> {
    if (this.#session === undefined) throw new ArgumentError("wait: the function of this diff has returned");
    return wait(this.#session, promise);
  }

  /** Releases the value and the gradients now, before the enclosing scope does. */
  release(): void {
    if (this.#released !== undefined) return;
    this.#released = new Error("released");
    this[OWNED]((x) => x.interpreter.level === 0 && releaseHandle(x, this.#released!));
  }

  [Symbol.dispose](): void {
    this.release();
  }

  toString(): string {
    return this.#value === undefined ? "Tape" : `Tape(${String(this.#value)}, ${this.params.length} parameters)`;
  }
  /** Converts to text; throws an ArgumentError where JavaScript wants a number, as in `tape < best`. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new ArgumentError(
      "this tape has no numeric value here (<, +, ==): read it first, as in await tape.value.item()",
    );
  }

  [OWNED](visit: (x: Tensor) => void): void {
    if (this.#value !== undefined) visit(this.#value);
    for (const g of this.#gradients.values()) {
      if (g instanceof RowSparse) g[OWNED](visit);
      else visit(g);
    }
    if (this.#dense !== undefined) for (const g of this.#dense.values()) visit(g);
  }

  /** Sets what the backward pass computed. */
  settle(value: Tensor, params: readonly Param[], gradients: Map<Param, Gradient>): void {
    this.#value = value;
    this.params = params;
    this.#gradients = gradients;
    this.#session = undefined;
  }

  #zeros({ backend = this.value.interpreter.backend, shape, dtype }: Param): Tensor {
    return source(backend, "full", [0], { shape, dtype });
  }

  #check(p: Param): void {
    if (p?.kind !== "param")
      throw new ArgumentError(
        `grad: wanted a parameter, got ${describe(p)}. A tape has the gradients with respect to parameters; for those with respect to tensors, use grad(f)(x).`,
      );
    if (this.#value === undefined)
      throw new ArgumentError("diff: the tape has no gradients before its function has returned");
    if (this.#released !== undefined)
      throw new ReleasedTensorError(`grad: this tape was released at ${caller(this.#released.stack)}`);
  }
}

/** Runs the backward pass from what the function returned, as a part of its step. */
const settle = (session: Session, tape: Tape, result: Operand): Tape =>
  withinStep(session.step, () => settled(session, tape, result));

function settled(session: Session, tape: Tape, result: Operand): Tape {
  const value = session.backward(
    "diff",
    session.during(() => readTensor(result, "diff")),
  );
  const { leaves } = session.recorder;
  const gradients = new Map<Param, Gradient>();
  session.below(() => {
    for (const [p, tensors] of leaves) {
      const g = gathered(tensors);
      if (g === undefined) continue;
      gradients.set(p, g instanceof RowSparse ? g.map((x) => session.handOut(x)) : session.handOut(g));
    }
  });
  const params = Object.freeze([...leaves.keys()]);
  metOnTape([...params, ...session.recorder.states]);
  tape.settle(value, params, gradients);
  return tape;
}

/**
 * Calls `f`, records what it does with parameters, and returns a tape with its value, a scalar, and the gradient of
 * each parameter. `f` may be any code: loops, conditionals, recursion. Everything else that was made in it is released,
 * except what it keeps or assigns to boxes. An asynchronous `f` gets its tape and awaits `t.wait(promise)` in place of
 * `promise`; then the result is a promise. Throws a ShapeError if `f` does not return a scalar.
 *
 * @example
 * const tape = diff(() => crossEntropy(model(x), y));
 * for (const p of tape.params) p.value = sub(p.value, mul(tape.grad(p), 0.1));
 *
 * @example
 * const tape = await diff(async (t) => {
 *   const y = model(x);
 *   return (await t.wait(y.max().item())) > 10 ? y.div(10).sum() : y.sum();
 * });
 */
export function diff(f: (t: Tape) => Promise<Operand>): Promise<Tape>;
export function diff(f: (t: Tape) => Operand): Tape;
export function diff(f: (t: Tape) => Operand | Promise<Operand>): Tape | Promise<Tape> {
  readValue("diff", "what is differentiated", f, callable);
  const session = new Session(f, "diff", true);
  const tape = new Tape(session);
  let waiting = false;
  try {
    const result = session.during(() => f(tape));
    if (!(result instanceof Promise)) return settle(session, tape, result);
    waiting = true;
    return later(session, tape, result);
  } catch (error) {
    session.failed(error);
    throw error;
  } finally {
    if (!waiting) session.close();
  }
}

async function later(session: Session, tape: Tape, promise: Promise<Operand>): Promise<Tape> {
  context.suspended++;
  let result: Operand;
  try {
    result = await promise;
  } catch (error) {
    session.failed(error);
    session.close();
    throw error;
  } finally {
    context.suspended--;
  }
  try {
    return settle(session, tape, result);
  } catch (error) {
    session.failed(error);
    throw error;
  } finally {
    session.close();
  }
}
