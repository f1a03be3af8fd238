// Yields to the event loop every 20 ms, so that signals and timers run: a loop that awaits only settled promises never
// yields by itself.

/** Returns a function that waits for one turn of the event loop, if the last was `every` milliseconds ago or more. */
export function turns(every = 20): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < every) return undefined;
    return new Promise((resolve) =>
      setTimeout(() => {
        since = performance.now();
        resolve();
      }),
    );
  };
}
