// The one context variable: the current tape, the current scope and the like. All copies of this package on a page
// share it (under a Symbol.for key). It is set only during synchronous code.
import type { FusedOp } from "./fused.ts";
import { CONTRACT, type Box, type Interpreter, type RandomStream, type Value } from "./interpreter.ts";
import type { LaunchLog } from "./launch-log.ts";
import type { Tensor } from "./tensor.ts";

/** Owns the handles made while it is current, and releases them when it closes. */
export interface Scope {
  readonly parent: Scope | undefined;
  /** For the message of a ReleasedTensorError: which scope this was. */
  readonly label: string;
  readonly handles: Tensor[];
  closed: boolean;
}

/** Assignments to boxes that all take effect or are all rolled back. */
export interface Step {
  /** Called after a launch failed and the assignments of the step were rolled back. */
  readonly undo?: ((reason: Error) => void) | undefined;
  readonly outer: Step | undefined;
  /** `context.turn` of the `diff` whose step this is: what is assigned by hand during it belongs to the step. */
  readonly turn?: number | undefined;
  /** A second enclosing step: the program's, where `outer` is a tape's. */
  readonly also?: Step;
  /** The streams that were drawn from in it, and their keys and counters before each draw. */
  draws?: (readonly [stream: RandomStream, key: RandomStream["key"], counter: number])[];
}

/** A function as messages name it, and whether its indices are labels. */
export interface Caller {
  readonly name: string;
  readonly labels?: boolean;
  /** The fused operation whose fallback is called, if it is one. */
  readonly op?: FusedOp | undefined;
}

/** Is told what an operation begins with; what it returns is told the results. */
export type Watcher = (
  op: string,
  values: readonly Value[],
  attrs: unknown,
) => ((results: readonly Tensor[]) => void) | undefined;

export interface Context {
  tape: Interpreter | undefined;
  scope: Scope | undefined;
  /** Backends with pending work: flushed when an outermost scope ends and before an outermost `diff` starts. */
  readonly pending: Set<{
    flush(results?: readonly Tensor[]): void;
    /** Rolls back what a step assigned to boxes, unless it has been computed already. */
    rollBack?(step: Step, reason: Error): void;
  }>;
  /** How many asynchronous `diff`s are waiting: a parameter used without context is refused then. */
  suspended: number;
  /** Whether layers are in training mode; undefined where `training` was not called. */
  training: boolean | undefined;
  /** The current step, for backends that can roll back what it assigned. */
  step: Step | undefined;
  /** Whether a backward pass is calling derivatives: errors about their indices name the original call. */
  backward: boolean;
  /** The boxes that were read or assigned since a caller began to watch, each once, in order. */
  met: { readonly seen: Set<Box>; readonly list: Box[] } | undefined;
  /** The public function whose parts are being called: their errors carry its name. */
  caller: Caller | undefined;
  /** Counts outermost scopes and `diff`s: what is assigned by hand during the same one is rolled back together. */
  turn: number;
  /** Told of each operation that runs, for all who watch: `finite`. */
  watch?: (Watcher & { readonly all: Set<Watcher> }) | undefined;
  /** Where backends note what they launch, in each, while there are any: those of `profile`. */
  logs?: Set<LaunchLog> | undefined;
  /** How many scopes have closed: who hands out tensors can see whether the program's own scopes free memory. */
  closings: number;
}

// Copies with another contract use another context, and never see these tensors.
const KEY = Symbol.for(`weft.context.${CONTRACT}`);
const globals = globalThis as { [KEY]?: Context };
export const context: Context = (globals[KEY] ??= {
  tape: undefined,
  scope: undefined,
  pending: new Set(),
  suspended: 0,
  training: undefined,
  step: undefined,
  backward: false,
  met: undefined,
  caller: undefined,
  turn: 0,
  closings: 0,
});

/** Calls `f`, a part of the function `name`. Errors carry that name, since users do not know the parts. */
export function inNameOf<T>(name: string, f: () => T, labels = false, op?: FusedOp): T {
  const outer = context.caller;
  if (outer !== undefined && (op === undefined || outer.op !== undefined)) return f();
  context.caller = outer === undefined ? { name, labels, op } : { ...outer, op };
  try {
    return f();
  } finally {
    context.caller = outer;
  }
}

/** What messages call an operation: the function that the user called, if the operation is a part of one, or itself. */
export const calledAs = (op: string): string => context.caller?.name ?? op;

/** Notes a draw in a step and in those around it. */
function note(stream: RandomStream, step: Step | undefined): void {
  for (; step !== undefined; step = step.outer) {
    (step.draws ??= []).push([stream, stream.key, stream.counter]);
    note(stream, step.also);
  }
}

/** The counter of the next draw from a stream, which advances. */
export function nextDraw(stream: RandomStream): number {
  note(stream, context.step);
  return stream.counter++;
}

/**
 * Gives streams back the numbers that a step drew, unless others were drawn since or the stream was seeded: made again,
 * it draws the same.
 */
export function undraw({ draws }: Step): void {
  for (const [stream, key, counter] of draws?.splice(0).toReversed() ?? [])
    if (stream.key === key && stream.counter === counter + 1) stream.counter = counter;
}

/** Rolls back what a step that has thrown assigned, unless it has been computed already. */
export function rollBack(step: Step, reason: unknown): void {
  undraw(step);
  for (const backend of context.pending)
    backend.rollBack?.(step, reason instanceof Error ? reason : new Error(String(reason)));
}

/**
 * Calls `f` as a part of a backward pass or of an update by its gradients; with `part` false, as the program's own code
 * in one.
 */
export function inBackward<T>(f: () => T, part = true): T {
  const { backward } = context;
  context.backward = part;
  try {
    return f();
  } finally {
    context.backward = backward;
  }
}

/**
 * Calls `f`. If a part of what it assigns to boxes cannot be computed, all of it is rolled back, with everything else
 * that was assigned in the steps around it. Then `undo` is called, later.
 */
export const together = <T>(f: () => T, undo?: (reason: Error) => void): T =>
  withinStep({ undo, outer: context.step }, f);

/** Marks the beginning of an outermost scope or of a `diff`. */
export const nextTurn = (): void => void context.turn++;

/** Whether `outer` is `step` itself or one of the steps around it. */
export const isAround = (outer: Step | undefined, step: Step | undefined): boolean =>
  outer === undefined ||
  (step !== undefined && (step === outer || isAround(outer, step.outer) || isAround(outer, step.also)));

/** Calls `f` within both a step that may have begun before and the current one. */
export function withinStep<T>(step: Step | undefined, f: () => T): T {
  const before = context.step;
  if (step !== undefined && !isAround(step, before))
    context.step = isAround(before, step) ? step : { outer: step, also: before! };
  try {
    return f();
  } finally {
    context.step = before;
  }
}
