// The recorder: an interpreter around an interpreter. It runs each operation at the level below and records it. Rules
// are called only in the backward pass, so recording costs one small object per operation.
import {
  BackendMismatchError,
  Tensor,
  type Attrs,
  type Backend,
  type DType,
  type FusedOp,
  type Interpreter,
  type OpName,
  type Shape,
  type Value,
} from "@weft/tensor";
import {
  applyFusedOwn,
  applyFusedRead,
  applyOwn,
  context,
  CONTRACT,
  isFloat,
  read,
  type Scope,
} from "@weft/tensor/internals";
import type { CustomBackward } from "./backward.ts";
import type { Param, State } from "./box.ts";
import { none, type Rule } from "./rule.ts";
import { rules } from "./rules.ts";
import type { RowSparse } from "./sparse.ts";

/** This package's own, for messages. */
export const VERSION = "0.1.0";
const NOTHING: readonly Value[] = [];

/** The gradient of a slice along one axis. */
export interface Part {
  readonly g: Tensor;
  readonly axis: number;
  readonly attrs: Attrs<"slice">;
}

/** The record of one result: how it was computed, and what the backward pass has accumulated for it. */
export class Entry {
  /** Any rule: which one it is determines how it is called. Undefined for leaves, which the tape did not compute. */
  rule: unknown;
  /** The operands as they were given: tensors of this tape, tensors below, numbers. */
  inputs: readonly Value[];
  attrs: unknown;
  /** The result at the level below. */
  readonly y: Tensor;
  /** The gradient so far. */
  g: Tensor | undefined = undefined;
  /** Gradients of slices, which are not in `g` yet; not of leaves. */
  parts: Part[] | undefined = undefined;
  /** Row-sparse contributions; only the leaf of a parameter has them. */
  rows: RowSparse[] | undefined = undefined;
  readonly leaf: boolean;
  /** The entries of all results of an operation that has several; the first of them represents the operation. */
  group: readonly Entry[] | undefined = undefined;

  constructor(rule: unknown, inputs: readonly Value[], attrs: unknown, y: Tensor, leaf: boolean) {
    this.rule = rule;
    this.inputs = inputs;
    this.attrs = attrs;
    this.y = y;
    this.leaf = leaf;
  }

  /** Drops everything but the result, which a tensor of a closed tape still refers to. */
  clear(): void {
    this.rule = undefined;
    this.inputs = NOTHING;
    this.attrs = undefined;
    this.g = undefined;
    this.parts = undefined;
    this.group = undefined;
  }
}

export interface RecorderOptions {
  /** Whether parameters are differentiated; otherwise only arguments are. */
  readonly parameters: boolean;
  /** The recorder must be above this level: the arguments may be higher than the current tape. */
  readonly above?: number;
}

export class Recorder implements Interpreter {
  readonly name = "@weft/autograd";
  readonly version = VERSION;
  readonly contract = CONTRACT;
  readonly level: number;
  readonly parent: Recorder | undefined;
  /** Owns what was recorded; undefined if that is left to the garbage collector. */
  readonly scope: Scope | undefined;
  readonly parameters: boolean;
  /** A closed tape is transparent: its tensors stand for those at the level below. */
  closed = false;
  /** While paused, operations run at the level below and are not recorded (`checkpoint`). */
  paused = false;
  /** Whether some calls are repeated in the backward pass (`checkpoint`): then what they made is released at once. */
  saving = false;
  /** Whether an operation used a tensor of this tape while it was paused. */
  touched = false;
  entries: Entry[] = [];
  /** The parameters that were read, in the order of their first use, each with one leaf per version. */
  readonly leaves: Map<Param, Tensor[]> = new Map();
  /** The states that were read or assigned. */
  readonly states: Set<State> = new Set();
  /** From the handle of a version to its tensor on this tape. */
  readonly #lifted: Map<Tensor, Tensor> = new Map();
  #backend: Backend | undefined = undefined;

  constructor(parent: Recorder | undefined, scope: Scope | undefined, { parameters, above = 0 }: RecorderOptions) {
    this.parent = parent;
    this.scope = scope;
    this.parameters = parameters;
    this.level = 1 + Math.max(parent?.level ?? 0, above);
  }

  /** The backend, once there is one. */
  get bound(): Backend | undefined {
    return this.#backend;
  }
  get backend(): Backend {
    return this.#backend!; // every tensor on this tape came from a leaf, which has set it
  }

  lower(x: Tensor): Tensor {
    return (x.payload as Entry).y;
  }

  /** An operand at the level below. */
  under(x: Value): Value {
    return typeof x === "number" || x.interpreter !== this ? x : (x.payload as Entry).y;
  }

