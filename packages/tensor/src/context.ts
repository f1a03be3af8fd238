// The one context variable: the current tape and the current scope. It is shared by every copy of this package on the
// page (it stands under a Symbol.for key), and set only in synchronous stretches.
import { CONTRACT, type Box, type Interpreter } from "./interpreter.ts";
import type { Tensor } from "./tensor.ts";

/** Owns the handles made while it is current, and ends them when it closes. */
export interface Scope {
  readonly parent: Scope | undefined;
  /** For the message of a ReleasedTensorError: which scope this was. */
  readonly label: string;
  readonly handles: Tensor[];
  closed: boolean;
}

/** Assignments to boxes that stand or fall together. */
export interface Step {
  /** Called when a launch failed and what was assigned in the step was taken back. */
  undo?(reason: Error): void;
  readonly outer: Step | undefined;
  /** That of the `diff` whose step it is: what is assigned by hand in it belongs to the step. */
  readonly turn?: number | undefined;
  /** Another step around it: that of the program, where `outer` is that of a tape. */
  readonly also?: Step;
}

/** A function as messages name it; whether the indices in it are labels. */
export interface Caller {
  readonly name: string;
  readonly labels?: boolean;
}

export interface Context {
  tape: Interpreter | undefined;
  scope: Scope | undefined;
  /** Backends with pending work: flushed when an outermost scope ends and before an outermost `diff` starts. */
  readonly pending: Set<{
    flush(results?: readonly Tensor[]): void;
    /** Gives boxes back what they had before a step, as far as what it assigned is not computed yet. */
    takeBack?(step: Step, reason: Error): void;
  }>;
  /** Asynchronous `diff`s that are waiting, so that a parameter used without context can be refused. */
  suspended: number;
  /** Whether layers learn, where somebody has said so. */
  training: boolean | undefined;
  /** The current step, for backends that can take back what it assigned. */
  step: Step | undefined;
  /** Whether a backward pass is calling derivatives: wrong indices in them are those of the call that they are derivatives of. */
  backward: boolean;
  /** The boxes that were read or assigned since somebody began to watch, each once, in order. */
  met: { readonly seen: Set<Box>; readonly list: Box[] } | undefined;
  /** The public function whose parts are being called: what goes wrong in them is told in its name. */
  caller: Caller | undefined;
  /** Counts outermost scopes and `diff`s: what is assigned by hand in the same one is taken back together. */
  turn: number;
  /** How many scopes have closed: who hands out tensors can see whether memory is being looked after meanwhile. */
  closings: number;
}

// Copies of another contract know another context, and none of these tensors.
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

/** Calls `f`, a part of the function `name`, in whose name errors are told: its user knows nothing of the parts. */
export function inNameOf<T>(name: string, f: () => T, labels = false): T {
  if (context.caller !== undefined) return f();
  context.caller = { name, labels };
  try {
    return f();
  } finally {
    context.caller = undefined;
  }
}

/** A step has thrown: what it has assigned is taken back, as far as it is not computed yet. */
export function takeBack(step: Step, reason: unknown): void {
  for (const backend of context.pending)
    backend.takeBack?.(step, reason instanceof Error ? reason : new Error(String(reason)));
}

/** Calls `f`, a part of a backward pass, or what makes a step of its gradients; or, with false, the program's own code in one. */
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
 * Calls `f`. What it assigns to boxes is taken back as a whole if a part of it cannot be computed, with what else was assigned in the
 * steps around it; then `undo` is called, later.
 */
export const together = <T>(f: () => T, undo?: (reason: Error) => void): T =>
  withinStep(undo === undefined ? { outer: context.step } : { undo, outer: context.step }, f);

/** A scope that has none around it begins, or a `diff`. */
export const nextTurn = (): void => void context.turn++;

/** Whether a step is another one, or one of those around it. */
export const isAround = (outer: Step | undefined, step: Step | undefined): boolean =>
  outer === undefined ||
  (step !== undefined && (step === outer || isAround(outer, step.outer) || isAround(outer, step.also)));

/** Calls `f` within a step that may have begun before, and within the current one. */
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
