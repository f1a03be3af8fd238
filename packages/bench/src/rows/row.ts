// What a row of the table is: work that can be repeated, with Weft's implementation. The other contenders know rows by
// name.
import { scope } from "@weft/tensor";
import { flush } from "@weft/tensor/internals";
import type { CpuBackend } from "@weft/tensor-cpu";

/** What is repeated and timed. */
export interface TimedStep {
  run(): void | Promise<void>;
  /** Called after the warm-up: measuring begins with the case that it begins with everywhere. */
  begin?(): Promise<void>;
  /** Releases what the step holds; may return a note on it. */
  end?(): string | void;
  /** How many operations a step does, if only the step knows. */
  readonly per?: number;
}

/** The target of a row: at least so many times PyTorch's speed, or at most so much time. */
export type Target = { readonly timesPyTorch: number } | { readonly below: number };

/** What is known of a row, whoever does the work. */
export interface RowFacts {
  readonly name: string;
  /** A short description of one operation. */
  readonly what: string;
  readonly unit: "ms" | "µs";
  /** How many operations one step does: times are for one of them (1). */
  readonly per?: number;
  readonly target?: Target;
  /** Multiplies the duration of the warm-up (1). */
  readonly warmUp?: number;
  /** Only the first step is measured: it prepares what later ones would reuse. */
  readonly once?: boolean;
  /** Rows of one group are measured together, one after the other in every round, so that they can be compared. */
  readonly group?: string;
  /** Steps differ in what they compute: each contender takes the same ones in each round, the same number. */
  readonly inStep?: boolean;
  /** The line of the published tables that it is of. */
  readonly line?: string;
  /** How many operations that line is about, in seconds; without it, the line says how many are done in a second. */
  readonly whole?: number;
}

export interface Row extends RowFacts {
  /** Makes the inputs, and the step as a user of Weft would write it, but for `stored`. */
  readonly weft: (backend: CpuBackend) => TimedStep;
}

/**
 * Computes and stores what `f` returns, and releases it, without reading it: a user reads it instead of `flush`. The inner
 * scope releases intermediate results, as a function that uses the result would; the outer one releases the result.
 */
export const stored = (f: () => unknown): void =>
  scope(() => {
    scope(f);
    flush();
  });
