// The record of a training: its numbers, in `metrics.jsonl` and in memory. A training that goes on keeps the lines up to
// the step at which it was saved, and takes the steps after it again.
import { readFile, rename } from "node:fs/promises";
import { printable } from "@weft/tensor";
import { FileError } from "@weft/nn";
import { jsonl, type FileLog, type Log, type Scalars } from "@weft/train";
import type { Metrics } from "./metric-kinds.ts";
import { writeAnew } from "./output-folder.ts";

/** Numbers of a step; of an evaluation, if they have an `epoch`; of one in the middle of an epoch, if also `partial`. */
export interface Entry {
  readonly step: number;
  readonly values: Scalars;
}

/** A number at its step. */
export interface Noted {
  readonly step: number;
  readonly value: number;
}

export class TrainingRecord implements Log {
  readonly entries: Entry[];
  readonly #file: FileLog;
  readonly #lost: (error: FileError) => void;
  /** Whether the file can no longer be written: from then on the numbers are in memory only. */
  #isLost = false;

  private constructor(path: string, entries: Entry[], lost: (error: FileError) => void) {
    this.entries = entries;
    this.#file = jsonl(path);
    this.#lost = lost;
  }

  /**
   * Begins a record; lines of an earlier one are kept up to `step`. `lost` is called once if the file cannot be written any
   * longer: a full disk does not end a training.
   */
  static async open(path: string, step: number, lost: (error: FileError) => void): Promise<TrainingRecord> {
    const lines = step === 0 ? [] : await linesUpTo(path, step);
    const fresh = `${path}.new`;
    await writeAnew(fresh, lines.map(({ line }) => `${line}\n`).join(""));
    await rename(fresh, path);
    return new TrainingRecord(
      path,
      lines.map(({ entry }) => entry),
      lost,
    );
  }

  scalars(step: number, values: Scalars): void {
    this.entries.push({ step, values });
    if (this.#isLost) return;
    try {
      this.#file.scalars(step, values);
    } catch (error) {
      this.#lose(error);
    }
  }

  async flush(): Promise<void> {
    if (!this.#isLost) await this.#file.flush().catch((error: unknown) => this.#lose(error));
  }

  #lose(error: unknown): void {
    if (!(error instanceof FileError)) throw error;
    if (!this.#isLost) this.#lost(error);
    this.#isLost = true;
  }

  /** The losses of the steps by name: `loss`, and what else is said to be one. */
  losses(metrics: Metrics = {}): Readonly<Record<string, readonly Noted[]>> {
    const found: Record<string, Noted[]> = {};
    for (const { step, values } of this.entries)
      if (values["epoch"] === undefined)
        for (const [name, value] of Object.entries(values))
          if (name === "loss" || metrics[name] === "loss") (found[name] ??= []).push({ step, value });
    return found;
  }

  /** The evaluations after whole epochs, in order. */
  get evaluations(): readonly Entry[] {
    return this.entries.filter(({ values }) => values["epoch"] !== undefined && !isPartial(values));
  }
}

/** Of an evaluation where a training was stopped, in the middle of an epoch. */
const isPartial = (values: Scalars): boolean => values["partial"] !== undefined;

async function linesUpTo(path: string, last: number): Promise<{ line: string; entry: Entry }[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const complete = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .slice(0, -1);
  return complete
    .map((line, at) => ({ line, entry: entryOf(line, `${path}, line ${at + 1}`) }))
    .filter(({ entry }) => entry.step <= last && !isPartial(entry.values)); // a training that goes on was not evaluated there
}

function entryOf(line: string, where: string): Entry {
  const refuse = (what: string, cause?: unknown): never => {
    throw new FileError(`${where} ${what}. Delete the file to go on without the earlier curves.`, { cause });
  };
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch (cause) {
    return refuse("is not JSON", cause);
  }
  if (typeof read !== "object" || read === null || Array.isArray(read)) return refuse("is not an object");
  const { step, time: _, ...values } = read as Record<string, unknown>;
  if (!Number.isSafeInteger(step) || Number(step) < 1) return refuse("has no step");
  const wrong = Object.keys(values).find((name) => !isNumber(values[name]));
  if (wrong !== undefined) return refuse(`has no number as ${printable(wrong, 80)}`);
  return {
    step: Number(step),
    values: Object.fromEntries(Object.entries(values).map(([name, x]) => [name, Number(x)])),
  };
}

/** NaN and infinities are strings in JSON. */
const isNumber = (x: unknown): boolean =>
  typeof x === "number" || ["NaN", "Infinity", "-Infinity"].includes(x as string);
