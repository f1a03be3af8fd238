// A function's part of the stack: arguments of what it calls, then locals that have no register or are saved around calls.
import type { Local } from "@weft/kernel/machine";
import { at, rsp, type Memory } from "../assembler/operands.ts";
import { bytesOn } from "./registers.ts";

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

  /** Where a local lies. Places are chosen before any code is written (`reserve`). */
  slot({ imm, type }: Local): Memory {
    if (imm < this.#params) return at(rsp, this.bytes + 8 + 8 * imm);
    const known = this.#slots.get(imm);
    if (known === undefined) throw new TypeError(`x64: no place was reserved for a local of type ${type}`);
    return at(rsp, known);
  }
  reserve({ imm, type }: Local): void {
    if (imm < this.#params || this.#slots.has(imm)) return;
    this.#slots.set(imm, this.#bytes);
    this.#bytes += bytesOn(type, this.#lanes);
  }
  argument(i: number): Memory {
    return at(rsp, 8 * i);
  }
  get bytes(): number {
    return Math.ceil(this.#bytes / 16) * 16;
  }
}
