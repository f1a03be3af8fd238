// Errors of a device, and when they are reported: by the next call that sends work or waits for it. An error is
// reported once, the loss of the device every time.
import { MemoryError, WeftError } from "@weft/tensor";
import type { Trial } from "@weft/kernel";

/** Milliseconds to wait for the reason of a failure, which may arrive a moment after it. */
const PATIENCE = 200;

/** Whether the environment (in Node) or the page asks for errors that name the operation: `WEFT_DEBUG=1`. */
function asksForDebug(): boolean {
  const { process, WEFT_DEBUG } = globalThis as {
    process?: { env?: Record<string, string | undefined> };
    WEFT_DEBUG?: unknown;
  };
  const asked = WEFT_DEBUG ?? process?.env?.["WEFT_DEBUG"];
  return asked !== undefined && asked !== "" && asked !== "0" && asked !== 0 && asked !== false;
}

/** Whether the error is only about an object that an earlier error made invalid. */
const isConsequence = (message: string): boolean => /is invalid due to a previous error/.test(message);

export class DeviceErrors {
  /** Whether every dispatch is sent by itself, so that an error names it. */
  readonly debug: boolean;
  readonly #device: GPUDevice;
  readonly #scopes = new Set<Promise<void>>();
  readonly #uncaptured: (event: GPUUncapturedErrorEvent) => void;
  readonly #onLoss: () => void;
  #failure: Error | undefined;
  /** How many things all work after them may need, and how many of these may still turn out to be missing. */
  #made = 0;
  #open = 0;
  /** Told whether they were there. */
  trial: Pick<Trial, "passed" | "failed" | "told"> | undefined;
  #lost = false;

  /** `onLoss` is called when the device is known to be lost. */
  constructor(device: GPUDevice, debug = asksForDebug(), onLoss = (): void => {}) {
    this.#device = device;
    this.#onLoss = onLoss;
    this.debug = debug;
    this.#uncaptured = ({ error: { message } }) => {
      if (!isConsequence(message)) this.fail(this.#nameless(message));
    };
    device.addEventListener("uncapturederror", this.#uncaptured);
    void device.lost.then(({ reason, message }) => this.lose(message || reason));
  }

  #nameless(message: string): WeftError {
    const hint = this.debug ? "" : " (with WEFT_DEBUG=1 the error names the operation)";
    return new WeftError(`tensor-webgpu: ${message}${hint}`);
  }

  /** Notes what an error scope found. If that is a consequence, its cause is reported elsewhere, before or after. */
  async #note({ message }: GPUError, errorOf: (message: string) => Error): Promise<void> {
    if (!isConsequence(message) || !(await this.#somethingNoted())) this.fail(errorOf(message));
  }

  async #somethingNoted(): Promise<boolean> {
    const until = performance.now() + PATIENCE;
    while (this.#failure === undefined && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 1));
    return this.#failure !== undefined;
  }

  /** Records an error: the next call that waits fails with it. */
  fail(error: Error): void {
    if (this.#lost) return;
    // Running out of memory causes other errors after it.
    if (this.#failure === undefined || (error instanceof MemoryError && !(this.#failure instanceof MemoryError)))
      this.#failure = error;
  }

  /** Records that the device is gone: every later call fails with this reason. */
  lose(reason: string): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#failure = new WeftError(
      `tensor-webgpu: the device was lost (${reason}); open() returns a new one: ` +
        "load your model there from its last saved copy",
    );
    this.#device.removeEventListener("uncapturederror", this.#uncaptured);
    this.#onLoss();
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** Throws the error that the device has failed with. */
  check(): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    if (this.#lost) {
      // Each call gets an error with its own stack.
      throw new WeftError(failure.message);
    }
    this.#failure = undefined;
    throw failure;
  }

  /**
   * Makes something under an error scope, whose outcome is known later: `errorOf` gives the error, before `done` is
   * called.
   */
  scoped<T>(filter: GPUErrorFilter, make: () => T, errorOf: (message: string) => Error, done?: () => void): T {
    this.#device.pushErrorScope(filter);
    try {
      return make();
    } finally {
      const scope = this.#device
        .popErrorScope()
        .then(
          (error) => (error === null ? undefined : this.#note(error, errorOf)),
          () => undefined, // the device was lost
        )
        .then(() => {
          this.#scopes.delete(scope);
          done?.();
        });
      this.#scopes.add(scope);
    }
  }

  /** How many things were made under `doubtful`, if some are not known to be there; else 0. */
  get doubt(): number {
    return this.#open === 0 ? 0 : this.#made;
  }

  /** Like `scoped`, for what later work needs: that is in doubt until the outcome is known, and lost if it fails. */
  doubtful<T>(filter: GPUErrorFilter, make: () => T, errorOf: (message: string) => Error): T {
    const number = ++this.#made;
    this.#open++;
    const failed = (message: string): Error => {
      const error = errorOf(message);
      this.trial?.failed(number, error);
      return error;
    };
    return this.scoped(filter, make, failed, () => {
      if (--this.#open === 0) this.trial?.passed();
    });
  }

  /** Sends work in debug mode: its errors name it. */
  named(name: string, send: () => void): void {
    this.scoped("validation", send, (message) => new WeftError(`tensor-webgpu: in ${name}: ${message}`));
  }

  /**
   * Sends work that is waited for. A browser may report the end of the wait before an error, but not before the scope's
   * end.
   */
  awaited(send: () => void): void {
    this.scoped("validation", send, (message) => this.#nameless(message));
  }

  /** Resolves when everything made under error scopes has succeeded, or its error has been noted. */
  async settled(): Promise<void> {
    while (this.#scopes.size > 0) await Promise.all(this.#scopes);
  }

  /**
   * Throws the reason of a failed wait: a noted error, the loss of the device (which may arrive a moment later), or
   * `cause`.
   */
  async explain(cause: Error): Promise<never> {
    await this.settled();
    this.check();
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([this.#device.lost, new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE)))]);
    clearTimeout(timer);
    this.check();
    throw new WeftError(`tensor-webgpu: reading failed: ${cause.message}`, { cause });
  }
}
