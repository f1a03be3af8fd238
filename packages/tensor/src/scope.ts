// Scopes release handles: what was made while a scope was current is released when it closes, unless it was returned
// or kept. This is the memory management that user code does not see.
import { context, nextTurn, type Scope } from "./context.ts";
import { BRAND } from "./interpreter.ts";
import { callable, readValue } from "./options.ts";
import type { Tensor } from "./tensor.ts";

/** Gives a backend's new handle to the current scope; without a scope only the garbage collector releases it. */
export function own(x: Tensor): Tensor {
  const scope = context.scope;
  if (scope === undefined) x.interpreter.backend.unowned(x);
  else {
    x.owner = scope;
    scope.handles.push(x);
  }
  return x;
}

/** Hands a handle to another owner: a scope that will release it, or undefined to leave it to the garbage collector. */
export function adopt(x: Tensor, owner: Scope | undefined): void {
  if (x.owner === (owner ?? null)) return;
  const plain = x.interpreter.level === 0;
  if (owner === undefined) {
    if (plain) x.interpreter.backend.unowned(x);
  } else {
    if (plain && x.owner === null) x.interpreter.backend.owned(x);
    owner.handles.push(x);
  }
  x.owner = owner ?? null;
}

export function openScope(label: string): Scope {
  return { parent: context.scope, label, handles: [], closed: false };
}

/** Releases what the scope still owns. The caller has already restored the previous scope. */
export function closeScope(scope: Scope): void {
  scope.closed = true;
  context.closings++;
  const { handles } = scope;
  for (let i = 0; i < handles.length; i++) {
    const x = handles[i]!;
    if (x.owner === scope && x.ended === undefined) {
      x.ended = scope.label;
      if (x.interpreter.level === 0) x.interpreter.backend.release(x);
    }
  }
  handles.length = 0;
}

/**
 * Runs what is pending on every backend. Throws if something failed; with results, only if boxes were rolled back or
 * one of the results was lost.
 */
export function flush(results?: readonly Tensor[]): void {
  for (const backend of context.pending) backend.flush(results);
}

/** Calls `visit` with every tensor in arrays, plain objects, maps and sets reachable from `value`. */
export function visitTensors(value: unknown, visit: (x: Tensor) => void, seen: Set<object> = new Set()): void {
  if (typeof value !== "object" || value === null) return;
  if ((value as Tensor)[BRAND] !== undefined) {
    if ("interpreter" in value) visit(value as Tensor);
    return;
  }
  if (seen.has(value)) return;
  seen.add(value);
  if (Array.isArray(value) || value instanceof Set) for (const v of value) visitTensors(v, visit, seen);
  else if (value instanceof Map) for (const v of value.values()) visitTensors(v, visit, seen);
  else {
    const prototype = Object.getPrototypeOf(value) as unknown;
    if (prototype === Object.prototype || prototype === null)
      for (const v of Object.values(value)) visitTensors(v, visit, seen);
    else if (typeof (value as Partial<Owning>)[OWNED] === "function") (value as Owning)[OWNED]((x) => visit(x));
  }
}

/** An object that owns tensors, such as a tape, shows them to scopes with a method of this name. */
export const OWNED: unique symbol = Symbol.for("weft.owned");
interface Owning {
  [OWNED](visit: (x: Tensor) => void): void;
}

/**
 * Keeps tensors alive beyond the scopes in which they were made: until `release()`, or until they are
 * garbage-collected. Takes a tensor, or arrays and plain objects of tensors, and returns it.
 *
 * @example
 * const best = scope(() => keep(x.mul(2)));
 */
export function keep<T>(value: T): T {
  visitTensors(value, (x) => {
    for (let y: Tensor | undefined = x; y !== undefined; y = y.interpreter.lower?.(y)) adopt(y, undefined);
  });
  return value;
}

/**
 * Calls `f`, then releases every tensor made in it, except those that it returns or keeps. An outermost scope also runs
 * what is pending. With an asynchronous `f`, tensors made before its first `await` live until it settles; those made
 * later belong to no scope and are left to the garbage collector.
 *
 * @example
 * const mean = scope(() => x.sub(3).square().mean());
 */
export function scope<T>(f: () => T): T {
  readValue("scope", "what is called", f, callable);
  const inner = openScope(labelOf(f, "scope"));
  const { parent } = inner;
  if (parent === undefined) nextTurn();
  context.scope = inner;
  let result: T;
  try {
    result = f();
  } catch (error) {
    context.scope = parent;
    throw closeAfterError(inner, parent, error);
  }
  context.scope = parent;
  if (result instanceof Promise) {
    return result.then(
      (value: unknown) => finish(inner, undefined, value),
      (error: unknown) => {
        throw closeAfterError(inner, undefined, error);
      },
    ) as T;
  }
  return finish(inner, parent, result);
}

/**
 * The result of a function of several operations. If no scope is current, its intermediates are released here, so that
 * they are neither stored nor left to the garbage collector. Nothing runs, and the scope is not counted in
 * `context.closings`.
 */
export function resultOf<T>(f: () => T): T {
  // A tape without a scope (that of a `vjp`) needs what is recorded on it for as long as its pullback lives.
  if (context.scope !== undefined || context.tape !== undefined) return f();
  const inner = openScope("the function that made it returned");
  let waiting = false;
  const close = (): void => {
    closeScope(inner);
    context.closings--;
  };
  context.scope = inner;
  try {
    const result = f();
    waiting = result instanceof Promise;
    if (waiting) return (result as Promise<unknown>).then((y) => handOut(y, inner)).finally(close) as T;
    return handOut(result, inner);
  } finally {
    context.scope = undefined;
    if (!waiting) close();
  }
}

function handOut<T>(result: T, inner: Scope, outer?: Scope): T {
  visitTensors(result, (x) => escape(x, inner, outer));
  return result;
}

function finish<T>(inner: Scope, parent: Scope | undefined, result: T): T {
  // Without a parent a temporary scope owns the result until it is computed: if that fails, the result is released.
  const outer = parent ?? openScope(inner.label);
  handOut(result, inner, outer);
  closeScope(inner);
  if (parent !== undefined) return result;
  try {
    flush(outer.handles);
    visitTensors(result, (x) => escape(x, outer, undefined));
  } finally {
    closeScope(outer);
  }
  return result;
}

/** Closes a scope whose function threw: its memory is freed as after any other scope. */
function closeAfterError(inner: Scope, parent: Scope | undefined, error: unknown): unknown {
  closeScope(inner);
  try {
    if (parent === undefined) flush([]);
  } catch (other) {
    // The first error is thrown. This one is printed: the boxes were rolled back, and reading them would not report it.
    const { console } = globalThis as { console?: { warn(text: string): void } };
    console?.warn(
      `Weft: before this error a step could not be computed, and its assignments were rolled back: ${String(other)}`,
    );
  }
  return error;
}

/** Hands x from the scope `inner`, if that owns it, to `outer`. */
export function escape(x: Tensor, inner: Scope, outer: Scope | undefined): void {
  for (let y: Tensor | undefined = x; y !== undefined; y = y.interpreter.lower?.(y))
    if (y.owner === inner) adopt(y, outer);
}

/**
 * The label of a scope, for messages. It is shortened only when a message needs it: opening a scope must cost nothing.
 */
export const labelOf = (f: unknown, kind: string): string => `${kind}(${String(f)}…) returned`;

/** A label with only the first words of the function's source. */
export function brief(label: string): string {
  const [, head, tail] = /^(.*?)(…\) returned)?$/.exec(label.replace(/\s+/g, " "))!;
  return tail === undefined ? label : head!.slice(0, 66) + tail;
}
