// A session is what `diff`, `grad` and `valueAndGrad` have in common: a recorder and a scope while a function runs, the
// backward pass, and handing out what survives.
import { add, cast, DTypeError, ShapeError, type Tensor } from "@weft/tensor";
import {
  adopt,
  closeScope,
  context,
  escape,
  filled,
  flush,
  inBackward,
  isFloat,
  labelOf,
  nextTurn,
  openScope,
  rollBack,
  type Scope,
  type Step,
} from "@weft/tensor/internals";
import { Backward, below, releaseHandle } from "./backward.ts";
import { RowSparse } from "./sparse.ts";
import { Recorder, stillOpen, type Entry } from "./tape.ts";

export type Gradient = Tensor | RowSparse;

/** A recorder with a scope of its own. */
export class Session {
  readonly recorder: Recorder;
  readonly scope: Scope;
  /** The function's assignments to boxes are rolled back together with an update by its gradients. */
  readonly step: Step;

  /** `above`: the highest level among the arguments. */
  constructor(f: unknown, kind: string, parameters: boolean, above = 0) {
    const { tape, scope } = context;
    if (tape === undefined && scope === undefined) flush([]);
    nextTurn();
    this.step = { outer: context.step, turn: context.turn };
    this.scope = openScope(labelOf(f, kind));
    this.recorder = new Recorder(tape as Recorder | undefined, this.scope, { parameters, above });
  }

  /** Runs a function with the tape and the scope of the session. */
  during<T>(f: () => T): T {
    const { tape, scope, step } = context;
    context.tape = this.recorder;
    context.scope = this.scope;
    context.step = this.step;
    try {
      return context.backward === true ? inBackward(f, false) : f();
    } finally {
      context.tape = tape;
      context.scope = scope;
      context.step = step;
    }
  }

  /** Runs a function with the scope of the session and the tape around it. */
  below<T>(f: () => T): T {
    return below(this.recorder.parent, this.scope, f);
  }

  /** Computes the gradients of everything that y was computed from; returns y at the level below. */
  backward(op: string, y: Tensor): Tensor {
    const { recorder } = this;
    if (y.size !== 1)
      throw new ShapeError(`${op}: the function must return a scalar, got shape [${y.shape}]; use sum or mean`);
    if (!isFloat(y.dtype))
      throw new DTypeError(
        `${op}: the function must return a floating-point scalar, got ${y.dtype}; integers have no gradient`,
      );
    recorder.closed = true; // pullbacks see tensors of this tape at the level below
    if (y.interpreter !== recorder) return this.handOut(y);
    const { y: under } = y.payload as Entry;
    const value = this.handOut(under);
    this.below(() => {
      const pass = new Backward(recorder, true);
      try {
        pass.add(y, filled(under, 1, y.shape));
        pass.run(recorder.entries);
      } catch (error) {
        if (value.interpreter.level === 0) releaseHandle(value, this.scope.label);
        throw error;
      } finally {
        pass.finish();
      }
    });
    recorder.entries = [];
    return value;
  }

  /** A handle that outlives the session: the tensor itself, or another handle if the session does not own it. */
  handOut(x: Tensor): Tensor {
    if (x.interpreter.level > 0) return x;
    const outer = stillOpen(this.scope.parent);
    if (x.owner === this.scope) {
      escape(x, this.scope, outer);
      return x;
    }
    const y = x.interpreter.backend.retain(x);
    y.owner = this.scope;
    adopt(y, outer);
    return y;
  }

  /**
   * Rolls back what the function assigned to boxes before it threw. Inside another tape that tape's session does so,
   * since its function may continue.
   */
  failed(reason: unknown): void {
    if (this.recorder.parent === undefined) rollBack(this.step, reason);
  }

  /** Releases everything that was not handed out. */
  close(): void {
    const { recorder } = this;
    recorder.closed = true;
    for (const entry of recorder.entries) entry.clear(); // kept tensors still refer to them
    recorder.entries = [];
    closeScope(this.scope);
  }
}

/** The sum of the gradients of several leaves of one dtype, in that dtype: sums of 16-bit floats are `f32`. */
export function gathered(leaves: readonly Tensor[]): Gradient | undefined {
  const { dtype } = leaves[0]!;
  const stored = (g: Tensor | undefined): Tensor | undefined =>
    g === undefined || g.dtype === dtype ? g : inBackward(() => cast(g, dtype));
  if (leaves.length === 1) {
    const { g, rows } = leaves[0]!.payload as Entry;
    if (rows === undefined) return stored(g);
  }
  const rows: RowSparse[] = [];
  let g: Tensor | undefined;
  for (const leaf of leaves) {
    const entry = leaf.payload as Entry;
    if (entry.rows !== undefined) rows.push(...entry.rows);
    if (entry.g !== undefined) g = g === undefined ? entry.g : add(g, entry.g);
  }
  if (rows.length === 0) return stored(g);
  if (g === undefined) return RowSparse.joined(rows).cast(dtype);
  return stored(rows.reduce((sum, part) => part.addTo(sum), g));
}
