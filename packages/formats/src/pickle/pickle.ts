// Pickles: Python's programs that make values. Here they make plain values only; nothing of Python is called.
import { refuse } from "../format-error.ts";
import { checkDepth } from "./depth.ts";
import type { Call, Globals } from "./globals.ts";
import { Input } from "./input.ts";
import { Machine } from "./machine.ts";
import { actionOf } from "./opcodes.ts";

/** What a pickle may refer to. */
export interface References {
  readonly globals: Globals;
  /** What stands for an object that is kept outside of the pickle. */
  readonly persistent?: (id: unknown, call: Call) => unknown;
}

/** The value of a pickle that begins at a byte, and where it ends. Values may be shared, but not contain themselves. */
export function unpickled(
  bytes: Uint8Array,
  { globals, persistent }: References,
  begin = 0,
): { readonly value: unknown; readonly end: number } {
  const input = new Input(bytes, begin);
  const machine = new Machine(input, globals, persistent);
  while (machine.result === undefined) {
    const opcode = input.u8();
    const action = actionOf(opcode);
    if (action === undefined) {
      const problem = `there is no opcode ${opcode} (at byte ${input.at - 1})`;
      return refuse("pickle", input.at === begin + 1 ? bytes.subarray(begin) : new Uint8Array(), problem);
    }
    action(machine);
  }
  const { value } = machine.result;
  checkDepth(value, input);
  return { value, end: input.at };
}
