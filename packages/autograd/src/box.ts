// Boxes own a value that changes from step to step: parameters, which are differentiated, and state, which is not.
// Assigning makes a new version; what was computed from the old one, deferred or recorded, still sees the old one.
import {
  ArgumentError,
  ContextError,
  DTypeError,
  readTensor,
  ShapeError,
  type Backend,
  type Box,
  type DType,
  type Operand,
  type Shape,
  type Tensor,
  type TypedArray,
  type Value,
} from "@weft/tensor";
import {
  BRAND,
  closeScope,
  context,
  CONTRACT,
  isFloat,
  openScope,
  own,
  primitive,
  print,
  sameShape,
  sizeOf,
  untaped,
} from "@weft/tensor/internals";
import { below, releaseHandle } from "./backward.ts";
import { meet } from "./company.ts";
import { overlay, type Covered } from "./box-replay.ts";
import type { StateRecord } from "./keeper.ts";
import { standIn } from "./stand-in.ts";
import type { Entry, Recorder } from "./tape.ts";
import { copied, isLazyValue, type LazyValue } from "./lazy-value.ts";
import { WeakList } from "./weak-list.ts";

/** What a box holds: its own handle, or how to make one. Separate from the box, so that a finalizer can refer to it. */
interface Content {
  handle: Tensor | undefined;
  lazyValue: LazyValue | undefined;
}

const net = new FinalizationRegistry<Content>((content) => {
  if (content.handle !== undefined) releaseHandle(content.handle, "its box was collected");
});

/** The results of `stopGradient`: intended constants. */
const constants = new WeakSet<Tensor>();

const uncloneable = Symbol(
  "a parameter or state lives on its backend: pass on await toBytes(model), or await p.value.data()",
);

abstract class BoxBase implements Box, Covered {
  readonly #content: Content = { handle: undefined, lazyValue: undefined };
  /** What was assigned on a tape that is still open: on that tape it is part of the computation. */
  #traced: Tensor | undefined;

  /** "param" or "state". */
  readonly kind: string;
  /** Makes `structuredClone` and `postMessage` of a box throw, with this symbol's description as the reason. */
  readonly uncloneable: symbol = uncloneable;
  /** State that others (optimizers) keep for this box: it is moved together with the box. */
  readonly belongings: WeakList<StateRecord> = new WeakList();
  /**
   * The current value of a scalar that came from the host: counts are needed there, also when they are on a backend.
   */
  scalar: TypedArray | undefined = undefined;
  /** See `freeze` of `@weft/nn`. A frozen parameter is a constant wherever it is used, and optimizers leave it alone. */
  frozen: boolean = false;

