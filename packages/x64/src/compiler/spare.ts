// Registers for values between instructions, and who holds them.
import type { General, Vector } from "../assembler/operands.ts";

/** Thrown where an expression needs more registers than there are: the function is tried again in another way. */
export class TooDeep extends Error {}

/** Registers that expressions take and give back. */
export class Spare<R extends General<64> | Vector> {
  readonly #all: ReadonlySet<R>;
  readonly #free: R[];

  constructor(registers: readonly R[]) {
    this.#all = new Set(registers);
    this.#free = [...registers];
  }
  /** All of them, a bit each. */
  get bits(): number {
    return [...this.#all].reduce((bits, { number }) => bits | (1 << number), 0);
  }
  take(): R {
    const register = this.#free.pop();
    if (register === undefined) throw new TooDeep();
    return register;
  }
  /** Whether an expression may overwrite it: it is no local's. */
  owns(register: R): boolean {
    return this.#all.has(register) && !this.#free.includes(register);
  }
  /** A register for a result: `into`, one of those that are given and may be overwritten, or another. */
  result(into: R | undefined, ...given: readonly R[]): R {
    return into ?? given.find((r) => this.owns(r)) ?? this.take();
  }
  /** Gives back a register; those of locals are left alone. */
  give(...registers: readonly (R | undefined)[]): void {
    for (const r of registers) if (r !== undefined && this.owns(r)) this.#free.push(r);
  }
  /** Gives back all but a result. */
  giveBut(result: R, ...registers: readonly R[]): void {
    for (const r of registers) if (r !== result) this.give(r);
  }
}
