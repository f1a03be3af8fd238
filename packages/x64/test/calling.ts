// Compiles modules and gives their functions to call, on memory of the tests.
import { nativeArguments as at } from "@weft/kernel/machine";
import { compile, X64Module, type Target } from "@weft/x64";
import { added, memory } from "./opened.ts";

/** What the functions read and write; addresses count from its beginning. */
export const buffer = new SharedArrayBuffer(1 << 20);
export const views = { f32: new Float32Array(buffer), i32: new Int32Array(buffer), u8: new Uint8Array(buffer) };

const words = new Int32Array(64);
const longs = new BigInt64Array(words.buffer);

export function functionsOf<Name extends string>(
  target: Target,
  write: (module: X64Module) => void,
): Record<Name, (...args: number[]) => void> {
  const module = new X64Module();
  write(module);
  const { code, entries } = compile(module, target);
  const routine = added(code);
  const call =
    (entry: number) =>
    (...args: number[]): void => {
      longs[at.base / 2] = BigInt(memory().addressOf(views.u8));
      words[at.entry] = entry;
      words.set(args, at.first);
      routine.run(memory().addressOf(words));
    };
  return Object.fromEntries(entries.map((name, entry) => [name, call(entry)])) as Record<Name, ReturnType<typeof call>>;
}
