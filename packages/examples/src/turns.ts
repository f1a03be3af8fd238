// Yields to the event loop every 20 ms, so that signals and timers run: a loop that awaits only what is ready never does.

/** Waits for one turn of the event loop, if the last was so many milliseconds ago. */
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
