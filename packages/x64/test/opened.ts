// The memory and the processor of this machine, or why tests that run code are skipped.
import { openCodeMemory, readProcessor, type Code, type CodeMemory, type Feature, type Routine } from "@weft/x64";

const opened = openCodeMemory();
const found = "reason" in opened ? opened : readProcessor(opened);

/** Why code cannot run here at all; undefined if it can. */
export const unavailable = "reason" in found ? found.reason : undefined;

export function memory(): CodeMemory {
  if ("reason" in opened) throw new Error(opened.reason);
  return opened;
}

/** Why code that needs these cannot run here; undefined if it can. */
export function lacking(features: Iterable<Feature>): string | undefined {
  if ("reason" in found) return found.reason;
  const missing = [...features].filter((feature) => !found.features.has(feature));
  return missing.length === 0 ? undefined : `the processor or its system lacks ${missing.join(", ")}`;
}

export function added(code: Code, to: CodeMemory = memory()): Routine {
  const routine = to.add(code);
  if ("reason" in routine) throw new Error(routine.reason);
  return routine;
}

/** Runs code once with a view as its arguments. */
export function run(code: Code, argument: ArrayBufferView): void {
  const routine = added(code);
  routine.run(memory().addressOf(argument));
  routine.release();
}

/** Numbers at random, the same in each run. */
export function generator(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}
