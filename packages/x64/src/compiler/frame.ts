// A function's part of the stack: arguments of what it calls, then locals that have no register or are saved around calls.
import { F32, VECTOR, type Local } from "@weft/kernel/machine";
import type { Assembler } from "../assembler/assembler.ts";
import { General, at, rax, rsp, type Memory, type Vector } from "../assembler/operands.ts";

/** The stack grows page by page: the system adds the next one when it is touched. */
const PAGE = 4096;
/** Threads have a mebibyte of stack or more, for all functions that run at once. */
const MOST = 2 ** 18;

export class Frame {
  readonly #params: number;
  readonly #lanes: number;
  readonly #slots = new Map<number, number>();
  #bytes: number;

  constructor(params: number, outgoing: number, lanes: number) {
    this.#params = params;
    this.#lanes = lanes;
    this.#bytes = 8 * outgoing;
  }

  /** Slots are chosen before any code is written. */
  reserve({ imm, type }: Local): void {
    if (imm < this.#params || this.#slots.has(imm)) return;
    this.#slots.set(imm, this.#bytes);
    this.#bytes += type === VECTOR ? 4 * this.#lanes : 8;
  }
  argument(i: number): Memory {
    return at(rsp, 8 * i);
  }

  /** Copies a local to a register, as much of it as its type has. */
  load(code: Assembler, local: Local, to: General<64> | Vector): void {
    const from = this.#slot(local);
    if (to instanceof General) code.emit("mov", to.low, from);
    else if (local.type === VECTOR) code.emit("vmovups", to, from);
    else code.emit(local.type === F32 ? "vmovss" : "vmovsd", to.as(128), from);
  }
  store(code: Assembler, local: Local, from: General<64> | Vector): void {
    const to = this.#slot(local);
    if (from instanceof General) code.emit("mov", to, from.low);
    else if (local.type === VECTOR) code.emit("vmovups", to, from);
    else code.emit(local.type === F32 ? "vmovss" : "vmovsd", to, from.as(128));
  }

  enter(code: Assembler, name: string): void {
    const bytes = this.#size;
    if (bytes > MOST)
      throw new RangeError(
        `x64: function ${name} needs ${bytes} bytes of the stack for its locals, and may take ${MOST}; keep some in memory`,
      );
    for (let left = bytes; left > 0; left -= PAGE) {
      code.emit("sub", rsp, Math.min(left, PAGE));
      if (left > PAGE) code.emit("mov", rax.low, at(rsp));
    }
  }
  leave(code: Assembler): void {
    if (this.#size > 0) code.emit("add", rsp, this.#size);
    code.emit("ret");
  }

  #slot({ imm, type }: Local): Memory {
    if (imm < this.#params) return at(rsp, this.#size + 8 + 8 * imm);
    const known = this.#slots.get(imm);
    if (known === undefined) throw new TypeError(`x64: no slot was reserved for a local of type ${type}`);
    return at(rsp, known);
  }
  get #size(): number {
    return Math.ceil(this.#bytes / 16) * 16;
  }
}