  constructor(kind: string, value: Tensor | LazyValue) {
    this.kind = kind;
    if (isLazyValue(value)) this.#content.lazyValue = copied(value);
    else {
      const x = readTensor(value as Operand, kind);
      this.store(x);
      this.trace(x); // what was computed on an open tape stays part of the computation, as in an assignment
    }
    net.register(this, this.#content);
  }

  get [BRAND](): number {
    return CONTRACT;
  }
  abstract read(backend?: Backend): Tensor;

  get shape(): Shape {
    return (this.#content.handle ?? this.#content.lazyValue!).shape;
  }
  get dtype(): DType {
    return (this.#content.handle ?? this.#content.lazyValue!).dtype;
  }
  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
  /** Whether it has a value yet. */
  get initialized(): boolean {
    return this.#content.handle !== undefined;
  }
  /** Where the value lives; undefined before it has one. */
  get backend(): Backend | undefined {
    const other = standIn(this);
    return other === undefined ? this.#content.handle?.interpreter.backend : other.backend;
  }

  /** How the value will be made; undefined once there is one. */
  get lazyValue(): LazyValue | undefined {
    return this.#content.lazyValue;
  }

  toString(): string {
    const { handle } = this.#content;
    if (handle !== undefined) return print(handle, this.kind);
    return `${this.kind}(${this.dtype}[${this.shape.join(", ")}], no value yet)`;
  }
  /** What `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
  /** Converts to text; throws an ArgumentError where JavaScript wants a number. */
  [Symbol.toPrimitive](hint: string): string {
    return primitive(this, hint, "await p.value.item()");
  }
  toJSON(): { shape: Shape; dtype: DType } {
    return { shape: this.shape, dtype: this.dtype };
  }

  /** Makes the value on a backend, if there is none yet and it is needed. */
  initialize(backend: Backend): this {
    const { lazyValue } = this.#content;
    if (lazyValue === undefined || overlay()?.replacesAll === true) return this;
    const inner = openScope(`the ${this.kind} took its first value`);
    const { caller } = context;
    // Errors of the initializer must not carry the name of the function that needs the value
    context.caller = undefined;
    try {
      below(undefined, inner, () => this.store(lazyValue.create(backend)));
      if (lazyValue.shape.length === 0) this.scalar = lazyValue.values?.();
    } finally {
      context.caller = caller;
      closeScope(inner);
    }
    return this;
  }

  /** Replaces the value by one that is made later. */
  reset(lazyValue: LazyValue): void {
    const { handle } = this.#content;
    this.#content.lazyValue = copied(lazyValue);
    this.#content.handle = this.scalar = undefined;
    if (handle !== undefined) releaseHandle(handle, `the ${this.kind} was reset`);
  }

  /** The handle of the current version. */
  protected version(): Tensor {
    const { handle } = this.#content;
    if (handle !== undefined) return handle;
    throw new ArgumentError(
      `${this.kind}: this ${this.dtype}[${this.shape}] has no value yet: a parameter takes its first or its loaded values on the backend of the first tensor it meets, or at once with: await place(model, backend). In your own layer: readTensors("Mine", [x, self.box])`,
    );
  }

  /** Makes the box stand for x on the tapes of x, as long as they are open. */
  trace(x: Tensor): void {
    this.#traced = x.interpreter.level > 0 ? x : undefined;
  }

  /** What the box stands for on tapes that are still open. */
  protected get traced(): Tensor | undefined {
    let t = this.#traced;
    if (t === undefined) return t;
    while (t.interpreter.closed === true) t = t.interpreter.lower!(t);
    this.trace(t);
    return this.#traced;
  }

  /** Makes a new version: the box gets its own handle on the plain value. */
  protected store(x: Tensor): void {
    const bottom = untaped(x);
    const handle = bottom.interpreter.backend.retain(bottom);
    handle.owner = null; // no scope releases what is in a box
    const old = this.#content.handle;
    bottom.interpreter.backend.supersede?.(handle, old);
    this.#content.handle = handle;
    this.#content.lazyValue = this.scalar = undefined;
    if (old !== undefined) releaseHandle(old, `the ${this.kind} took a new value`);
  }
}

/**
 * A box whose value is differentiated: see `param`.
 *
 * @example
 * const bias = param(tensor([1, 2]));
 * console.log(bias.shape, bias.dtype, bias.initialized, await bias.value.data());
 */
export class Param extends BoxBase {
  constructor(value: Tensor | LazyValue) {
    super("param", value);
  }

  /** A plain tensor, as a separate handle: it stays readable after the parameter is assigned a new value. */
  get value(): Tensor {
    const other = standIn(this);
    if (other !== undefined) return other.value;
    const over = overlay();
    return fresh(over === undefined ? this.version() : over.look(this, () => this.version()));
  }
  set value(x: Tensor) {
    const other = standIn(this);
    if (other !== undefined) {
      other.value = x;
      return;
    }
    const t = readTensor(x, "param");
    if (!isFloat(t.dtype)) throw integers(t.dtype);
    refuseShape(this.shape, t);
    if (t.interpreter.level > 0) this.#refuseConstant(t);
    if (overlay()?.write(this, t) === true) return;
    this.store(t);
    this.trace(t);
  }

  read(backend?: Backend): Tensor {
    const other = standIn(this);
    if (other !== undefined) return other.read(backend);
    meet(this);
    if (backend !== undefined) this.initialize(backend);
    const tape = context.tape as Recorder | undefined;
    if (tape !== undefined) {
      const over = overlay();
      return tape.lift(this, over === undefined ? this.#now(tape) : over.look(this, () => this.#now(tape)));
    }
    if (context.suspended > 0 && !this.frozen)
      throw new ContextError(
        `param: this ${this.dtype}[${this.shape}] was used outside any tape while an asynchronous diff waits. Inside it, await t.wait(promise) instead of the promise, so that the tape is there afterwards; for a value without gradient, use stopGradient(parameter), or of a whole model vjp(() => model(x))[0].`,
      );
    return this.value;
  }

  /** The version that a tape sees: what was assigned on it or on a tape that it wraps, otherwise the plain value. */
  #now(tape: Recorder): Tensor {
    let t = this.frozen ? undefined : this.traced;
    while (t !== undefined && t.interpreter.level > 0) {
      for (let at: Recorder | undefined = tape; at !== undefined; at = at.parent) if (at === t.interpreter) return t;
      t = t.interpreter.lower!(t);
    }
    return this.version();
  }

  /**
   * Refuses a new value that was computed from a plain version of the parameter: it would silently lose the gradient.
   */
  #refuseConstant(x: Tensor): void {
    for (let t = x; t.interpreter.level > 0; t = t.interpreter.lower!(t)) {
      const tape = t.interpreter as Recorder;
      if (!tape.parameters || !this.initialized) continue;
      const versions = [this.version(), ...(tape.leaves.get(this) ?? [])].map((y) => untaped(y).payload);
      if (reaches(t, versions, 4))
        throw new ArgumentError(
          `param: a ${this.dtype}[${this.shape}] got a value computed on a tape from its own .value, which is a constant there. Write the parameter itself, as in p.value = sub(p, …), or stopGradient(p) if a constant is meant.`,
        );
    }
  }
}

/** Refuses a new value of a parameter that has another shape. */
export function refuseShape(shape: Shape, x: Tensor): void {
  if (!sameShape(x.shape, shape))
    throw new ShapeError(`param: a parameter of shape [${shape}] was assigned a value of shape [${x.shape}]`);
}

/** Whether a tensor was computed from one of these plain versions, in at most so many operations on its tape. */
function reaches(x: Value, versions: readonly unknown[], operations: number): boolean {
  if (typeof x === "number") return false;
  if (x.interpreter.level === 0) return versions.includes(x.payload) && !constants.has(x);
  const { inputs } = x.payload as Entry;
  return operations > 0 && inputs.some((input) => reaches(input, versions, operations - 1));
}

/**
 * A box whose value is not differentiated: see `state`.
 *
 * @example
 * const count = state(tensor(0));
 * count.value = add(count, 1);
 * count.value; // 1
 */
export class State extends BoxBase {
  constructor(value: Tensor | LazyValue) {
    super("state", value);
  }

  /** The current value: while the tape on which it was assigned is open, the tensor on that tape. */
  get value(): Tensor {
    const other = standIn(this);
    if (other !== undefined) return other.value;
    meet(this);
    const over = overlay();
    return over === undefined ? this.#now() : over.look(this, () => this.#now());
  }
  set value(x: Tensor) {
    const other = standIn(this);
    if (other !== undefined) {
      other.value = x;
      return;
    }
    const t = readTensor(x, "state");
    meet(this);
    if (overlay()?.write(this, t) === true) return;
    this.store(t);
    this.trace(t);
  }

  read(backend?: Backend): Tensor {
    const other = standIn(this);
    if (other !== undefined) return other.read(backend);
    if (backend !== undefined) this.initialize(backend);
    return this.value;
  }

  #now(): Tensor {
    return this.traced ?? fresh(this.version());
  }
}

/** The plain value of a tensor or a box, as a separate handle that is an intended constant. */
export function constant(x: Operand): Tensor {
  const held = typeof x === "object" && x !== null && !("interpreter" in x) && "value" in x ? (x as Param).value : x;
  const t = fresh(untaped(readTensor(held, "stopGradient")));
  if (context.tape !== undefined) constants.add(t);
  return t;
}

/** Another handle on a box's version, owned by the current scope. */
function fresh(version: Tensor): Tensor {
  if (version.interpreter.level > 0) return version;
  return own(version.interpreter.backend.retain(version));
}

/**
 * A parameter: a box with a value to differentiate with respect to, accepted wherever a tensor is. In `diff` every
 * operation on it is recorded. Assigning `.value` gives it a new value, which earlier results do not see. It owns its
 * value: no scope releases it. Reading `p.value` gives a plain tensor without gradient. A value computed and assigned
 * inside `diff` stays part of the computation until that `diff` ends. Throws a DTypeError for integers.
 *
 * @example
 * const w = param(randn([784, 10], { std: 0.01 }));
 * const tape = diff(() => sum(square(w)));
 * w.value = sub(w.value, mul(tape.grad(w), 0.1));
 */
export function param(x: Tensor | LazyValue): Param {
  const { dtype } = isLazyValue(x) ? x : readTensor(x as Operand, "param");
  if (!isFloat(dtype)) throw integers(dtype);
  return new Param(x);
}

const integers = (dtype: DType): DTypeError =>
  new DTypeError(`param: wanted floating-point values, got ${dtype}; use state() or cast`);

/**
 * A box for what changes but is not differentiated: running moments, recurrent and optimizer state. Assigned inside
 * `diff`, it stays part of the computation there; afterwards it is a plain value.
 *
 * @example
 * const h = state(zeros([1, 64]));
 * h.value = tanh(add(matmul(x, w), h));
 */
export const state = (x: Tensor | LazyValue): State => new State(x);
