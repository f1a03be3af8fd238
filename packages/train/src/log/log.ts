// Where a loop writes down its numbers.
import type { Tensor } from "@weft/tensor";

/** Numbers by name. */
export type Scalars = Readonly<Record<string, number>>;

/** A setting of a run. */
export type Setting = string | number | boolean;

/** What `logTo` writes to: a file (`jsonl`, `tensorBoard`), or an object of your own with this function. */
export interface Log {
  /** Notes numbers at a step; `time` says when they were noted, in seconds since 1970, if that was not now. */
  scalars(step: number, values: Scalars, time?: number): void | Promise<void>;
  /** Resolves when everything noted so far is where it is kept. */
  flush?(): void | Promise<void>;
}

/**
 * A log in files. What is noted is written within a second, if the event loop runs, and by `flush`: await it before
 * `process.exit`.
 */
export interface FileLog extends Log {
  scalars(step: number, values: Scalars, time?: number): void;
  /** Notes a text; TensorBoard shows it as Markdown. */
  text(step: number, name: string, text: string): void;
  /** Notes how many of the values are in each of 30 intervals; resolves when a tensor has been read. */
  histogram(step: number, name: string, values: Tensor | ArrayLike<number>): Promise<void>;
  /** Notes the settings of the run: learning rate, seed, and the like. */
  settings(values: Readonly<Record<string, Setting>>): void;
  /** Resolves when everything noted so far has been handed to the system; throws if that failed. */
  flush(): Promise<void>;
}
