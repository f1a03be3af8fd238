// How batches are handed out: one by one, or made ahead in asynchronous loops; and how long they live.
import type { Cursor, Passes } from "../position.ts";
import { adopt, closeScope, context, type Scope } from "@weft/tensor/internals";

export interface Made<T> {
  readonly value: T;
  /** Owns the batch's tensors until the loop's scope does. */
  readonly scope: Scope;
}

/** A pass that is under way. */
export interface Pass<U> {
  readonly cursor: Cursor;
  readonly passes: Passes;
  readonly length: number;
  /** The i-th batch of the pass. */
  readonly make: (i: number) => Made<U>;
}

export function* walk<U>({ cursor, passes, length, make }: Pass<U>): Generator<U> {
  while (cursor.batch < length) {
    const made = make(cursor.batch);
    cursor.batch++;
    yield* lent(made);
  }
  passes.end(cursor);
}

export async function* walkAhead<U>({ cursor, passes, length, make }: Pass<U>, ahead: number): AsyncGenerator<U> {
  const queue: Made<U>[] = [];
  let next = cursor.batch;
  try {
    while (cursor.batch < length) {
      while (next <= cursor.batch + ahead && next < length) queue.push(make(next++));
      const made = queue.shift()!;
      cursor.batch++;
      yield* lent(made);
    }
    passes.end(cursor);
  } finally {
    for (const made of queue) close(made.scope);
  }
}

/**
 * A batch for the time of its turn. Where the loop has moved on, it is released if scopes close here, else left to the
 * owner of everything else.
 */
function* lent<U>({ value, scope }: Made<U>): Generator<U> {
  const since = context.closings;
  try {
    yield value;
  } finally {
    if (context.closings !== since) close(scope);
    else for (const x of scope.handles) if (x.owner === scope) adopt(x, context.scope);
  }
}

/** Closes a scope of this package. It does not count as one of the loop's: other passes may be running. */
export function close(scope: Scope): void {
  closeScope(scope);
  context.closings--;
}
