// The program of a worker, which is started from its text: a bundler need not know of it, and it loads nothing.
import { nativeArguments, type NativeCode } from "@weft/kernel/machine";
import type { Routine } from "../calls/call.ts";
import { execute } from "./commands.ts";

/** Words of the control block that threads count in, a cache line apart. */
export const counter = {
  /** Pieces of work that may be claimed, that were claimed, and that are done, ever. */
  offered: 0,
  claimed: 16,
  done: 32,
  /** Workers that sleep. */
  asleep: 48,
  /** Whether the thread that offers work sleeps until it is done. */
  waiting: 64,
  /** Modules whose code lies in memory, and how often these were all given up for others. */
  modules: 80,
  generation: 96,
  /** Bytes of the heap, in pages of 65,536, that the pieces may lie in. */
  pages: 112,
  /** Whether a worker has failed in the middle of a piece, which one that was, and the error's text: length, characters. */
  failed: 128,
  failedPiece: 129,
  text: 144,
  /** Whether each worker is there: 1 from when it begins until it leaves. */
  present: 400,
} as const;

/** The most characters of an error's text. */
const MOST_TEXT = counter.present - counter.text - 1;

/** Words of a module: where its code begins and its bytes; of machine code its address, in two words around a 0, and how many routines it has. */
export const moduleWords = 4;
/** Words for the arguments of machine code. */
export const argumentWords = 32;

/** Where in the heap lies what the threads share beside values. */
export interface Control {
  readonly heap: WebAssembly.Memory;
  /** The address of the control block and its words: counters, where each piece begins and ends, where each module lies. */
  readonly address: number;
  readonly words: number;
  /** The words of the block with the pieces and with the modules. */
  readonly pieces: number;
  readonly modules: number;
  /** The words of the block with the arguments of machine code, for each worker, and where the heap begins for it. */
  readonly arguments: number;
  readonly base: number;
  /** How many pieces there may be at a time: a power of two. */
  readonly most: number;
  /** How often a worker without work looks for some before it sleeps. */
  readonly patience: number;
  /** The number of this worker. */
  readonly worker: number;
}

/**
 * Claims pieces of work and carries them out, forever. A worker gets its text: nothing but parameters may be used, and no
 * named function stands inside, since bundlers that keep names would call one of theirs for it.
 */
function work(
  given: Control,
  at: typeof counter,
  sizes: { readonly text: number; readonly module: number; readonly arguments: number },
  layout: typeof nativeArguments,
  carryOut: typeof execute,
  native: NativeCode["call"] | undefined,
): void {
  const { heap, address, words, pieces, modules, most, patience, worker, base } = given;
  // Without a pause, a thread that looks takes half of a core from the one that shares it. Newer engines have it.
  const { pause } = Atomics as { pause?: () => void };
  // A heap that has just grown may still look small here.
  while (heap.buffer.byteLength < address + 4 * words) pause?.();
  // Memory stays where it is when it grows.
  const control = new Int32Array(heap.buffer, address, words);
  const routines: Routine[] = [];
  let generation = 0;
  let known = 0;
  let buffer: ArrayBufferLike | undefined;
  let views = { i32: new Int32Array(0), u8: new Uint8Array(0) };
  const mine = given.arguments + sizes.arguments * worker;
  control[mine + layout.base] = base | 0;
  control[mine + layout.base + 1] = Math.floor(base / 2 ** 32);
  Atomics.store(control, at.present + worker, 1);
  for (let looked = 0; ;) {
    const next = Atomics.load(control, at.claimed);
    if (next === Atomics.load(control, at.offered)) {
      if (++looked < patience) {
        pause?.();
        continue;
      }
      Atomics.add(control, at.asleep, 1);
      Atomics.wait(control, at.offered, next);
      Atomics.sub(control, at.asleep, 1);
      looked = 0;
      continue;
    }
    looked = 0;
    if (heap.buffer.byteLength < Atomics.load(control, at.pages) * 65_536) continue;
    if (heap.buffer !== buffer) {
      buffer = heap.buffer;
      views = { i32: new Int32Array(buffer), u8: new Uint8Array(buffer) };
    }
    // What has come is compiled before work is claimed, so that whoever cannot compile claims none. Another generation
    // begins only when all pieces are done: if one has begun meanwhile, this piece is claimed, and this thread looks again.
    const now = Atomics.load(control, at.generation);
    if (now !== generation) {
      generation = now;
      routines.length = known = 0;
    }
    try {
      for (; known < Atomics.load(control, at.modules); known++) {
        const [begin, bytes, high, count] = control.subarray(modules + sizes.module * known) as unknown as number[];
        if (bytes === 0) {
          const code = high! * 2 ** 32 + (begin! >>> 0);
          for (let entry = 0; entry < count!; entry++)
            routines.push((...args) => {
              control[mine + layout.entry] = entry;
              for (let i = 0; i < args.length; i++) control[mine + layout.first + i] = args[i]!;
              native!(base + address + 4 * mine, code);
              return undefined;
            });
          continue;
        }
        const module = new WebAssembly.Module(
          views.u8.slice(begin! >>> 0, (begin! >>> 0) + bytes!) as Uint8Array<ArrayBuffer>,
        );
        const { exports } = new WebAssembly.Instance(module, { e: { m: heap } });
        for (const { name } of WebAssembly.Module.exports(module)) routines.push(exports[name] as Routine);
      }
    } catch {
      if (Atomics.load(control, at.generation) !== now) continue;
      Atomics.store(control, at.present + worker, 0);
      return;
    }
    if (Atomics.compareExchange(control, at.claimed, next, (next + 1) | 0) !== next) continue;
    const piece = pieces + 2 * (next & (most - 1));
    try {
      carryOut(control[piece]!, control[piece + 1]!, views, routines);
    } catch (error) {
      if (Atomics.compareExchange(control, at.failed, 0, 1) === 0) {
        const text = String(error);
        control[at.failedPiece] = next;
        control[at.text] = Math.min(text.length, sizes.text);
        for (let i = 0; i < control[at.text]!; i++) control[at.text + 1 + i] = text.charCodeAt(i);
      }
    }
    Atomics.add(control, at.done, 1);
    if (Atomics.load(control, at.waiting) === 1) Atomics.notify(control, at.done);
  }
}

const sizes = { text: MOST_TEXT, module: moduleWords, arguments: argumentWords };

/** The text of the program; `control` is an expression there, and so is `native`, what calls machine code. */
export const programWith = (control: string, native = "undefined"): string =>
  `(${work})(${control}, ${[counter, sizes, nativeArguments].map((x) => JSON.stringify(x)).join(", ")}, ${execute}, ${native});`;
