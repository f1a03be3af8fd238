// Executable memory and the routines in it, which JavaScript calls with the address of their arguments.
/// <reference lib="esnext.disposable" preserve="true" />
import { Assembler, type Code } from "../assembler/assembler.ts";
import { at, rax, rdi, rdx, rsi } from "../assembler/operands.ts";
import { conventionHere, routine } from "../assembler/routine.ts";
import type { Refusal } from "@weft/kernel/machine";
import { Pages, type Place } from "./pages.ts";
import { loadSystem, type System } from "./system.ts";

export interface CodeMemoryOptions {
  /** Bytes that code may take in all (256 MiB). */
  readonly limit?: number;
  /** The functions of the system (those of this one, through koffi). */
  readonly system?: System;
}

/** What holds no routine any more gives its place back. */
const forgotten = new FinalizationRegistry<Place>((place) => place.release());

/** Code that can be called. It must be held for as long as any thread may run it: then its memory is given back. */
export class Routine {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
    forgotten.register(this, place, this);
  }
  /** Where its code is, for any thread; throws if the system does not make it executable (`seal` says so beforehand). */
  get address(): number {
    return this.#place.address();
  }
  /** Calls it with the address of its arguments. */
  run(pointer: number): void {
    this.#place.call(pointer);
  }
  /** Gives its memory back. It must not be running, in no thread, and cannot run any more. */
  release(): void {
    forgotten.unregister(this);
    this.#place.release();
  }
}

/** Executable memory; `openCodeMemory` makes it. */
export class CodeMemory {
  readonly #system: System;
  readonly #pages: Pages;

  constructor(system: System, limit: number) {
    this.#system = system;
    this.#pages = new Pages(system, limit);
  }
  /** Copies code there. It becomes executable with `seal`, or when its address is asked for, or when it is run. */
  add({ bytes }: Code): Routine | Refusal {
    const place = this.#pages.add(bytes);
    return "reason" in place ? place : new Routine(place);
  }
  /** Makes what was added executable, or says why not. What is added together before shares pages. */
  seal(): Refusal | undefined {
    return this.#pages.seal();
  }
  /** The address of a buffer, or of what a view sees of it: how arguments are passed. Whoever passes it holds the buffer. */
  addressOf(memory: ArrayBufferView | ArrayBufferLike): number {
    return this.#system.addressOf(memory);
  }
  /** The function that calls code by its address in this thread; `caller` has `callerCode`. */
  callerOf(caller: Routine): (pointer: number, address: number) => void {
    return this.#system.routine(caller.address, 2);
  }
  /** Bytes that were reserved, and how many routines have not been released. */
  stats(): { readonly bytes: number; readonly routines: number } {
    return { bytes: this.#pages.bytes, routines: this.#pages.routines };
  }
  /** Gives all memory back. Nothing in it may be running, in no thread. */
  close(): void {
    this.#pages.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Memory for code, or why there is none: another processor, a system that makes no memory executable, no koffi. */
export function openCodeMemory(options: CodeMemoryOptions = {}): CodeMemory | Refusal {
  const { limit = 2 ** 28 } = options;
  const system = options.system ?? loadSystem();
  if ("reason" in system) return system;
  const memory = new CodeMemory(system, limit);
  const refused = trial(memory);
  if (refused === undefined) return memory;
  memory.close();
  return refused;
}

/** Runs a routine once, so that what the system refuses is known before anybody depends on it. */
function trial(memory: CodeMemory): Refusal | undefined {
  const code = routine((code) => {
    code.emit("mov", rax, at(rdi));
    code.emit("add", rax, 1);
    code.emit("mov", at(rdi), rax);
  });
  const added = memory.add(code);
  if ("reason" in added) return added;
  const refused = memory.seal();
  if (refused !== undefined) return refused;
  const numbers = Float64Array.of(0);
  const words = new Uint32Array(numbers.buffer);
  words[0] = 41;
  added.run(memory.addressOf(words));
  added.release();
  return words[0] === 42 ? undefined : { reason: "code that was run did not do what it should" };
}

/**
 * The code of a routine that calls another one: its arguments are a pointer and the address of what is called with it.
 * So a thread makes one function, of its address, and calls whatever has an address.
 */
export function callerCode(): Code {
  const code = new Assembler();
  code.emit("jmp", conventionHere() === "windows" ? rdx : rsi);
  return code.finish();
}

/** What a thread needs of koffi to call code. */
export interface Caller {
  load(library: string | null): unknown;
  proto(result: string, parameters: string[]): object;
  decode(address: bigint, type: object): (pointer: number, address: number) => void;
}

/**
 * The function that calls code by its address, in the thread that runs this; `caller` is where `callerCode` lies. The text
 * of this function needs nothing else, so that it can be sent to a worker whose code is a text.
 */
export function callerIn(koffi: Caller, caller: number, platform: string): (pointer: number, address: number) => void {
  // koffi makes the stack of its calls with the first library: without one, calls end the process.
  koffi.load(platform === "win32" ? "kernel32.dll" : null);
  return koffi.decode(BigInt(caller), koffi.proto("void", ["uintptr_t", "uintptr_t"]));
}
