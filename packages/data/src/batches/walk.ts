// How batches are handed out: one by one, or uploaded ahead in asynchronous loops; and how long they live.
import type { Cursor, Passes } from "../position.ts";
import { adopt, closeScope, context, type Scope } from "@weft/tensor/internals";

/** A batch, or what one is made of. */
export interface Made<T> {
  readonly value: T;
  /** Owns its tensors until the loop's scope does. */
  readonly scope: Scope;
}

/** A pass that is under way. */
export interface Pass<B, U> {
  readonly cursor: Cursor;
  readonly passes: Passes;
  readonly length: number;
  /** The i-th batch of the pass: it depends on nothing but i, so it can be made ahead. */
  readonly make: (i: number) => Made<B>;
  /** What the loop gets of it. What runs here may draw random numbers, so it runs when the batch is yielded. */
  readonly finish: (made: Made<B>) => Made<U>;
}

export function* walk<B, U>({ cursor, passes, length, make, finish }: Pass<B, U>): Generator<U> {
  try {
    while (cursor.batch < length) {
      const made = finish(make(cursor.batch));
      cursor.batch++;
      yield* lent(made);
    }
    passes.end(cursor);
  } finally {
    cursor.first = 0;
  }
}

export async function* walkAhead<B, U>(
  { cursor, passes, length, make, finish }: Pass<B, U>,
  ahead: number,
): AsyncGenerator<U> {
  const queue: Made<B>[] = [];
  let next = cursor.batch;
  try {
    while (cursor.batch < length) {
      while (next <= cursor.batch + ahead && next < length) queue.push(make(next++));
      const made = finish(queue.shift()!);
      cursor.batch++;
      yield* lent(made);
    }
    passes.end(cursor);
  } finally {
    cursor.first = 0;
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
