// Pickles: Python's programs that make values. Here they make plain values only; nothing of Python is called.
import { refuse } from "../format-error.ts";
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

/** Deeper than any data is. */
const deepest = 100;

/** What has other values in it. */
export type Container = readonly unknown[] | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>;

export const isContainer = (x: unknown): x is Container => Array.isArray(x) || x instanceof Map || x instanceof Set;

const partsOf = (x: Container): readonly unknown[] =>
  Array.isArray(x) ? x : x instanceof Map ? [...x.keys(), ...x.values()] : [...x];

/** Refuses what contains itself, and what is nested so deeply that code which goes through it could not come back. */
function checkDepth(value: unknown, input: Input): void {
  if (!isContainer(value)) return;
  const heights = new Map<object, number>();
  const open = [{ at: value, parts: partsOf(value), next: 0, height: 1 }];
  heights.set(value, Infinity);
  while (open.length > 0) {
    const last = open.at(-1)!;
    if (last.height > deepest || open.length > deepest) input.fail("it is nested too deeply");
    if (last.next === last.parts.length) {
      open.pop();
      heights.set(last.at, last.height);
      const around = open.at(-1);
      if (around !== undefined) around.height = Math.max(around.height, last.height + 1);
      continue;
    }
    const part = last.parts[last.next++];
    if (!isContainer(part)) continue;
    const height = heights.get(part);
    if (height === Infinity) input.fail("a value contains itself");
    if (height !== undefined) last.height = Math.max(last.height, height + 1);
    else {
      heights.set(part, Infinity);
      open.push({ at: part, parts: partsOf(part), next: 0, height: 1 });
    }
  }
}
