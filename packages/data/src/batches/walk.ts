// How batches are handed out: one by one, or made ahead in asynchronous loops; and how long they live.
import { adopt, closeScope, context, type Scope } from "@weft/tensor/internals";

export interface Made<T> {
  readonly value: T;
  /** Owns the batch's tensors until the loop's scope does. */
  readonly scope: Scope;
}

export function* walk<U>(length: number, make: (i: number) => Made<U>): Generator<U> {
  for (let i = 0; i < length; i++) {
    const made = make(i);
    const since = context.closings;
    try {
      yield made.value;
    } finally {
      end(made, since);
    }
  }
}

export async function* walkAhead<U>(length: number, make: (i: number) => Made<U>, ahead: number): AsyncGenerator<U> {
  const queue: Made<U>[] = [];
  try {
    for (let i = 0; i < length;) {
      while (queue.length <= ahead && i + queue.length < length) queue.push(make(i + queue.length));
      const made = queue.shift()!;
      i++;
      const since = context.closings;
      try {
        yield made.value;
      } finally {
        end(made, since);
      }
    }
  } finally {
    for (const made of queue) close(made.scope);
  }
}

/** The loop has moved on: releases a batch if scopes close here, else leaves it to the owner of everything else. */
function end<U>({ scope }: Made<U>, since: number): void {
  if (context.closings !== since) close(scope);
  else for (const x of scope.handles) if (x.owner === scope) adopt(x, context.scope);
}

/** Closes a scope of this package. It does not count as one of the loop's: other passes may be running. */
export function close(scope: Scope): void {
  closeScope(scope);
  context.closings--;
}
