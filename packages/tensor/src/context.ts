// The one context variable: the current tape and the current scope. It is shared by every copy of this package on the
// page (it stands under a Symbol.for key), and set only in synchronous stretches.
import type { Interpreter } from "./interpreter.ts";
import type { Tensor } from "./tensor.ts";

/** Owns the handles made while it is current, and ends them when it closes. */
export interface Scope {
  readonly parent: Scope | undefined;
  /** For the message of a ReleasedTensorError: which scope this was. */
  readonly label: string;
  readonly handles: Tensor[];
  closed: boolean;
}

export interface Context {
  tape: Interpreter | undefined;
  scope: Scope | undefined;
  /** Backends with pending work: flushed when an outermost scope ends and before an outermost `diff` starts. */
  readonly pending: Set<{ flush(): void }>;
  /** Asynchronous `diff`s that are waiting, so that a parameter used without context can be refused. */
  suspended: number;
  /** Whether layers learn; left out where nobody has said, so that a copy that knows nothing of it loses nothing. */
  training?: boolean | undefined;
  /** How many scopes have closed: who hands out tensors can see whether memory is being looked after meanwhile. */
  closings: number;
}

const KEY = Symbol.for("weft.context");
const globals = globalThis as { [KEY]?: Context };
export const context: Context = (globals[KEY] ??= {
  tape: undefined,
  scope: undefined,
  pending: new Set(),
  suspended: 0,
  closings: 0,
});
