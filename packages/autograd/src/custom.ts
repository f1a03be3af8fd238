// Gradients written by hand: a function that returns its value together with its pullback.
import { ArgumentError, isTensor, readTensor, readTensors, type Operand, type Tensor } from "@weft/tensor";
import { callable, context, describe, inBackward, inNameOf, isFloat, readValue } from "@weft/tensor/internals";
import { below, type Backward, type CustomBackward } from "./backward.ts";
import type { Param } from "./box.ts";
import { resumption, type Resume } from "./stand-in.ts";
import { Recorder } from "./tape.ts";
import { learning } from "./training.ts";
import { distinct } from "./tree.ts";

/**
 * The value, and the pullback: from the gradient of each tensor of the value to the gradients of the inputs (null for
 * none).
 */
export interface Custom<V> {
  readonly value: V;
  readonly pullback: (...gs: Tensor[]) => Tensor | readonly (Tensor | null | undefined)[];
}

/** Replaces the tape while the function runs, to refuse parameters: they would silently lose their gradient. */
class Guard extends Recorder {
  override lift(p: Param, version: Tensor): Tensor {
    if (p.frozen) return version;
    throw new ArgumentError(
      `customGradient: the function uses a parameter [${p.shape}] that is not among its arguments; pass it, or use stopGradient`,
    );
  }
}

class ByHand implements CustomBackward {
  readonly #inputs: readonly Tensor[];
  readonly #recorder: Recorder;
  readonly #pullback: Custom<unknown>["pullback"];
  readonly #resume: Resume = resumption();

  constructor(recorder: Recorder, inputs: readonly Tensor[], pullback: Custom<unknown>["pullback"]) {
    this.#recorder = recorder;
    this.#inputs = inputs;
    this.#pullback = pullback;
  }

  back(backward: Backward, gs: readonly Tensor[]): void {
    const result = this.#resume(() => inBackward(() => this.#pullback(...gs), false));
    const grads = Array.isArray(result) ? (result as readonly (Tensor | null | undefined)[]) : [result as Tensor];
    if (grads.length !== this.#inputs.length)
      throw new ArgumentError(
        `customGradient: the pullback must give ${this.#inputs.length} gradients, one per input; it gave ${grads.length}`,
      );
    for (const [k, x] of this.#inputs.entries()) {
      const g = grads[k];
      if (g !== null && g !== undefined && !(isTensor(g) && isFloat(g.dtype)))
        throw new ArgumentError(
          `customGradient: the pullback must give floating-point tensors, or null for none; it gave ${describe(g)}`,
        );
      if (g !== null && g !== undefined && x.interpreter === this.#recorder)
        inNameOf("customGradient", () => backward.add(x, g, "customGradient"));
    }
  }
}

/**
 * A function with a gradient written by hand. `f` gets plain tensors and returns its value, one tensor or several, and
 * a pullback: from the gradient of each value to the gradients of all inputs (null for none). Higher-order gradients
 * differentiate what the pullback computes with public functions. Parameters must be passed as arguments: using one
 * that is not is an ArgumentError.
 *
 * @example
 * // rounds, but lets the gradient through
 * const roundThrough = customGradient((x) => ({ value: round(x), pullback: (g) => g }));
 */
export function customGradient<Xs extends Tensor[], V extends Tensor | readonly Tensor[]>(
  f: (...xs: Xs) => Custom<V>,
): (...xs: { [K in keyof Xs]: Operand }) => V {
  readValue("customGradient", "the function", f, callable);
  return (...xs) => call(f as (...xs: Tensor[]) => Custom<V>, readTensors("customGradient", xs as readonly Operand[]));
}

function call<V extends Tensor | readonly Tensor[]>(f: (...xs: Tensor[]) => Custom<V>, xs: readonly Tensor[]): V {
  let top: Recorder | undefined;
  for (const { interpreter: it } of xs) if (it.level > (top?.level ?? 0)) top = it as Recorder;
  if (top === undefined) return guarded(undefined, f, xs).value;
  const recorder = top;
  const under = xs.map((x) => recorder.under(x) as Tensor).map((x) => readTensor(x, "customGradient"));
  for (const x of under) recorder.claim(x); // the pullback may use it
  if (recorder.paused) {
    recorder.touched = true;
    return call(f, under);
  }
  const { stream } = recorder.backend;
  const { counter } = stream;
  let { value, pullback } = guarded(recorder, f, under);
  if (under.some((x) => x.interpreter.level > 0)) {
    // An outer tape, too, must see the gradient written by hand and not that of the operations inside.
    stream.counter = counter;
    value = call(f, under);
  }
  const ys: readonly Tensor[] = Array.isArray(value) ? value : [value as Tensor];
  if (ys.some((y) => y.interpreter === recorder))
    throw new ArgumentError(
      "customGradient: the function uses a tensor of the tape that is not among its arguments; pass it, or use stopGradient",
    );
  const results = recorder.group(new ByHand(recorder, xs, pullback), xs, undefined, ys);
  return (Array.isArray(value) ? results : results[0]) as V;
}

/** Runs f in the tape's scope: what its pullback closes over lives as long as the tape. */
function guarded<V>(
  recorder: Recorder | undefined,
  f: (...xs: Tensor[]) => Custom<V>,
  xs: readonly Tensor[],
): Custom<V> {
  const run = (): Custom<V> => {
    const given = f(...xs) as Partial<Custom<V>> | undefined;
    const { value, pullback } = given ?? {};
    if (typeof pullback !== "function" || typeof value !== "object")
      throw new ArgumentError(`customGradient: the function must return { value, pullback }, got ${describe(given)}`);
    return { value: distinct(value, xs), pullback };
  };
  if (recorder === undefined && context.tape === undefined) return run();
  const above = Math.max(...xs.map((x) => x.interpreter.level));
  const guard = new Guard(undefined, undefined, { parameters: learning(), above });
  return below(guard, recorder === undefined ? context.scope : recorder.scope, run);
}
