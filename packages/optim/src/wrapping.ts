// Loops around loops, some of which check items later than they yield them: what saves a model waits for that.
import { awaitable, type Run } from "./run.ts";

const CHECKED: unique symbol = Symbol.for("weft.checked");

/** Resolves when the items that loops have yielded so far are checked; throws what is wrong with them. */
export const checked = async (steps: unknown): Promise<void> =>
  (steps as { readonly [CHECKED]?: () => Promise<void> } | null)?.[CHECKED]?.();

/**
 * A run that wraps steps, and iterates as `iterate` does. Where it checks items later than it yields them, `check` resolves
 * when all so far are checked.
 */
export function wrapping<T>(
  op: string,
  steps: unknown,
  iterate: () => AsyncIterator<T>,
  check?: () => Promise<void>,
): Run<T> {
  const both = async (): Promise<void> => {
    await checked(steps);
    await check?.();
  };
  return Object.assign(awaitable(op, iterate), { [CHECKED]: both });
}
