// Gradients as an optimizer sees them: dense, or the rows that a lookup touched.
import type { Param, RowSparse, Tape } from "@weft/autograd";
import {
  ArgumentError,
  cast,
  concat,
  DTypeError,
  less,
  onesLike,
  readTensor,
  ShapeError,
  slice,
  type Tensor,
} from "@weft/tensor";
import { context, describe, isFloat, sameShape, rollBack, withinStep, type Step } from "@weft/tensor/internals";

/** A parameter and its gradient. */
export interface Gradient {
  readonly param: Param;
  readonly g: Tensor | RowSparse;
}

export const isSparse = (g: Tensor | RowSparse): g is RowSparse => !("interpreter" in g);

/**
 * The gradients of all parameters on a tape, row-sparse where the tape has them so: what an optimizer's `update`
 * applies.
 *
 * @example
 * const optimizer = adam();
 * optimizer.apply(gradientsOf(tape).filter(({ param }) => param !== frozen));
 */
export const gradientsOf = (tape: Tape): Gradient[] => readTape("gradientsOf", tape);

/** The same, with `who` (the function that was given the tape) in its error messages. */
function readTape(who: string, tape: Tape): Gradient[] {
  if (typeof tape?.grad !== "function")
    throw new ArgumentError(
      `${who} wants the tape that diff returns, got ${describe(tape)}${tape instanceof Promise ? "; await it" : ""}`,
    );
  return tape.params.map((param) => ({ param, g: tape.sparseGrad(param) ?? tape.grad(param) }));
}

/** Refuses a tape without parameters: a step from it would change nothing. `step` is rolled back. */
export function wantParams(op: string, params: ArrayLike<unknown>, step?: Step): void {
  if (params.length > 0) return;
  const error = new ArgumentError(
    `${op}: the loss depends on no parameter. Are the weights made with param(), used inside the loss, and not all frozen?`,
  );
  if (step !== undefined) rollBack(step, error);
  throw error;
}

/** Tapes from which a step was made. */
const stepped = new WeakSet<Tape>();

/** Calls `f`, which makes a step. If it throws, what it has assigned so far is rolled back. */
export function stepOf<Done extends void | Promise<void>>(f: () => Done): Done {
  const step: Step = { outer: context.step };
  const failed = (error: unknown): never => {
    rollBack(step, error);
    throw error;
  };
  try {
    const done = withinStep(step, f);
    return done instanceof Promise ? (done.catch(failed) as Done) : done;
  } catch (error) {
    return failed(error);
  }
}

/** Checks gradients that a caller passes to `apply`: each has the shape of its parameter. */
function readGradients(op: string, given: readonly Gradient[]): readonly Gradient[] {
  if (!Array.isArray(given))
    throw new ArgumentError(`${op}: apply wants a list of { param, g }, got ${describe(given)}`);
  return given.map((one: Gradient | null) => {
    const { param, g } = one ?? ({} as Partial<Gradient>);
    if (param?.kind !== "param" || g === undefined || g === null)
      throw new ArgumentError(`${op}: apply wants { param, g }, a parameter and its gradient, got ${describe(one)}`);
    const read = typeof (g as Partial<RowSparse>).dense === "function" ? g : readTensor(g as Tensor, op);
    const { dtype } = isSparse(read) ? read.values : read;
    if (!isFloat(dtype))
      throw new DTypeError(`${op}: wanted floating-point numbers as a gradient, got ${dtype}[${read.shape}]`);
    if (!sameShape(read.shape, param.shape))
      throw new ShapeError(
        `${op}: a parameter of shape [${param.shape}] was given a gradient of shape [${read.shape}]`,
      );
    return { param, g: read };
  });
}

/**
 * An optimizer's functions that make a step, now or in the promise that it returns: from gradients that are given, and
 * from those of a tape. If the latter fails, what the tape's function assigned (running moments, say) is rolled back too,
 * unless another step was made from the tape before.
 */
export const entrances = <Done extends void | Promise<void>>(
  name: string,
  step: (gradients: readonly Gradient[], of?: Step) => Done,
) => ({
  apply: (gradients: readonly Gradient[]): Done => step(readGradients(name, gradients)),
  update(tape: Tape): Done {
    const gradients = readTape(`${name}: update`, tape);
    const failed = (error: unknown): never => {
      if (context.tape === undefined && tape.step !== undefined && !stepped.has(tape)) rollBack(tape.step, error);
      throw error;
    };
    try {
      wantParams(name, gradients);
      const done = withinStep(tape.step, () => step(gradients, tape.step));
      if (done instanceof Promise) return done.then(() => void stepped.add(tape), failed) as Done;
      stepped.add(tape);
      return done;
    } catch (error) {
      return failed(error);
    }
  },
});

/** The value that an update starts from. Inside a `diff` it is recorded, as the update is. */
export const valueOf = (param: Param): Tensor => (context.tape === undefined ? param.value : param.read());

/** A gradient as a tensor with the shape of its parameter. */
export const dense = (g: Tensor | RowSparse): Tensor => (isSparse(g) ? g.dense() : g);

/**
 * Which rows of a summed gradient are used, as 1 or 0 per row. Summing rows of equal index leaves unused rows over,
 * which repeat the first index. (The indices of the used rows are sorted, so each is greater than the one before.)
 */
export function used(summed: RowSparse): Tensor {
  const { indices, values } = summed;
  const n = indices.shape[0]!;
  const first = onesLike(slice(indices, { ends: [Math.min(n, 1)] }));
  if (n < 2) return cast(first, values.dtype);
  const above = less(slice(indices, { ends: [n - 1] }), slice(indices, { starts: [1] }));
  return cast(concat([first, cast(above, "i32")]), values.dtype);
}
