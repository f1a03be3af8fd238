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
 * own object with a function `scalars(step, values, time)`. Numbers are noted before the loop gets its item; tensors are
 * read while later steps are computed, and noted as soon as they are read, in the order of their steps, with the time of
 * their item. When the loop ends, is left, or fails, what it has noted is written, and so it is before `checkpoints`
 * around it saves: what a file counts as done is in the log. An error of the log is thrown.
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

  /** What has been noted, one entry after another; an entry that cannot be noted fails those after it. */
  let noted: Promise<void> = Promise.resolve();
  /** Entries that are not noted yet, and whether one has failed. */
  let waiting: Promise<void>[] = [];
  let failed = false;
  const note = (step: number, found: Values): void => {
    const time = Date.now() / 1000;
    const before = noted;
    const numbers = numbersOf(found);
    numbers.catch(() => {}); // thrown where the entry is noted, after those before it
    noted = before.then(async () => {
      const scalars = await numbers;
      for (const one of logs) await one.scalars(step, scalars, time);
      waiting.shift();
    });
    noted.catch(() => {
      failed = true;
    });
    waiting.push(noted);
  };
  const writeAll = async (): Promise<void> => {
    await noted;
    for (const one of logs) await one.flush?.();
  };

  const iterate = async function* (): AsyncGenerator<T, void, void> {
    [noted, waiting, failed] = [Promise.resolve(), [], false];
    let thrown = false;
    try {
      for await (const item of steps) {
        const step = read.step === undefined ? ++self.step : (self.step = read.step(item));
        const found = step % every === 0 ? await values(item, step) : undefined;
        const alone = waiting.length === 0;
        if (found !== undefined) note(step, found);
        // An error is thrown at once, and what need not be read is noted at once.
        await (failed || (alone && isPlain(found)) ? noted : waiting.at(-1 - behind));
        yield item;
      }
    } catch (error) {
      thrown = true;
      throw error;
    } finally {
      // Also where the caller leaves the loop. If the loop fails, its error is the one to be thrown.
      const written = writeAll();
      await (thrown ? written.catch(() => {}) : written);
    }
  };
  const self = Object.assign(wrapped("logTo", steps, iterate, writeAll), { step: 0 });
  return self;
}

/** Whether none of the values has to be read. */
const isPlain = (values: Values | undefined): boolean =>
  values !== undefined && Object.values(values ?? {}).every((x) => x === undefined || typeof x === "number");

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
