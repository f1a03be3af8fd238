// The end of the process. Dawn compiles in its own threads, and unloading a driver while one of them is inside it
// crashes the process. So devices are destroyed before the process ends: destroying one waits for its compilations.

/** What must end before the process does. */
export interface Ending {
  /** Ends it; nothing may start afterwards. */
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
      // The process ends regardless, and the others must end as well.
    }
}

/** Ends `ending` with the process: when it returns, exits or throws. Returns a function that unregisters it. */
export function endWithProcess(ending: Ending): () => void {
  const held = new WeakRef(ending);
  // Prepended, because other listeners may throw or exit.
  if (living.size === 0) process.prependListener("exit", endAll);
  living.add(held);
  collected.register(ending, held, held);
  return () => {
    collected.unregister(held);
    forget(held);
  };
}
