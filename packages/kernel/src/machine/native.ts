// Machine code of the processor that runs the program, beside WebAssembly: what a package that writes it gives.
import type { Machine, WriteModule } from "./machine.ts";

/** What is returned instead of a result where a system does not let machine code run: nothing is thrown for that. */
export interface Refusal {
  /** Why, in words for people. */
  readonly reason: string;
}

/** Functions that were compiled together, for as long as there is the `NativeCode` that has compiled them. */
export interface NativeModule {
  /** The names of its exported functions, by their numbers. */
  readonly entries: readonly string[];
  /** Where its code is: in every thread of the process. */
  readonly address: number;
}

/**
 * Writes machine code and calls it. Functions take integers and return nothing; their addresses count from `base`, and
 * nothing checks them.
 */
export interface NativeCode {
  /** Its name is what the processor's vectors are called, such as "x86-64 AVX-512". */
  readonly machine: Machine;
  /** Why it is not for the widest vectors of this processor; undefined if it is, or if it was asked for by name. */
  readonly refused?: string;
  /** The same name is the same code: it is compiled once. Refused if the system gives no more memory for code. */
  compile(name: string, write: WriteModule): NativeModule | Refusal;
  /** The address of a buffer, or of what a view sees of it, for as long as the buffer is held. */
  addressOf(memory: ArrayBufferView | ArrayBufferLike): number;
  /** Calls the code at an address in this thread, with the address of its arguments: words that `nativeArguments` lays out. */
  call(pointer: number, address: number): void;
  /** An expression whose value is `call` in a worker of Node, as text that needs nothing but `require`. */
  readonly callInWorker: string;
}

/**
 * The words of the arguments: in the first two the address of memory (64 bits), then the number of a function, and its
 * arguments.
 */
export const nativeArguments = { base: 0, entry: 2, first: 3 } as const;
