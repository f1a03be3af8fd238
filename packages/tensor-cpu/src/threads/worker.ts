// The program of a worker, which is started from its text: a bundler need not know of it, and it loads nothing.
import { execute } from "./commands.ts";
import type { Routine } from "../calls/call.ts";

/** Words of `control` that threads count in, a cache line apart. */
export const counter = {
  /** Pieces of work that may be claimed, that were claimed, and that are done, ever. */
  offered: 0,
  claimed: 16,
  done: 32,
  /** Workers that sleep, and that have begun. */
  asleep: 48,
  begun: 64,
  /** Whether the thread that offers work sleeps until it is done. */
  waiting: 80,
  /** Modules whose code lies in memory. */
  modules: 96,
  /** Bytes of the heap, in pages of 65,536, that the pieces may lie in. */
  pages: 112,
  /** Whether a worker has failed in the middle of a piece. */
  failed: 128,
} as const;

/** Memory that the threads share beside the heap. */
export interface Shared {
  readonly heap: WebAssembly.Memory;
  /** Counters, then where the commands of each piece of work begin and end, then where each module lies. */
  readonly control: Int32Array;
  readonly commands: Int32Array;
  readonly code: Uint8Array;
  /** The words of `control` with the pieces and with the modules. */
  readonly pieces: number;
  readonly modules: number;
  /** How many pieces there may be at a time: a power of two. */
  readonly most: number;
  /** How often a worker without work looks for some before it sleeps. */
  readonly patience: number;
}

/**
 * Claims pieces of work and carries them out, forever. A worker gets its text: nothing but parameters may be used, and no
 * function stands inside, since bundlers that keep names would call one of theirs for it.
 */
function work(shared: Shared, at: typeof counter, carryOut: typeof execute): void {
  const { heap, control, commands, code, pieces, most, patience } = shared;
  // Without a pause, a thread that looks takes half of a core from the one that shares it. Newer engines have it.
  const { pause } = Atomics as { pause?: () => void };
  const routines: Routine[] = [];
  let known = 0;
  let buffer: ArrayBufferLike | undefined;
  let views = { i32: new Int32Array(0), u8: new Uint8Array(0) };
  Atomics.add(control, at.begun, 1);
  for (let looked = 0; ;) {
    const mine = Atomics.load(control, at.claimed);
    if (mine === Atomics.load(control, at.offered)) {
      if (++looked < patience) {
        pause?.();
        continue;
      }
      Atomics.add(control, at.asleep, 1);
      Atomics.wait(control, at.offered, mine);
      Atomics.sub(control, at.asleep, 1);
      looked = 0;
      continue;
    }
    looked = 0;
    // What has come is compiled before work is claimed, so that whoever cannot compile claims none.
    try {
      for (const last = Atomics.load(control, at.modules); known < last; known++) {
        const entry = shared.modules + 2 * known;
        const begin = control[entry]!;
        const module = new WebAssembly.Module(
          code.slice(begin, begin + control[entry + 1]!) as Uint8Array<ArrayBuffer>,
        );
        const { exports } = new WebAssembly.Instance(module, { e: { m: heap } });
        for (const { name } of WebAssembly.Module.exports(module)) routines.push(exports[name] as Routine);
      }
    } catch {
      Atomics.sub(control, at.begun, 1);
      return;
    }
    // A heap that has just grown may still look small here.
    if (heap.buffer.byteLength < Atomics.load(control, at.pages) * 65_536) continue;
    if (Atomics.compareExchange(control, at.claimed, mine, (mine + 1) | 0) !== mine) continue;
    if (heap.buffer !== buffer) {
      buffer = heap.buffer;
      views = { i32: new Int32Array(buffer), u8: new Uint8Array(buffer) };
    }
    const piece = pieces + 2 * (mine & (most - 1));
    try {
      carryOut(commands, control[piece]!, control[piece + 1]!, views, routines);
    } catch {
      Atomics.store(control, at.failed, 1);
    }
    Atomics.add(control, at.done, 1);
    if (Atomics.load(control, at.waiting) === 1) Atomics.notify(control, at.done);
  }
}

/** The text of the program; `shared` is an expression there. */
export const programWith = (shared: string): string => `(${work})(${shared}, ${JSON.stringify(counter)}, ${execute});`;
