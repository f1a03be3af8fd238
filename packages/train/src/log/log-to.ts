// A loop that writes its numbers to a log, without waiting for them.
import { ArgumentError } from "@weft/tensor";
import { callable, describe, positiveCount, readOptions, type OptionKinds } from "@weft/tensor/internals";
import { numberOf, wrapped, type Measured, type Steps, type Wrapped } from "../steps.ts";
import type { Log, Scalars } from "./log.ts";

/** Named numbers, or tensors of one element; what is undefined is left out. */
export type Values = Readonly<Record<string, Measured>>;

export interface LogOptions<T> {
  /** What is noted at an item, by default `{ loss: item }`; undefined: nothing. If it is asynchronous, the loop waits. */
  readonly values?: (item: T, step: number) => Values | undefined | Promise<Values | undefined>;
  /** Notes only at the steps that are divisible by it (1). */
  readonly every?: number;
  /** The step that an item is noted at, by default its number. */
  readonly step?: (item: T) => number;
}

export interface LoggedRun<T> extends Wrapped<T> {
  /** The number of items so far, which counts from 1. It may be saved, and assigned to go on from there. */
  step: number;
}

const kinds: OptionKinds<LogOptions<never>> = { values: callable, every: positiveCount, step: callable };

/** So many entries may wait for their numbers. */
const behind = 8;

/**
 * Passes items through and notes numbers of them in a log, or in several: `jsonl(path)`, `tensorBoard(folder)`, or your
 * own object with a function `scalars(step, values)`. Tensors are read while later steps are computed, and entries stay
 * in order. When the loop ends, is left, or fails, what it has noted is written. An error of the log is thrown.
 *
 * @example
 * const lines = [];
 * const log = { scalars: (step, { loss }) => void lines.push(`${step}: ${loss}`) };
 * await logTo([4, 2], log);
 * lines; // ["1: 4", "2: 2"]
 */
export function logTo<T>(steps: Steps<T>, log: Log | readonly Log[], options?: LogOptions<T>): LoggedRun<T> {
  const read = readOptions("logTo", options, kinds as OptionKinds<LogOptions<T>>, { every: 1 });
  const { every, values = (item: T): Values => ({ loss: item as Measured }) } = read;
  const logs = [log].flat() as readonly Log[];
  for (const one of logs)
    if (typeof (one as Log | null)?.scalars !== "function")
      throw new ArgumentError(`logTo: wanted a log such as jsonl("run.jsonl"), got ${describe(one)}`);

  const run = wrapped("logTo", steps, async function* () {
    const waiting: Promise<readonly [number, Scalars]>[] = [];
    /** Notes entries until no more than `most` wait. */
    const note = async (most: number): Promise<void> => {
      while (waiting.length > most) {
        const [step, numbers] = await waiting.shift()!;
        for (const one of logs) await one.scalars(step, numbers);
      }
    };
    let thrown = false;
    try {
      for await (const item of steps) {
        const step = read.step === undefined ? ++self.step : (self.step = read.step(item));
        const noted = step % every === 0 ? await values(item, step) : undefined;
        if (noted !== undefined) {
          const entry = numbersOf(noted).then((numbers) => [step, numbers] as const);
          entry.catch(() => {}); // thrown where it is awaited, after those before it
          waiting.push(entry);
        }
        await note(behind);
        yield item;
      }
    } catch (error) {
      thrown = true;
      throw error;
    } finally {
      // Also where the caller leaves the loop. If the loop fails, its error is the one to be thrown.
      const written = note(0).then(async () => {
        for (const one of logs) await one.flush?.();
      });
      await (thrown ? written.catch(() => {}) : written);
    }
  });
  const self = Object.assign(run, { step: 0 });
  return self;
}

async function numbersOf(values: Values): Promise<Scalars> {
  if (typeof values !== "object" || values === null || Symbol.iterator in values)
    throw new ArgumentError(
      `logTo: wanted numbers by name from values(item, step), as in { loss: item }, got ${describe(values)}; ` +
        "return undefined to note nothing",
    );
  const read = Object.entries(values).map(
    async ([name, x]) =>
      [name, await numberOf("logTo", x, "; say what to note: { values: (item) => ({ … }) }")] as [
        string,
        number | undefined,
      ],
  );
  const found = await Promise.all(read);
  // By its own fields: a name may be `__proto__`.
  return Object.fromEntries(found.filter((entry): entry is [string, number] => entry[1] !== undefined));
}
