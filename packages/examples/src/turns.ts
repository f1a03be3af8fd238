// A turn for others. A loop that awaits only what is ready lets no signal, timer or drawing through.

/** Waits for others, if it is so many milliseconds since they had their turn. */
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
