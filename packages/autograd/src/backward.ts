// The backward pass: from the last entry of a tape to the first, each gradient goes through a rule to the operands.
// Here broadcasting is undone, dtypes are restored, and contributions are summed.
import {
  add,
  cast,
  concat,
  readTensor,
  reshape,
  ShapeError,
  type Attrs,
  type FusedOp,
  type Interpreter,
  type Shape,
  type Tensor,
  type Value,
} from "@weft/tensor";
import {
  adopt,
  applyOwn,
  closeScope,
  context,
  filled,
  inBackward,
  openScope,
  OWNED,
  type Scope,
} from "@weft/tensor/internals";
import { pullbacksOf, type Pullback } from "./rule.ts";
import { placed } from "./rules/movement.ts";
import { rules } from "./rules.ts";
import { RowSparse, zerosLike } from "./sparse.ts";
import type { Entry, Part, Recorder } from "./tape.ts";

type AnyRule = (...args: unknown[]) => readonly Pullback[];
const variadic: unknown = rules.concat;
const cutting: unknown = rules.slice;

/** Replaces a rule: a part of the computation with its own backward pass (`customGradient`, `checkpoint`). */
export interface CustomBackward {
  back(backward: Backward, gs: readonly Tensor[]): void;
}

/** Finished entries are released in stretches of this many, so that a long tape does not hold everything twice. */
const STRETCH = 512;

/** Runs a function with another tape (or none) and another scope. */
export function below<T>(tape: Interpreter | undefined, scope: Scope | undefined, f: () => T): T {
  const { tape: above, scope: before, suspended } = context;
  context.tape = tape;
  context.scope = scope;
  // Parameters that a pullback reads are constants, even while an asynchronous diff waits elsewhere
  context.suspended = 0;
  try {
    return f();
  } finally {
    context.tape = above;
    context.scope = before;
    context.suspended = suspended;
  }
}

/** One pass over the entries of a recorder, whose gradients have been seeded. */
export class Backward {
  readonly #recorder: Recorder;
  /** Owns the gradients. */
  readonly #home: Scope;
  /** Whether finished entries and their values are released; not if the pass can be repeated. */
  readonly #last: boolean;
  /** Owns the temporaries of the current stretch; undefined for a short tape, whose only stretch is `#home`. */
  #stretch: Scope | undefined;
  #passed: Entry[] = [];
  /** The entries that got a gradient, or a part of one, in the current stretch. */
  readonly #reached = new Set<Entry>();

  /** The current scope will own the gradients. */
  constructor(recorder: Recorder, last: boolean) {
    this.#recorder = recorder;
    this.#last = last;
    this.#home = context.scope!;
    if (recorder.entries.length > STRETCH || recorder.saving) this.#open();
  }

  /** Goes through entries; the current scope must be the one in which the pass began. */
  run(entries: readonly Entry[]): void {
    inBackward(() => this.#through(entries));
  }

  #through(entries: readonly Entry[]): void {
    const long = this.#stretch !== undefined;
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i]!;
      if (entry.parts !== undefined) this.#join(entry);
      const { group, g } = entry;
      if (group !== undefined) {
        if (group[0] !== entry) continue; // the first entry of a group is reached last, when all have their gradients
        this.#group(group);
      } else if (g !== undefined) {
        entry.g = undefined;
        this.#single(entry, g);
      }
      if (!this.#last) continue;
      if (group !== undefined) for (const e of group) e.clear();
      else entry.clear();
      if (!long) continue;
      this.#passed.push(...(group ?? [entry]));
      if (this.#passed.length >= STRETCH) this.turn();
    }
  }

