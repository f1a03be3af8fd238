// The threads of a backend: pieces of work lie in shared memory as commands, and workers and the main thread claim them
// alike. Nobody waits for a worker that has claimed nothing, and none keeps a process alive.
import type { Routine } from "../calls/call.ts";
import { link } from "../translate/index.ts";
import { execute, MOST_ARGUMENTS, type Views } from "./commands.ts";
import { startWorker, type Running } from "./start.ts";
import { counter, type Shared } from "./worker.ts";

/** How many pieces may be offered at a time, how many modules there may be, words of commands and bytes of code. */
const PIECES = 256;
const MODULES = 4096;
const COMMANDS = 1 << 23;
const CODE = 1 << 24;
const FIRST_PIECE = 256;
/**
 * Looks of a worker before it sleeps, and of the main thread before it does: some tens of microseconds. A pause is 10 to
 * 50 ns.
 */
const PATIENCE = "pause" in Atomics ? 1000 : 4000;
/** The longest the main thread sleeps, in milliseconds: whoever should wake it may have been ended. */
const NAP = 1;

const { pause } = Atomics as { pause?: () => void };

/** Thrown while commands are recorded, by what cannot be: work in JavaScript, or too many commands. */
export class Unrecordable extends Error {}

/** The heap, whose views are replaced when it grows. */
interface Main extends Views {
  readonly memory: WebAssembly.Memory;
}

/** The workers of pools that nobody holds any more are ended. */
const abandoned = new FinalizationRegistry<Running[]>((workers) => {
  for (const worker of workers) worker.terminate();
});

export class Pool {
  readonly #main: Main;
  readonly #shared: Shared;
  readonly #workers: Running[] = [];
  readonly #routines: Routine[] = [];
  #codeEnd = 0;
  /** Where the commands of the next piece begin, and end so far. */
  #begin = 0;
  #end = 0;
  /** Pieces that were offered when all were done the last time. */
  #finished = 0;
  #sleeps = true;

