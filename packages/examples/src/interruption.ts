// Interruption by signals. After the first Ctrl-C training ends cleanly: the step ends, the model is saved, the report
// is written. The second ends the program at once.

/** Exit codes of programs ended by a signal: 128 + the number of the signal. */
const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof codes;
const signals = Object.keys(codes) as Signal[];

export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code for the program: 0 if it was not interrupted. */
  code(): number;
  /** Stops listening: from now on signals end the program at once. */
  end(): void;
}

/** Listens for signals until the first one comes, and calls `notify` with it. */
export function interruption(notify: (signal: string) => void): Interruption {
  const controller = new AbortController();
  let code = 0;
  const stop = (signal: Signal): void => {
    end();
    code = codes[signal];
    controller.abort();
    notify(signal);
  };
  const end = (): void => signals.forEach((signal) => void process.off(signal, stop));
  for (const signal of signals) process.on(signal, stop);
  return { signal: controller.signal, code: () => code, end };
}
