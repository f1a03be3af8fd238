// Training mode: layers learn inside `diff`, unless `training` says otherwise.
import { context, readValue, boolean, callable } from "@weft/tensor/internals";
import type { Recorder } from "./tape.ts";

/**
 * Calls `f` with layers in training mode (true) or in inference mode (false), and returns its result. The mode holds
 * for everything that `f` calls, also for a `diff` or `minimize` in it; the option `training` of a single call takes
 * precedence. By default, layers are in training mode inside `diff`; `grad`, `valueAndGrad` and `vjp` do not change the
 * mode.
 *
 * In an asynchronous `f` the mode holds until its first `await`, and after each `await t.wait(promise)` of a `diff`.
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

/** Like `training`; undefined restores the default. */
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
 * Whether layers are in training mode here: inside a `diff`, unless `training` says otherwise.
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
