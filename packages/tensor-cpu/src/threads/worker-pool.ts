// The workers of a backend: pieces of work lie in the heap as commands, and workers and the main thread claim them
// alike. Nobody waits for a worker that has claimed nothing, and none keeps a process alive.
import { MemoryError, WeftError } from "@weft/tensor";
import type { NativeModule } from "@weft/kernel/machine";
import type { Routine } from "../calls/call.ts";
import type { Block, Heap } from "../heap.ts";
import { link } from "../translate/index.ts";
import { execute, MOST_ARGUMENTS } from "./commands.ts";
import { startWorker, type Running } from "./start.ts";
import { MOST_THREADS, type PoolOptions } from "./pool-options.ts";
import { argumentWords, counter, moduleWords, type Control } from "./worker.ts";

/** Of `memoryLimit`, at most this part is for commands, and about as much for code and where it lies. */
const SHARE = 64;
const FIRST_PIECE = 512;
/**
 * Looks of a worker before it sleeps, and of the main thread before it does: some tens of microseconds. A pause is 10 to
 * 50 ns.
 */
const PATIENCE = "pause" in Atomics ? 1000 : 4000;
/** The longest the main thread sleeps, in milliseconds: whoever should wake it may have been ended. */
const NAP = 1;
/** A piece may take so much longer than all of its level is estimated to. */
const SLOW = 10;

const { pause } = Atomics as { pause?: () => void };

/** Thrown while commands are recorded, by what cannot be: work in JavaScript, or too many commands. */
export class Unrecordable extends Error {}

/** The workers of pools that nobody holds any more are ended. */
const abandoned = new FinalizationRegistry<Running[]>((workers) => {
  for (const worker of workers) worker.terminate();
});

export class Pool {
  readonly #heap: Heap;
  readonly #options: Required<PoolOptions>;
  readonly #block: Block;
  readonly #control: Int32Array;
  readonly #shape: Omit<Control, "worker">;
  readonly #workers: Running[] = [];
  /** The numbers of workers that have ended or could not be loaded. */
  readonly #ended = new Set<number>();
  #routines: Routine[] = [];
  /** The code of each module. */
  #code: Block[] = [];
  #codeBytes = 0;
  #commands: Block;
  /** Words of the heap where the commands of the next piece begin, and end so far. */
  #begin = 0;
  #end = 0;
  /** What the pieces do, for messages. */
  readonly #names: (() => string)[] = [];
  /** Pieces that were offered when all were done the last time. */
  #finished: number;
  #offered = 0;
  /** Pieces that the main thread has claimed. */
  #own = 0;
  #failure: WeftError | undefined;
  #sleeps = true;
  /** Nanoseconds that the pieces take together, about. */
  expected = 0;
  /** Whether a module was refused for lack of room since the last generation began. */
  full = false;
  /** Whether a piece was claimed and never done: its worker may still write, so nothing is given back. */
  lost = false;

  /** Throws a MemoryError if there is no room. */
  constructor(heap: Heap, options: PoolOptions = {}) {
    const share = Math.floor(heap.limit / SHARE);
    const mostCommands = Math.min(options.mostCommands ?? 1 << 23, share >>> 2);
    this.#options = {
      pieces: 256,
      offered: 0,
      silence: 20_000,
      ...options,
      modules: Math.min(options.modules ?? 4096, share >>> 4),
      code: Math.min(options.code ?? 1 << 24, share),
      mostCommands,
      commands: Math.min(options.commands ?? 1 << 14, mostCommands),
    };
    const { pieces, modules, offered, commands } = this.#options;
    const ofModules = FIRST_PIECE + 2 * pieces;
    const ofArguments = ofModules + moduleWords * modules;
    const words = ofArguments + argumentWords * (MOST_THREADS - 1);
    this.#heap = heap;
    this.#block = heap.allocate(4 * words);
    try {
      this.#commands = heap.allocate(4 * commands);
    } catch (error) {
      heap.free(this.#block);
      throw error;
    }
    const { address } = this.#block;
    this.#shape = {
      heap: heap.memory,
      address,
      words,
      pieces: FIRST_PIECE,
      modules: ofModules,
      arguments: ofArguments,
      base: heap.base,
      most: pieces,
      patience: PATIENCE,
    };
    // Memory stays where it is when it grows.
    this.#control = new Int32Array(heap.memory.buffer, address, words).fill(0);
    for (const at of [counter.offered, counter.claimed, counter.done]) this.#control[at] = offered;
    this.#finished = this.#control[counter.offered]!;
    this.#begin = this.#end = this.#front;
    abandoned.register(this, this.#workers);
  }

