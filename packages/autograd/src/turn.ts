// The context in asynchronous functions. It is set only in synchronous stretches: `wait` sets it in the job right before
// the function goes on and takes it away in the job right after, so that no other code can come between and see it.
import { context, type Scope } from "@weft/tensor";
import { stillOpen, type Recorder } from "./tape.ts";

const settled = Promise.resolve();

/** Whether a tape stands on another, or is it. */
function standsOn(tape: Recorder | undefined, other: Recorder): boolean {
  for (let t = tape; t !== undefined; t = t.parent) if (t === other) return !tape!.closed;
  return false;
}

/** What `await` calls: it goes on with the tape and the scope that were current here. */
export function wait<T>(recorder: Recorder, promise: PromiseLike<T> | T): PromiseLike<T> {
  const here = standsOn(context.tape as Recorder | undefined, recorder);
  const tape = here ? (context.tape as Recorder) : recorder;
  const scope = here ? context.scope : recorder.scope;
  const mode = here ? context.training : undefined;
  return {
    // `go` is the resolving function of the awaiting promise: calling it queues the job in which the function goes on.
    // oxlint-disable-next-line unicorn/no-thenable -- being awaited in this way is the purpose
    then: (go, fail) => {
      const between =
        <V, R>(resume: ((value: V) => R) | null | undefined) =>
        (value: V) => {
          const leave = enter(tape, scope, mode);
          const result = resume?.(value);
          void settled.then(leave);
          return result;
        };
      return Promise.resolve(promise).then(between(go), between(fail)) as Promise<never>;
    },
  };
}

/** Queues the job that sets the context; gives the one that restores it. */
function enter(tape: Recorder, scope: Scope | undefined, mode: boolean | undefined): () => void {
  let before: Pick<typeof context, "tape" | "scope" | "training"> | undefined;
  void settled.then(() => {
    if (tape.closed) return;
    before = { tape: context.tape, scope: context.scope, training: context.training };
    context.tape = tape;
    context.scope = stillOpen(scope);
    context.training = mode;
    context.suspended--;
  });
  return () => {
    if (before === undefined) return;
    context.tape = before.tape;
    context.scope = before.scope;
    context.training = before.training;
    context.suspended++;
  };
}
