// What a row of the table is: something that can be repeated, with Weft's way of doing it. The other contenders know rows
// by name.
import { scope } from "@weft/tensor";
import { flush } from "@weft/tensor/internals";
import type { CpuBackend } from "@weft/tensor-cpu";

/** What is repeated and timed. */
export interface Step {
  run(): void | Promise<void>;
  /** Ends what the step holds; may return something to say about it. */
  end?(): string | void;
  /** How many operations a step does, if only the step knows. */
  readonly per?: number;
}

/** What the project wants of a row: at least so many times PyTorch's speed, or at most so much time. */
export type Target = { readonly timesPyTorch: number } | { readonly below: number };

export interface Row {
  readonly name: string;
  /** What one of it is, in a few words. */
  readonly what: string;
  readonly unit: "ms" | "µs";
  /** How many operations one step does: times are for one of them (1). */
  readonly per?: number;
  readonly target?: Target;
  /** How many times as long as others it is repeated before the first round (1). */
  readonly warmUp?: number;
  /** The first step is all there is to measure: it prepares what later ones would find ready. */
  readonly once?: boolean;
  /** Rows of one group are measured together, each in turn in every round, so that they can be compared. */
  readonly group?: string;
  /** Makes the inputs, and the step as a user of Weft would write it. */
  readonly weft: (backend: CpuBackend) => Step;
}

/**
 * Computes and stores what `f` returns, and releases it. The inner scope ends what was made on the way, as a function that
 * uses the result would; the outer one has the result run.
 */
export const stored = (f: () => unknown): void =>
  scope(() => {
    scope(f);
    flush();
  });