  /** Starts another worker. Returns whether one may begin. */
  start(): boolean {
    const [worker, control, ended] = [this.#workers.length, this.#control, this.#ended];
    // It holds no pool: who nobody else holds is to be collected.
    const running = startWorker({ ...this.#shape, worker }, this.#heap.native?.callInWorker, () => {
      Atomics.store(control, counter.present + worker, 0);
      ended.add(worker);
    });
    if (running !== undefined) this.#workers.push(running);
    return running !== undefined;
  }

  /** Workers that were started, and how many of these have ended. */
  get started(): number {
    return this.#workers.length;
  }
  get ended(): number {
    return this.#ended.size;
  }

  /** Workers that have begun, and are there. */
  get begun(): number {
    let n = 0;
    for (let i = 0; i < this.#workers.length; i++) n += Atomics.load(this.#control, counter.present + i);
    return n;
  }

  /** Bytes of the heap that it has. */
  get bytes(): number {
    return this.#code.reduce((n, { bytes }) => n + bytes, this.#block.bytes + this.#commands.bytes);
  }

  /** Pieces that workers have claimed. */
  get helped(): number {
    const control = this.#control;
    return this.#offered - this.#own - ((control[counter.offered]! - Atomics.load(control, counter.claimed)) | 0);
  }

  get #front(): number {
    return this.#commands.address >>> 2;
  }

  /**
   * Gives the routines of a module numbers, in the order of its exports, for this generation. Undefined if workers cannot
   * load it, or there is no more room (`full`).
   */
  learn(bytes: Uint8Array<ArrayBuffer>): { readonly [name: string]: number } | undefined {
    // A worker has the heap, and none of JavaScript's functions.
    const module = new WebAssembly.Module(bytes);
    if (WebAssembly.Module.imports(module).length > 1) return undefined;
    const block =
      this.#hasPlace() && this.#codeBytes + bytes.length <= this.#options.code && this.#allocate(bytes.length);
    if (!block) {
      this.full = true;
      return undefined;
    }
    const routines = link(module, this.#heap.memory);
    this.#heap.write(block, bytes);
    this.#code.push(block);
    this.#codeBytes += block.bytes;
    return this.#announce(routines, [block.address, bytes.length]);
  }

  /** The same of machine code. */
  learnNative(module: NativeModule): { readonly [name: string]: number } | undefined {
    if (!this.#hasPlace()) {
      this.full = true;
      return undefined;
    }
    const { address } = module;
    const high = Math.floor(address / 2 ** 32);
    return this.#announce(this.#heap.routines(module), [address | 0, 0, high, module.entries.length]);
  }

  #hasPlace(): boolean {
    return this.#control[counter.modules]! < this.#options.modules;
  }

  /** Tells the workers of a module, by its words, and gives its routines their numbers. */
  #announce(routines: Record<string, Routine>, words: readonly number[]): { readonly [name: string]: number } {
    const control = this.#control;
    const count = control[counter.modules]!;
    control.set(words, this.#shape.modules + moduleWords * count);
    Atomics.store(control, counter.modules, count + 1);
    return Object.fromEntries(Object.entries(routines).map(([name, run]) => [name, this.#routines.push(run) - 1]));
  }

  #allocate(bytes: number): Block | undefined {
    try {
      return this.#heap.allocate(bytes);
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      return undefined;
    }
  }

  /** Gives up all modules, here and in the workers: another generation begins. No piece may be open. */
  renew(): void {
    const control = this.#control;
    Atomics.store(control, counter.modules, 0);
    Atomics.add(control, counter.generation, 1);
    for (const block of this.#code) this.#heap.free(block);
    this.#code = [];
    this.#codeBytes = 0;
    this.#routines = [];
    this.full = false;
  }

  /** Records a call of a routine. */
  call(routine: number, args: readonly number[]): void {
    const n = args.length;
    if (n > MOST_ARGUMENTS) throw new Unrecordable();
    const at = this.#place(n + 2);
    const { i32 } = this.#heap;
    i32[at] = routine;
    i32[at + 1] = n;
    for (let i = 0; i < n; i++) i32[at + 2 + i] = args[i]!;
  }

  /** Records another command, of two numbers. */
  other(kind: -1 | -2 | -3, a: number, b: number): void {
    const at = this.#place(3);
    const { i32 } = this.#heap;
    i32[at] = kind;
    i32[at + 1] = a;
    i32[at + 2] = b;
  }

  /** Where the next words of commands lie. */
  #place(words: number): number {
    const at = this.#end;
    // A routine is given words beyond its arguments, too.
    if (at + words + MOST_ARGUMENTS > this.#front + (this.#commands.bytes >>> 2)) throw new Unrecordable();
    this.#end += words;
    return at;
  }

  /**
   * Offers what `record` records as one piece. False if it cannot be recorded, or is too much: of the `first` piece of a
   * launch half of what there may ever be, since others may have more commands. `record` may run several times.
   */
  piece(name: () => string, record: () => void, first = false): boolean {
    for (;;) {
      try {
        record();
        if (first && this.#end - this.#begin > this.#options.mostCommands / 2) {
          this.#end = this.#begin;
          return false;
        }
        this.#offer(name);
        return true;
      } catch (error) {
        this.#end = this.#begin;
        if (!(error instanceof Unrecordable)) throw error;
        const empty = this.#begin === this.#front;
        this.finish();
        if (!this.#grow() && empty) return false;
      }
    }
  }

  /** Makes room for twice as many commands, when no piece is open. Returns whether there is more. */
  #grow(): boolean {
    const words = Math.min(this.#commands.bytes >>> 1, this.#options.mostCommands);
    if (4 * words <= this.#commands.bytes) return false;
    const block = this.#allocate(4 * words);
    if (block === undefined) return false;
    this.#heap.free(this.#commands);
    this.#commands = block;
    this.#begin = this.#end = this.#front;
    return true;
  }

  /** Offers what was recorded since the last piece. */
  #offer(name: () => string): void {
    const control = this.#control;
    const { most, pieces } = this.#shape;
    // Counted from the last time that all were done: how many are done now does not say which.
    if (((control[counter.offered]! - this.#finished) | 0) === most) this.finish();
    const offered = control[counter.offered]!;
    const piece = pieces + 2 * (offered & (most - 1));
    control[piece] = this.#begin;
    control[piece + 1] = this.#end;
    this.#names[offered & (most - 1)] = name;
    this.#begin = this.#end;
    this.#offered++;
    Atomics.store(control, counter.pages, this.#heap.memory.buffer.byteLength / 65_536);
    Atomics.store(control, counter.offered, (offered + 1) | 0);
    if (Atomics.load(control, counter.asleep) > 0) Atomics.notify(control, counter.offered);
  }

  /**
   * Takes part until all that was offered is done. Throws a WeftError if a piece has failed, or was claimed and is never
   * done (`lost`).
   */
  finish(): void {
    const control = this.#control;
    const { most, pieces } = this.#shape;
    if (this.lost) return;
    for (;;) {
      const mine = Atomics.load(control, counter.claimed);
      if (mine === control[counter.offered]!) break;
      if (Atomics.compareExchange(control, counter.claimed, mine, (mine + 1) | 0) !== mine) continue;
      this.#own++;
      const piece = pieces + 2 * (mine & (most - 1));
      try {
        execute(control[piece]!, control[piece + 1]!, this.#heap, this.#routines);
      } catch (error) {
        this.#fail(mine, error as Error);
      }
      Atomics.add(control, counter.done, 1);
    }
    this.#await();
    this.#finished = control[counter.offered]!;
    if (Atomics.exchange(control, counter.failed, 0) === 1) {
      const text = counter.text + 1;
      const said = String.fromCharCode(...control.subarray(text, text + control[counter.text]!));
      this.#fail(control[counter.failedPiece]!, new Error(said), `${said} in a worker`);
    }
    // Nobody reads these commands any more. What was recorded for the next piece moves to the front.
    if (this.#begin !== this.#front) {
      this.#heap.i32.copyWithin(this.#front, this.#begin, this.#end);
      this.#end += this.#front - this.#begin;
      this.#begin = this.#front;
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #fail(piece: number, cause: Error, got = String(cause)): void {
    const name = this.#names[piece & (this.#shape.most - 1)]!();
    this.#failure ??= new WeftError(
      `${name}: tensor-cpu divided it among threads and wanted each to carry out its pieces, got ${got}`,
      { cause },
    );
  }

  /** Waits for the workers that have claimed the rest. */
  #await(): void {
    const control = this.#control;
    const all = control[counter.offered]!;
    const most = this.#options.silence + (SLOW * this.expected) / 1e6;
    let silent = 0;
    let before = 0;
    let time: number | undefined;
    for (let looked = 0; ; looked++) {
      const done = Atomics.load(control, counter.done);
      if (done === all) return;
      if (looked % PATIENCE > 0 && (looked < PATIENCE || !this.#sleeps)) {
        pause?.();
        continue;
      }
      // A process that stood still for long is not silence.
      const now = performance.now();
      silent = done === before && time !== undefined ? silent + Math.min(now - time, 2 * NAP) : 0;
      [before, time] = [done, now];
      if (silent > most) this.#lose((all - done) | 0);
      if (looked < PATIENCE || !this.#sleeps) continue;
      Atomics.store(control, counter.waiting, 1);
      try {
        Atomics.wait(control, counter.done, done, NAP);
      } catch {
        this.#sleeps = false; // the main thread of a page may not
      }
      Atomics.store(control, counter.waiting, 0);
    }
  }

  #lose(missing: number): never {
    this.lost = true;
    this.end();
    throw new WeftError(
      `tensor-cpu: wanted all pieces of work that threads have claimed done, but ${missing} never were: a worker has ended or hangs; the backend goes on with one thread`,
    );
  }

  /** Ends the workers, and gives back what none of them may still write. */
  end(): void {
    const ended = this.#ended.size === this.#workers.length;
    for (const worker of this.#workers.splice(0)) worker.terminate();
    if (this.lost) return;
    for (const block of [this.#commands, ...this.#code.splice(0)]) this.#heap.free(block);
    // Until it has ended, a worker counts there.
    if (ended) this.#heap.free(this.#block);
  }
}
