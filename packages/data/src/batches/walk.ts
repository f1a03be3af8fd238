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

/** What an iterator has: the batch whose turn it is, and those that were made ahead. */
class Held {
  /** Owns the batch that the loop has. */
  lent: Scope | undefined;
  ahead: readonly Made<unknown>[] = [];
}

/** Of iterators that are left in the middle, and collected: nobody can ask for what was made ahead. */
const left = new FinalizationRegistry<Held>(({ lent, ahead }) => {
  if (lent !== undefined) handOver(lent, undefined); // the program may still have it
  for (const { scope } of ahead) close(scope);
});

/** An iterator that is collected gives up what it has. */
function watched<I extends object>(iterator: I, held: Held): I {
  left.register(iterator, held);
  return iterator;
}

export function walk<B, U>(pass: Pass<B, U>): Generator<U> {
  const held = new Held();
  return watched(walking(pass, held), held);
}

export function walkAhead<B, U>(pass: Pass<B, U>, ahead: number): AsyncGenerator<U> {
  const held = new Held();
  return watched(walkingAhead(pass, ahead, held), held);
}

function* walking<B, U>({ cursor, passes, length, make, finish }: Pass<B, U>, held: Held): Generator<U> {
  try {
    while (cursor.batch < length) {
      const made = finish(make(cursor.batch));
      passes.take(cursor);
      yield* lent(made, held);
    }
    passes.end(cursor);
  } finally {
    cursor.first = 0;
  }
}

async function* walkingAhead<B, U>(
  { cursor, passes, length, make, finish }: Pass<B, U>,
  ahead: number,
  held: Held,
): AsyncGenerator<U> {
  const queue: Made<B>[] = [];
  held.ahead = queue;
  let next = cursor.batch;
  try {
    while (cursor.batch < length) {
      while (next <= cursor.batch + ahead && next < length) queue.push(make(next++));
      const made = finish(queue.shift()!);
      passes.take(cursor);
      yield* lent(made, held);
    }
    passes.end(cursor);
  } finally {
    cursor.first = 0;
    for (const made of queue.splice(0)) close(made.scope);
  }
}

/**
 * A batch for the time of its turn. Where the loop has moved on, it is released if scopes close here, else left to the
 * owner of everything else.
 */
function* lent<U>({ value, scope }: Made<U>, held: Held): Generator<U> {
  const since = context.closings;
  held.lent = scope;
  try {
    yield value;
  } finally {
    held.lent = undefined;
    if (context.closings !== since) close(scope);
    else handOver(scope, context.scope);
  }
}

/** Gives what a scope has to another owner; to the garbage collector, if that is undefined. */
function handOver(scope: Scope, owner: Scope | undefined): void {
  for (const x of scope.handles) if (x.owner === scope) adopt(x, owner);
  scope.handles.length = 0;
}

/** Closes a scope of this package. It does not count as one of the loop's: other passes may be running. */
export function close(scope: Scope): void {
  closeScope(scope);
  context.closings--;
}
