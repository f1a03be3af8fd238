// The context in asynchronous functions. It is set only in synchronous stretches: `wait` sets it in the job right before
// the function goes on and takes it away in the job right after, so that no other code can come between and see it.
import { context } from "@weft/tensor/internals";
import type { Session } from "./gradient-run.ts";
import { stillOpen, type Recorder } from "./tape.ts";

const settled = Promise.resolve();

/** Whether a tape stands on another, or is it. */
function standsOn(tape: Recorder | undefined, other: Recorder): boolean {
  for (let t = tape; t !== undefined; t = t.parent) if (t === other) return !tape!.closed;
  return false;
}

/** What `wait` puts back. */
type Kept = Pick<typeof context, "tape" | "scope" | "training" | "step">;
const kept = ({ tape, scope, training, step }: Kept): Kept => ({ tape, scope, training, step });

/** What `await` calls: it goes on with the tape, the scope and the step that were current here. */
export function wait<T>({ recorder, step }: Session, promise: PromiseLike<T> | T): PromiseLike<T> {
  const here = standsOn(context.tape as Recorder | undefined, recorder);
  const then = here ? kept(context) : { tape: recorder, scope: recorder.scope, training: undefined, step };
  return {
    // `go` is the resolving function of the awaiting promise: calling it queues the job in which the function goes on.
    // oxlint-disable-next-line unicorn/no-thenable -- being awaited in this way is the purpose
    then: (go, fail) => {
      const between =
        <V, R>(resume: ((value: V) => R) | null | undefined) =>
        (value: V) => {
          const leave = enter(then);
          const result = resume?.(value);
          void settled.then(leave);
          return result;
        };
      return Promise.resolve(promise).then(between(go), between(fail)) as Promise<never>;
    },
  };
}

/** Queues the job that sets the context; gives the one that restores it. */
function enter(then: Kept): () => void {
  let before: Kept | undefined;
  void settled.then(() => {
    if (then.tape!.closed) return;
    before = kept(context);
    Object.assign(context, then, { scope: stillOpen(then.scope) });
    context.suspended--;
  });
  return () => {
    if (before === undefined) return;
    Object.assign(context, before);
    context.suspended++;
  };
}
