// Interruption by signals. Before training begins, a signal ends the program. After the first one in training it ends
// cleanly: the step ends, the model is saved, the report is written. In the report it leaves out what takes long. The next
// signal ends the program at once.

/** Exit codes of programs ended by a signal: 128 + the number of the signal. */
const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof codes;
const signals = Object.keys(codes) as Signal[];

export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** From now on the first signal ends training, or the report, cleanly. */
  begin(): void;
  /** The exit code for the program: 0 if it was not interrupted. */
  code(): number;
  /** Stops listening: from now on signals end the program at once. */
  end(): void;
}

interface Told {
  /** A signal that ends the program, before training has begun. */
  readonly early: (signal: string) => void;
  /** The first signal in training, or while its report is written. */
  readonly first: (signal: string) => void;
  /** The second one, which ends the program. */
  readonly second: (signal: string) => void;
}

/** Listens for signals until one ends the program. */
export function interruption({ early, first, second }: Told): Interruption {
  const controller = new AbortController();
  let code = 0;
  let begun = false;
  const stop = (signal: Signal): void => {
    if (!begun || code !== 0) {
      end();
      (begun ? second : early)(signal);
      process.kill(process.pid, signal); // nobody listens now: it has its default effect
      return;
    }
    code = codes[signal];
    controller.abort();
    first(signal);
  };
  const end = (): void => signals.forEach((signal) => void process.off(signal, stop));
  for (const signal of signals) process.on(signal, stop);
  return { signal: controller.signal, begin: () => void (begun = true), code: () => code, end };
}
