// The context in asynchronous functions. It is set only during synchronous code: `wait` sets it in the job right before
// the function continues, and restores the old one in the job right after, so that no other code runs with it.
import { context } from "@weft/tensor/internals";
import type { Session } from "./gradient-run.ts";
import { stillOpen, type Recorder } from "./tape.ts";

const settled = Promise.resolve();

/** Whether an open tape is `other` or wraps it. */
function standsOn(tape: Recorder | undefined, other: Recorder): boolean {
  for (let t = tape; t !== undefined; t = t.parent) if (t === other) return !tape!.closed;
  return false;
}

/** The part of the context that `wait` restores. */
type Saved = Pick<typeof context, "tape" | "scope" | "training" | "step">;
const saved = ({ tape, scope, training, step }: Saved): Saved => ({ tape, scope, training, step });

/** The thenable that is awaited: the function continues with the tape, the scope and the step that are current here. */
export function wait<T>({ recorder, step }: Session, promise: PromiseLike<T> | T): PromiseLike<T> {
  const here = standsOn(context.tape as Recorder | undefined, recorder);
  const restored = here ? saved(context) : { tape: recorder, scope: recorder.scope, training: undefined, step };
  return {
    // `go` is the resolving function of the awaiting promise: calling it queues the job in which the function
    // continues.
    // oxlint-disable-next-line unicorn/no-thenable -- being awaited in this way is the purpose
    then: (go, fail) => {
      const between =
        <V, R>(resume: ((value: V) => R) | null | undefined) =>
        (value: V) => {
          const leave = enter(restored);
          const result = resume?.(value);
          void settled.then(leave);
          return result;
        };
      return Promise.resolve(promise).then(between(go), between(fail)) as Promise<never>;
    },
  };
}

/** Queues the job that sets the context; returns the job that puts the previous one back. */
function enter(restored: Saved): () => void {
  let before: Saved | undefined;
  void settled.then(() => {
    if (restored.tape!.closed) return;
    before = saved(context);
    Object.assign(context, restored, { scope: stillOpen(restored.scope) });
    context.suspended--;
  });
  return () => {
    if (before === undefined) return;
    Object.assign(context, before);
    context.suspended++;
  };
}
