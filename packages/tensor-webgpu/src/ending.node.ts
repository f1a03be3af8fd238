// The end of the process. Dawn compiles in threads of its own, and a driver that is taken down while one of them is inside it takes
// the process with it. So devices end before the process does: destroying one waits for what it compiles.

/** What has to end before the process does. */
export interface Ending {
  /** Nothing may start behind it. */
  end(): void;
}

const living = new Set<WeakRef<Ending>>();
const collected = new FinalizationRegistry<WeakRef<Ending>>(forget);

function forget(ending: WeakRef<Ending>): void {
  living.delete(ending);
  if (living.size === 0) process.off("exit", endAll);
}

function endAll(): void {
  for (const ending of living)
    try {
      ending.deref()?.end();
    } catch {
      // The process ends all the same, and the others have to end, too.
    }
}

/** Ends something with the process: when it returns, exits or throws. Gives the function that takes this back. */
export function endWithProcess(ending: Ending): () => void {
  const held = new WeakRef(ending);
  // First of all: listeners of others may throw, or exit in their turn.
  if (living.size === 0) process.prependListener("exit", endAll);
  living.add(held);
  collected.register(ending, held, held);
  return () => {
    collected.unregister(held);
    forget(held);
  };
}