  /** Releases the finished entries and the temporaries of the stretch; the gradients that it reached are kept. */
  turn(): void {
    this.finish();
    if (this.#stretch !== undefined) this.#open();
  }

  /** Ends the pass: the scope in which it began owns the gradients. */
  finish(): void {
    if (this.#stretch === undefined) return;
    for (const entry of this.#reached) {
      if (entry.g !== undefined) this.#save(entry.g);
      if (entry.parts !== undefined) for (const { g } of entry.parts) this.#save(g);
      if (entry.rows !== undefined) for (const part of entry.rows) part[OWNED]((x) => this.#save(x));
    }
    this.#reached.clear();
    closeScope(this.#stretch);
    const { scope } = this.#recorder;
    for (const { y } of this.#passed) if (y.owner === scope && scope !== undefined) releaseHandle(y, scope.label);
    this.#passed = [];
    context.scope = this.#home;
  }

  #open(): void {
    this.#stretch = context.scope = openScope("the backward pass went on");
  }

  #save(x: Tensor): void {
    if (x.owner === this.#stretch) adopt(x, this.#home);
  }

  #single(entry: Entry, g: Tensor): void {
    const { inputs, attrs, y } = entry;
    const rule = entry.rule as AnyRule;
    const recorder = this.#recorder;
    if (rule === cutting && this.#addPart(inputs[0] as Tensor, g, attrs as Attrs<"slice">)) return;
    let pullbacks: readonly Pullback[];
    if (rule === variadic) {
      const xs: Value[] = [];
      for (const x of inputs) xs.push(recorder.under(x));
      pullbacks = rule(y, xs, attrs);
    } else if (inputs.length === 1) pullbacks = rule(y, recorder.under(inputs[0]!), attrs);
    else if (inputs.length === 2) pullbacks = rule(y, recorder.under(inputs[0]!), recorder.under(inputs[1]!), attrs);
    else pullbacks = rule(y, ...inputs.map((x) => recorder.under(x)), attrs);
    for (let k = 0; k < inputs.length; k++) {
      const x = inputs[k]!;
      if (typeof x === "number" || x.interpreter !== recorder) continue;
      const pullback = pullbacks[k];
      if (pullback !== undefined) this.add(x, pullback(g));
    }
  }

  #group(group: readonly Entry[]): void {
    const [{ rule, inputs, attrs }] = group as [Entry];
    if (group.every((entry) => entry.g === undefined)) return;
    const recorder = this.#recorder;
    const gs = group.map((entry) => entry.g ?? zerosLike(entry.y));
    for (const entry of group) entry.g = undefined;
    const fused = rule as FusedOp | CustomBackward;
    if ("back" in fused) {
      fused.back(this, gs);
      return;
    }
    const xs = inputs.map((x) => recorder.under(x));
    const pullbacks = pullbacksOf(
      fused,
      group.map((entry) => entry.y),
      xs,
      attrs,
    );
    for (const [k, x] of inputs.entries()) {
      if (typeof x === "number" || x.interpreter !== recorder) continue;
      const pullback = pullbacks[k];
      if (pullback === undefined) continue;
      const g: Tensor | RowSparse = pullback(...gs);
      this.add(x, g instanceof RowSparse ? g : readTensor(g, fused.name), fused.name);
    }
  }

  /** Notes the gradient of a slice along one axis, until all are known; false if the slice is of another kind. */
  #addPart(x: Tensor, g: Tensor, attrs: Attrs<"slice">): boolean {
    const entry = x.payload as Entry;
    const axis = cutAxis(x.shape, attrs);
    if (entry.leaf || axis === undefined) return false;
    if (this.#stretch !== undefined) this.#reached.add(entry);
    (entry.parts ??= []).push({ g, axis, attrs });
    return true;
  }

  /**
   * Adds the gradients of slices. Those of pieces that lie side by side (`chunk`, `unbind`) are put together; sums of
   * tensors that are zero elsewhere would take as many steps as there are pieces, for each element.
   */
  #join(entry: Entry): void {
    const { y, parts } = entry;
    entry.parts = undefined;
    const all =
      joined(parts!, y) ?? parts!.map(({ g, attrs }) => placed(g, y.shape, attrs)).reduce((a, b) => add(a, b));
    const g = fitted(all, y, "slice");
    entry.g = entry.g === undefined ? g : add(entry.g, g);
  }

  /** Adds a contribution, which the operation `op` gave, to the gradient of a tensor of this tape. */
  add(x: Tensor, contribution: Tensor | RowSparse, op?: string): void {
    const entry = x.payload as Entry;
    if (this.#stretch !== undefined) this.#reached.add(entry);
    if (contribution instanceof RowSparse) {
      if (entry.leaf) (entry.rows ??= []).push(contribution.cast(x.dtype));
      else entry.g = contribution.addTo(entry.g ?? zerosLike(x, contribution.values.dtype));
      return;
    }
    const g = fitted(contribution, x, op);
    entry.g = entry.g === undefined ? g : add(entry.g, g);
  }
}

/** The axis along which a slice takes a stretch; undefined if it takes parts of several axes, or leaves gaps. */
function cutAxis(shape: Shape, { sizes, steps }: Attrs<"slice">): number | undefined {
  let axis: number | undefined;
  for (let i = 0; i < shape.length; i++) {
    if (steps[i] !== 1) return undefined;
    if (sizes[i] === shape[i]) continue;
    if (axis !== undefined) return undefined;
    axis = i;
  }
  return axis;
}

/** Gradients of pieces of a tensor as one, with zeros between them; undefined if there is one, or if two overlap. */
function joined(parts: readonly Part[], y: Tensor): Tensor | undefined {
  const { axis } = parts[0]!;
  if (parts.length < 2 || parts.some((part) => part.axis !== axis)) return undefined;
  const sorted = parts.toSorted((a, b) => a.attrs.starts[axis]! - b.attrs.starts[axis]!);
  const pieces: Tensor[] = [];
  let end = 0;
  const fill = (to: number): void => {
    if (to > end) pieces.push(filled(y, 0, y.shape.with(axis, to - end)));
  };
  for (const { g, attrs } of sorted) {
    const start = attrs.starts[axis]!;
    if (start < end) return undefined;
    fill(start);
    pieces.push(g);
    end = start + attrs.sizes[axis]!;
  }
  fill(y.shape[axis]!);
  return concat(pieces, { axis });
}

/** Releases a plain handle before its scope does. */
export function releaseHandle(x: Tensor, why: string | Error): void {
  if (x.ended !== undefined) return;
  x.ended = why;
  x.interpreter.backend.release(x);
}

/** A contribution in the shape and dtype of x: summed over the axes along which x was broadcast. */
function fitted(g: Tensor, x: Tensor, op: string | undefined): Tensor {
  const [from, to] = [g.shape, x.shape];
  const extra = from.length - to.length;
  let fits = extra >= 0;
  let axes: number[] | undefined;
  for (let i = 0; fits && from !== to && i < from.length; i++) {
    const d = i < extra ? -1 : to[i - extra];
    if (d === from[i]) continue;
    fits = d === -1 || d === 1;
    (axes ??= []).push(i);
  }
  if (!fits)
    throw new ShapeError(
      `${op ?? "backward"}: a gradient of shape [${from}] does not fit its operand of shape [${to}]`,
    );
  const y = axes === undefined ? g : reshape(applyOwn("sum", [g], { axes, keepDims: true }), to);
  return y.dtype === x.dtype ? y : cast(y, x.dtype);
}
