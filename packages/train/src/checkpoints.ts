// What `checkpoints` takes and gives; it works in Node only.
import type { Mode, Monitor, Wrapped } from "./steps.ts";

export interface CheckpointsOptions<T> {
  /** What is saved: a model, or a tree such as `{ model, optimizer, batches, random: backend.stream }`. */
  readonly model: object;
  /** The folder for the files. It is made if it is missing. */
  readonly folder: string;
  /** Saves after every so many items (100), and after the last one. */
  readonly every?: number;
  /** Whether `last.safetensors` is written (true). */
  readonly last?: boolean;
  /** Whether `best.safetensors` is written when the measurement is the best so far (false; true with a `monitor`). */
  readonly best?: boolean;
  /** What is measured when it is time to save, by default the item itself. */
  readonly monitor?: Monitor<T>;
  /** Whether less is better ("min", the default) or more ("max"). */
  readonly mode?: Mode;
  /**
   * How many files of this run are kept beside these, as `step-00000100.safetensors` (0): the newest ones. One is written
   * where an item has finished a step.
   */
  readonly keep?: number;
  /**
   * How many steps are finished after an item, by default its number. Where that does not grow, as in an epoch that was
   * interrupted, the item is saved as the last one only.
   */
  readonly step?: (item: T) => number;
  /** Loads `last.safetensors` before the first item, if it is there (false). */
  readonly resume?: boolean;
}

/** The loop, and how it stands. */
export interface Checkpoints<T> extends Wrapped<T> {
  /** The number of items so far, those before a resumed one, too. */
  step: number;
  /** The best measurement so far, and its item. */
  best: number;
  bestStep: number;
}

export type CheckpointsFunction = <T>(
  steps: Iterable<T> | AsyncIterable<T>,
  options: CheckpointsOptions<T>,
) => Checkpoints<T>;
