// Checkpoints trade time for memory: what a function computes is not kept for the backward pass but computed again
// there.
import type { RandomStream, Tensor } from "@weft/tensor";
import {
  callable,
  closeScope,
  context,
  escape,
  isFloat,
  labelOf,
  openScope,
  readValue,
  type Scope,
} from "@weft/tensor/internals";
import type { Backward, CustomBackward } from "./backward.ts";
import { Overlay, overlay, type Covered } from "./box-replay.ts";
import { resumption, type Resume } from "./stand-in.ts";
import type { Recorder } from "./tape.ts";
import { trained } from "./training.ts";
import { distinct, leavesOf, mapTree } from "./tree.ts";

const tensorsOf = (result: unknown): Tensor[] => leavesOf(result).filter((x) => "interpreter" in x) as Tensor[];

/** A call that was not recorded. It is repeated with the same random numbers and the same values of boxes. */
class Recomputation implements CustomBackward {
  readonly #recorder: Recorder;
  readonly #run: () => unknown;
  readonly #overlay: Overlay;
  readonly #stream: RandomStream;
  readonly #counter: number;
  readonly #training: boolean | undefined = context.training;
  readonly #resume: Resume = resumption();
  /** Which tensors of the result are differentiable: their positions. */
  #places: readonly number[] = [];
  /** The boxes that the call assigned: what they hold is part of its result. */
  #boxes: readonly Covered[] = [];

  constructor(recorder: Recorder, run: () => unknown, stream: RandomStream) {
    this.#recorder = recorder;
    this.#run = run;
    this.#overlay = new Overlay(recorder);
    this.#stream = stream;
    this.#counter = stream.counter;
  }

  /** The call itself: its operations run without being recorded. */
  forward(): unknown {
    const recorder = this.#recorder;
    const inner: Scope = openScope(labelOf(this.#run, "checkpoint"));
    recorder.saving = true;
    recorder.paused = true;
    recorder.touched = false;
    context.scope = inner;
    try {
      const result = this.#overlay.during(this.#run);
      this.#boxes = [...this.#overlay.written.keys()];
      const ys = this.#results(result);
      const places = [...ys.keys()].filter((k) => ys[k]!.interpreter !== recorder && isFloat(ys[k]!.dtype));
      this.#places = recorder.touched ? places : [];
      const noted = recorder.group(
        this,
        [],
        undefined,
        this.#places.map((k) => ys[k]!),
      );
      const given = (k: number): Tensor | undefined => noted[this.#places.indexOf(k)];
      const first = ys.length - this.#boxes.length;
      for (const [i, box] of this.#boxes.entries()) {
        const x = given(first + i);
        if (x !== undefined && overlay()?.write(box, x) !== true) box.trace(x);
      }
      let k = 0;
      return mapTree(result, (x) => {
        if (!("interpreter" in x)) return x;
        const y = given(k++);
        if (y !== undefined) return y;
        escape(x, inner, inner.parent);
        return x;
      });
    } finally {
      recorder.paused = false;
      context.scope = inner.parent;
      closeScope(inner);
    }
  }

  /** The tensors that a run returned, and those that it assigned to boxes. */
  #results(result: unknown): Tensor[] {
    const { written } = this.#overlay;
    return [...tensorsOf(result), ...this.#boxes.flatMap((box) => written.get(box) ?? [])];
  }

  back(backward: Backward, gs: readonly Tensor[]): void {
    const recorder = this.#recorder;
    const { entries } = recorder;
    const { tape } = context;
    const { counter } = this.#stream;
    recorder.entries = [];
    recorder.closed = false;
    context.tape = recorder;
    this.#stream.counter = this.#counter;
    const run = () => trained(this.#training, () => this.#overlay.during(this.#run));
    let again: Tensor[];
    let noted: Recorder["entries"];
    try {
      again = this.#results(this.#resume(run));
    } finally {
      noted = recorder.entries;
      recorder.entries = entries;
      recorder.closed = true;
      context.tape = tape;
      this.#stream.counter = counter;
    }
    for (const [i, k] of this.#places.entries()) {
      const y = again[k]!;
      if (y.interpreter === recorder) backward.add(y, gs[i]!);
    }
    backward.run(noted);
    backward.turn();
  }
}

/**
 * The same function, but nothing except its result is kept for the backward pass, where f is called again. The second
 * call draws the same random numbers, sees boxes as they were, and its assignments to boxes have no effect. What the
 * first call assigned to boxes is part of its result. In a nested `grad` or `diff` only the innermost tape saves
 * memory.
 *
 * @example
 * const block = checkpoint((x) => layer2(relu(layer1(x))));
 */
export function checkpoint<Args extends any[], R>(f: (...args: Args) => R): (...args: Args) => R {
  readValue("checkpoint", "what is repeated", f, callable);
  return (...args) => {
    const recorder = context.tape as Recorder | undefined;
    const [first] = tensorsOf(args);
    const backend = recorder?.bound ?? first?.interpreter.backend;
    // Without a backend there is no random stream to reset: then the call is recorded as usual.
    if (recorder === undefined || recorder.paused || backend === undefined)
      return distinct(f(...args), tensorsOf(args));
    return distinct(new Recomputation(recorder, () => f(...args), backend.stream).forward() as R, tensorsOf(args));
  };
}
