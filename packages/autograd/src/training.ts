// Whether layers learn or only compute: what `diff` does, unless `training` says otherwise.
import { context, readValue, boolean, callable } from "@weft/tensor/internals";
import type { Recorder } from "./tape.ts";

/**
 * Calls `f` with layers told that they learn (true) or only compute (false), and returns what it returns. It holds for all
 * that `f` calls, also for a `diff` or `minimize` in it; the option `training` of a single call still wins. Without it,
 * layers learn inside `diff`; `grad`, `valueAndGrad` and `vjp` alone do not make them learn.
 *
 * An asynchronous `f` is told until its first `await`, and after each `await t.wait(promise)` of a `diff`.
 *
 * @example
 * const map = training(false, () => grad((z) => max(model(z)))(x));
 * const samples = training(true, () => model(x)); // dropout without a diff
 */
export function training<R>(on: boolean, f: () => R): R {
  readValue("training", "the mode", on, boolean);
  readValue("training", "what is called", f, callable);
  return trained(on, f);
}

/** The same, where undefined is the default again. */
export function trained<R>(mode: boolean | undefined, f: () => R): R {
  const before = context.training;
  context.training = mode;
  try {
    return f();
  } finally {
    context.training = before;
  }
}

/**
 * Do layers learn here? Inside a `diff`, unless `training` says otherwise.
 *
 * @example
 * const noisy = (x) => (learning() ? mul(x, 1.1) : x);
 * noisy(tensor([1])); // [1]
 */
export function learning(): boolean {
  if (context.training !== undefined) return context.training;
  for (let tape = context.tape as Recorder | undefined; tape !== undefined; tape = tape.parent)
    if (tape.parameters && !tape.closed) return true;
  return false;
}
