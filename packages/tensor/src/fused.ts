// Fused operations: a name, a shape rule, a fallback written in primitives, and a derivative. A backend may run one as
// a single kernel; otherwise the fallback runs. A tape records it as one operation either way. Unlike the catalog, this
// set is open.
import type { DType, TypedArray } from "./dtype.ts";
import type { Expression } from "./expression.ts";
import type { Value } from "./interpreter.ts";
import type { MatrixKernel } from "./matrix-kernel.ts";
import type { SequenceKernel } from "./recurrence/cell.ts";
import type { Shape } from "./ops.ts";
import type { RowKernel } from "./row-kernel.ts";
import type { Tensor } from "./tensor.ts";

/** What an attribute may be. Backends run a plan again only for equal attributes, so they compare and copy them. */
export type Attribute = number | boolean | string | null | undefined | TypedArray | readonly Attribute[];

/** What the attributes A of a fused operation must be: a record of such values, or undefined. */
export type FusedAttrs<A> = { readonly [K in Extract<keyof A, string>]?: Attribute } | undefined;

/** From the gradients of all results to that of one operand; undefined if it has no gradient. */
export type FusedPullback = ((...gs: Tensor[]) => Tensor) | undefined;

/**
 * An operand that selects positions along an axis. An index out of range is an IndexError of all that is computed from
 * it.
 */
export interface Indices<A = any> {
  /** Which operand it is. */
  readonly operand: number;
  /** How many positions there are. */
  size(inputs: readonly { readonly shape: Shape }[], attrs: A): number;
  /** The one index out of range that is not a mistake, if any. */
  ignored?(attrs: A): number | undefined;
  /** Whether messages speak of labels and classes instead of indices; false by default. */
  readonly labels?: boolean;
}

export interface FusedOp<A extends FusedAttrs<A> = any> {
  readonly name: string;
  /**
   * Whether its operands are floating-point tensors, which are cast to the dtype that they are promoted to before it
   * sees them; others are a DTypeError. Without it operands come as they are.
   */
  readonly promotes?: boolean;
  /** Shapes and dtypes of the results; throws the operation's errors on bad input. */
  infer(inputs: readonly Value[], attrs: A): readonly { readonly shape: Shape; readonly dtype: DType }[];
  /** The meaning, in primitives and other fused operations. */
  fallback(inputs: readonly Value[], attrs: A): readonly Tensor[];
  /**
   * For an elementwise operation without attributes (`elementwiseOp`): what backends evaluate inside the kernels of its
   * neighbors.
   */
  readonly expression?: Expression;
  readonly indices?: Indices<A>;
  /** The derivative, one pullback per operand. Without it a tape records the primitives of the fallback. */
  gradient?(results: readonly Tensor[], inputs: readonly Value[], attrs: A): readonly FusedPullback[];
  /** Of an operation that computes a derivative: whose. A wrong index in it is reported under that name. */
  readonly derivativeOf?: FusedOp;
  /** Its kernel, if it works row by row: every backend translates it. */
  readonly rows?: RowKernel<A>;
  /** Its kernel, if it works on whole matrices of a batch: every backend translates it. */
  readonly matrices?: MatrixKernel<A>;
  /** Its kernel, if it goes through the steps of a sequence: every backend translates it. */
  readonly sequence?: SequenceKernel<A>;
}