  constructor(main: Main, workers: number) {
    this.#main = main;
    const bytes = 4 * (FIRST_PIECE + 2 * PIECES + 2 * MODULES);
    this.#shared = {
      heap: main.memory,
      control: new Int32Array(new SharedArrayBuffer(bytes)),
      commands: new Int32Array(new SharedArrayBuffer(4 * COMMANDS)),
      code: new Uint8Array(new SharedArrayBuffer(CODE)),
      pieces: FIRST_PIECE,
      modules: FIRST_PIECE + 2 * PIECES,
      most: PIECES,
      patience: PATIENCE,
    };
    for (let i = 0; i < workers; i++) {
      const worker = startWorker(this.#shared);
      if (worker === undefined) break;
      this.#workers.push(worker);
    }
    abandoned.register(this, this.#workers);
  }

  /** Workers that have begun. */
  get begun(): number {
    return Atomics.load(this.#shared.control, counter.begun);
  }

  /**
   * Gives the routines of a module numbers, in the order of its exports. Undefined if workers cannot load it, or there
   * is no more room.
   */
  learn(bytes: Uint8Array<ArrayBuffer>): { readonly [name: string]: number } | undefined {
    const { control, code, modules } = this.#shared;
    const count = control[counter.modules]!;
    if (count === MODULES || this.#codeEnd + bytes.length > CODE) return undefined;
    // A worker has the heap, and none of JavaScript's functions.
    const module = new WebAssembly.Module(bytes);
    if (WebAssembly.Module.imports(module).length > 1) return undefined;
    const routines = link(module, this.#main.memory);
    code.set(bytes, this.#codeEnd);
    control[modules + 2 * count] = this.#codeEnd;
    control[modules + 2 * count + 1] = bytes.length;
    this.#codeEnd += bytes.length;
    Atomics.store(control, counter.modules, count + 1);
    return Object.fromEntries(Object.entries(routines).map(([name, run]) => [name, this.#routines.push(run) - 1]));
  }

  /** Records a call of a routine. */
  call(routine: number, args: readonly number[]): void {
    const { commands } = this.#shared;
    const n = args.length;
    if (n > MOST_ARGUMENTS) throw new Unrecordable();
    if (this.#end + n + 2 > COMMANDS) throw new Unrecordable();
    commands[this.#end] = routine;
    commands[this.#end + 1] = n;
    for (let i = 0; i < n; i++) commands[this.#end + 2 + i] = args[i]!;
    this.#end += n + 2;
  }

  /** Records another command, of two numbers. */
  other(kind: -1 | -2 | -3, a: number, b: number): void {
    const { commands } = this.#shared;
    if (this.#end + 3 > COMMANDS) throw new Unrecordable();
    commands[this.#end++] = kind;
    commands[this.#end++] = a;
    commands[this.#end++] = b;
  }

  /**
   * Offers what `record` records as one piece. False if it cannot be recorded, or is too much: of the `first` piece of a
   * launch half of what there is room for, since others may have more commands.
   */
  piece(record: () => void, first = false): boolean {
    for (;;) {
      try {
        record();
        if (first && this.#end - this.#begin > COMMANDS / 2) {
          this.#end = this.#begin;
          return false;
        }
        this.#offer();
        return true;
      } catch (error) {
        this.#end = this.#begin;
        if (!(error instanceof Unrecordable)) throw error;
        if (this.#begin === 0) return false;
        this.finish();
      }
    }
  }

  /** Offers what was recorded since the last piece. */
  #offer(): void {
    const { control, pieces } = this.#shared;
    const offered = control[counter.offered]!;
    // Counted from the last time that all were done: how many are done now does not say which.
    if (((offered - this.#finished) | 0) === PIECES) this.finish();
    const piece = pieces + 2 * (offered & (PIECES - 1));
    control[piece] = this.#begin;
    control[piece + 1] = this.#end;
    this.#begin = this.#end;
    Atomics.store(control, counter.pages, this.#main.memory.buffer.byteLength / 65_536);
    Atomics.store(control, counter.offered, (offered + 1) | 0);
    if (Atomics.load(control, counter.asleep) > 0) Atomics.notify(control, counter.offered);
  }

  /** Takes part until all that was offered is done. */
  finish(): void {
    const { control, commands, pieces } = this.#shared;
    for (;;) {
      const mine = Atomics.load(control, counter.claimed);
      if (mine === control[counter.offered]!) break;
      if (Atomics.compareExchange(control, counter.claimed, mine, (mine + 1) | 0) !== mine) continue;
      const piece = pieces + 2 * (mine & (PIECES - 1));
      try {
        execute(commands, control[piece]!, control[piece + 1]!, this.#main, this.#routines);
      } finally {
        Atomics.add(control, counter.done, 1);
      }
    }
    this.#await();
    this.#finished = control[counter.offered]!;
    if (Atomics.exchange(control, counter.failed, 0) === 1)
      throw new Error("tensor-cpu: a thread could not finish its part of an operation");
    // Nobody reads these commands any more. What was recorded for the next piece moves to the front.
    if (this.#begin === 0) return;
    commands.copyWithin(0, this.#begin, this.#end);
    this.#end -= this.#begin;
    this.#begin = 0;
  }

  /** Waits for the workers that have claimed the rest. */
  #await(): void {
    const { control } = this.#shared;
    const all = control[counter.offered]!;
    for (let looked = 0; ; looked++) {
      const done = Atomics.load(control, counter.done);
      if (done === all) return;
      if (looked < PATIENCE || !this.#sleeps) {
        pause?.();
        continue;
      }
      Atomics.store(control, counter.waiting, 1);
      try {
        Atomics.wait(control, counter.done, done, NAP);
      } catch {
        this.#sleeps = false; // the main thread of a page may not
      }
      Atomics.store(control, counter.waiting, 0);
    }
  }
}
