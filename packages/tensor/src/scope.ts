// Scopes end handles: whatever was made while a scope was current is released when it closes, unless it was returned
// or kept. This is the memory management that a user's code does not see.
import { context, nextTurn, type Scope } from "./context.ts";
import { BRAND } from "./interpreter.ts";
import { callable, readValue } from "./options.ts";
import type { Tensor } from "./tensor.ts";

/** Puts a backend's new handle into the current scope; without one the backend's garbage-collector net holds it. */
export function own(x: Tensor): Tensor {
  const scope = context.scope;
  if (scope === undefined) x.interpreter.backend.unowned(x);
  else {
    x.owner = scope;
    scope.handles.push(x);
  }
  return x;
}

/** Hands a handle to another owner: a scope that will end it, or undefined for none but the garbage collector. */
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

/** Releases what the scope still owns. The caller has already made `scope.parent` (or whatever was current) current again. */
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

/** Runs what is pending on every backend. Throws if something failed; with results, only if boxes were put back or one of these was lost. */
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

/** An object that owns tensors (a tape, say) shows them to scopes with a method of this name. */
export const OWNED: unique symbol = Symbol.for("weft.owned");
interface Owning {
  [OWNED](visit: (x: Tensor) => void): void;
}

/**
 * Keeps tensors alive beyond the scopes that they were made in: they live until `release()` or until the garbage
 * collector finds them. Takes a tensor or anything built of arrays and plain objects, and returns it.
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
 * Calls `f` and then releases every tensor made in it, except those that it returns or keeps; an outermost scope also
 * runs what is pending. With an asynchronous `f` the tensors made before its first `await` live until it settles; those made
 * later belong to no scope, and are found by the garbage collector.
 *
 * @example
 * const mean = scope(() => x.sub(3).square().mean());
 */
export function scope<T>(f: () => T): T {
  readValue("scope", "what is called", f, callable);
  const mine = openScope(labelOf(f, "scope"));
  const { parent } = mine;
  if (parent === undefined) nextTurn();
  context.scope = mine;
  let result: T;
  try {
    result = f();
  } catch (error) {
    context.scope = parent;
    throw abandoned(mine, parent, error);
  }
  context.scope = parent;
  if (result instanceof Promise) {
    return result.then(
      (value: unknown) => finish(mine, undefined, value),
      (error: unknown) => {
        throw abandoned(mine, undefined, error);
      },
    ) as T;
  }
  return finish(mine, parent, result);
}

/**
 * The result of a function of several operations. Where no scope would end what it makes on the way, that ends here, and is
 * neither stored nor left to the garbage collector. Nothing runs, and nobody sees that a scope has closed.
 */
export function resultOf<T>(f: () => T): T {
  // A tape without a scope (that of a `vjp`) needs what is recorded on it as long as its pullback lives.
  if (context.scope !== undefined || context.tape !== undefined) return f();
  const mine = openScope("the function that made it returned");
  let waiting = false;
  const close = (): void => {
    closeScope(mine);
    context.closings--;
  };
  context.scope = mine;
  try {
    const result = f();
    waiting = result instanceof Promise;
    if (waiting) return (result as Promise<unknown>).then((y) => handOut(y, mine)).finally(close) as T;
    return handOut(result, mine);
  } finally {
    context.scope = undefined;
    if (!waiting) close();
  }
}

function handOut<T>(result: T, mine: Scope, parent?: Scope): T {
  visitTensors(result, (x) => escape(x, mine, parent));
  return result;
}

function finish<T>(mine: Scope, parent: Scope | undefined, result: T): T {
  // Where it cannot be computed nobody gets it: it ends, too.
  const heir = parent ?? openScope(mine.label);
  handOut(result, mine, heir);
  closeScope(mine);
  if (parent !== undefined) return result;
  try {
    flush(heir.handles);
    visitTensors(result, (x) => escape(x, heir, undefined));
  } finally {
    closeScope(heir);
  }
  return result;
}

/** Closes a scope whose function threw: memory is free again as after any other scope. */
function abandoned(mine: Scope, parent: Scope | undefined, error: unknown): unknown {
  closeScope(mine);
  try {
    if (parent === undefined) flush([]);
  } catch (other) {
    // The first error is the one to tell. Boxes were put back, and who reads them would hear nothing of the other.
    const { console } = globalThis as { console?: { warn(text: string): void } };
    console?.warn(
      `Weft: before this error a step could not be computed, and what it assigned was taken back: ${String(other)}`,
    );
  }
  return error;
}

/** Hands what leaves `mine` to the scope around it. */
export function escape(x: Tensor, mine: Scope, parent: Scope | undefined): void {
  for (let y: Tensor | undefined = x; y !== undefined; y = y.interpreter.lower?.(y))
    if (y.owner === mine) adopt(y, parent);
}

/** Says which scope it was. The source is cut only when a message needs it: making a scope must cost nothing. */
export const labelOf = (f: unknown, kind: string): string => `${kind}(${String(f)}…) returned`;

/** A label with no more than the first words of a function. */
export function brief(label: string): string {
  const [, head, tail] = /^(.*?)(…\) returned)?$/.exec(label.replace(/\s+/g, " "))!;
  return tail === undefined ? label : head!.slice(0, 66) + tail;
}