  run<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, shape: Shape, dtype: DType): Tensor {
    const below: Value[] = [];
    const top = this.#below(op, inputs, below);
    // If an operand is invalid (released, or of another tape of the same level), `apply` throws the error.
    const y = top === undefined ? applyOwn(op, below, attrs) : top.run(op, below, attrs, shape, dtype);
    const rule = rules[op] as Rule<OpName>;
    if (this.paused) this.touched = true;
    if (this.paused || rule === none || !isFloat(dtype)) return y;
    if (context.scope !== this.scope) this.claim(y);
    const entry = new Entry(rule, inputs, attrs, y, false);
    this.entries.push(entry);
    return new Tensor(this, shape, dtype, entry);
  }

  runFused(fused: FusedOp, inputs: readonly Value[], attrs: unknown): readonly Tensor[] | undefined {
    if (fused.gradient === undefined) return undefined;
    const below: Value[] = [];
    // As in `run`: operands that are invalid are read again, for the error.
    const valid = this.#below(fused.name, inputs, below) !== undefined;
    const ys = valid ? applyFusedRead(fused, below, attrs) : applyFusedOwn(fused, below, attrs);
    if (this.paused) this.touched = true;
    return this.paused ? ys : this.group(fused, inputs, attrs, ys);
  }

  /** Records several results of one operation and returns their tensors on this tape. */
  group(rule: FusedOp | CustomBackward, inputs: readonly Value[], attrs: unknown, ys: readonly Tensor[]): Tensor[] {
    const entries = ys.map((y) => new Entry(rule, inputs, attrs, y, false));
    return ys.map((y, k) => {
      const entry = entries[k]!;
      this.claim(y);
      entry.group = entries;
      this.entries.push(entry);
      return isFloat(y.dtype) ? new Tensor(this, y.shape, y.dtype, entry) : y;
    });
  }

  /**
   * Puts the operands at the level below into `below`; returns the interpreter that runs them, or undefined if one is
   * invalid.
   */
  #below(op: string, inputs: readonly Value[], below: Value[]): Interpreter | undefined {
    let top: Interpreter | undefined;
    let invalid = false;
    for (let i = 0; i < inputs.length; i++) {
      const x = inputs[i]!;
      if (typeof x === "number") {
        below.push(x);
        continue;
      }
      let t = x.interpreter === this ? (x.payload as Entry).y : x;
      if (t.interpreter.closed === true) t = read(t, op) as Tensor;
      below.push(t);
      const it = t.interpreter;
      if (t.ended !== undefined) invalid = true;
      else if (t.owner !== null && t.owner !== this.scope) this.claim(t);
      if (top === undefined) top = it;
      else if (it !== top) {
        if (it.level === top.level) invalid = true;
        else if (it.level > top.level) top = it;
      }
    }
    return invalid ? undefined : top;
  }

  /** Takes ownership of a handle that a scope inside this tape's scope would release: the backward pass needs it. */
  claim(x: Tensor): void {
    const { scope } = this;
    const { owner } = x;
    if (owner === null || owner === scope || x.interpreter.level !== 0) return;
    for (let s = owner.parent; s !== scope; s = s.parent) if (s === undefined) return; // it outlives the tape
    hold(x, scope);
  }

  /** A leaf: a tensor of this tape that stands for one below and gets a gradient. */
  leaf(y: Tensor): Tensor {
    const { backend } = y.interpreter;
    this.#backend ??= backend;
    if (this.#backend !== backend)
      throw new BackendMismatchError(
        `diff: this tape records on ${this.#backend.name} and got a tensor on ${backend.name}. Move one with place(), or use one diff per backend.`,
      );
    return new Tensor(this, y.shape, y.dtype, new Entry(undefined, NOTHING, undefined, y, true));
  }

  /** The tensor for a version of a parameter on this tape; the tapes below get theirs, too. */
  lift(p: Param, version: Tensor): Tensor {
    if (version.interpreter.level >= this.level) return version; // an overlay replaced the value by a tensor of a tape
    const constant = !this.parameters || p.frozen;
    let x = constant ? undefined : this.#lifted.get(version);
    if (x !== undefined) return x;
    const parent = stillOpen(this.parent); // an asynchronous diff may outlive the enclosing one
    const y = parent === undefined ? this.retained(version) : parent.lift(p, version);
    if (constant) return y;
    x = this.leaf(y);
    this.#lifted.set(version, x);
    const leaves = this.leaves.get(p);
    if (leaves === undefined) this.leaves.set(p, [x]);
    else leaves.push(x);
    return x;
  }

  /** Another handle, owned by this tape, which outlives the box's version. */
  retained(version: Tensor): Tensor {
    if (version.interpreter.level > 0) return version;
    const y = version.interpreter.backend.retain(version);
    hold(y, this.scope);
    return y;
  }
}

/** Gives a plain handle to a scope, or leaves it to the garbage collector. */
function hold(x: Tensor, scope: Scope | undefined): void {
  if (scope === undefined) {
    x.owner = null;
    x.interpreter.backend.unowned(x);
  } else {
    x.owner = scope;
    scope.handles.push(x);
  }
}

/** The innermost scope or tape that is not closed, from `from` outward. */
export function stillOpen<T extends { readonly parent: T | undefined; readonly closed: boolean }>(
  from: T | undefined,
): T | undefined {
  let at = from;
  while (at?.closed === true) at = at.parent;
  return at;
}
