// Being told to stop. The first Ctrl-C lets a training end in order: the step ends, the model is saved, the report is written.
// The second ends the program at once, as if nobody listened.

/** The exit codes of programs that a signal has ended: 128 and its number. */
const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof codes;
const signals = Object.keys(codes) as Signal[];

export interface Interruption {
  /** Is aborted by the first signal. */
  readonly signal: AbortSignal;
  /** With what the program is to exit: 0 as long as nobody has interrupted it. */
  code(): number;
  /** Listens no longer: from now on signals end the program at once. */
  end(): void;
}

/** Listens for signals until the first one comes, and says so. */
export function interruption(told: (signal: string) => void): Interruption {
  const controller = new AbortController();
  let code = 0;
  const stop = (signal: Signal): void => {
    end();
    code = codes[signal];
    controller.abort();
    told(signal);
  };
  const end = (): void => signals.forEach((signal) => void process.off(signal, stop));
  for (const signal of signals) process.on(signal, stop);
  return { signal: controller.signal, code: () => code, end };
}
