// The reference: an interpreter in plain JavaScript that defines what every primitive means. It is eager, keeps every
// element as a float64 (those of f32 tensors too), and counts its living handles.
import {
  IndexError,
  Tensor,
  type Backend,
  type Creation,
  type DType,
  type OpName,
  type RandomStream,
  type Shape,
  type TypedArray,
  type Value,
} from "@weft/tensor";
import { calledAs, CONTRACT, creation, isFloat, own, randomStream, shapeOf, VERSION } from "@weft/tensor/internals";
import { conv } from "./reference/conv.ts";
import { elementwise } from "./reference/elementwise.ts";
import { indexing } from "./reference/indexing.ts";
import type { Elements, Kernels } from "./reference/kernels.ts";
import { linalg } from "./reference/linalg.ts";
import { movement } from "./reference/movement.ts";
import { random } from "./reference/random.ts";
import { reductions } from "./reference/reduce.ts";
import { elementsOf, storage } from "./reference/storage.ts";

const kernels: Kernels = {
  ...elementwise,
  ...reductions,
  ...movement,
  ...indexing,
  ...linalg,
  ...conv,
  ...random,
};

export interface ReferenceOptions {
  /** The seed of the random stream. */
  readonly seed?: number;
  /** Rounds the results of f32 to f32. Without it they keep the precision of f64, and reads give a Float64Array. */
  readonly rounding?: boolean;
}

/** A result as it is stored. */
const stored = (dtype: DType, data: Float64Array, rounding: boolean): Float64Array => {
  if (!isFloat(dtype)) for (let i = 0; i < data.length; i++) data[i]! |= 0;
  else if (dtype === "f32" && rounding) for (let i = 0; i < data.length; i++) data[i] = Math.fround(data[i]!);
  return data;
};

/** The elements as an array of the host. */
const host = (dtype: DType, data: Float64Array, rounding: boolean): TypedArray =>
  dtype === "f32" && !rounding ? data.slice() : elementsOf(dtype, data);

/** Lines of a stack within Weft, which are not the user's call. */
const inside = /[\\/](tensor|autograd|nn)[\\/](src|dist)[\\/]|[\\/]conformance[\\/](src|dist)[\\/]reference/;

/** The first line of the stack outside of Weft: where the user called. */
function callSite(): string {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, "stackTraceLimit", 50);
  const { stack = "" } = new Error("here");
  Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  const lines = stack.split("\n").slice(1);
  return (lines.find((line) => !inside.test(line)) ?? lines[0] ?? "").trim().replace(/^at /, "");
}

const SCALAR: Shape = [];

/** A backend of float64 arrays. */
export class Reference implements Backend {
  readonly name: string = "@weft/conformance";
  readonly version: string = VERSION;
  readonly contract: number = CONTRACT;
  readonly level = 0;
  readonly stream: RandomStream;
  readonly rounding: boolean;
  #live = 0;
  /** The errors of values that were computed with an index out of range. */
  readonly #faults = new WeakMap<object, IndexError>();
  readonly #net = new FinalizationRegistry(() => this.#live--);

  constructor({ seed = 0, rounding = false }: ReferenceOptions = {}) {
    this.stream = randomStream(seed);
    this.rounding = rounding;
  }

  get backend(): this {
    return this;
  }

  /** The number of living handles; if it does not return to what it was, handles leak. */
  live(): number {
    return this.#live;
  }

  run<K extends OpName>(op: K, inputs: readonly Value[], attrs: unknown, shape: Shape, dtype: DType): Tensor {
    let fault = inputs
      .map((x) => (typeof x === "number" ? undefined : this.#faults.get(x.payload as object)))
      .find(Boolean);
    const outOfRange = (index: number, axis: number, size: number): void => {
      if (fault !== undefined) return;
      const name = calledAs(op);
      fault = new IndexError(
        `${name}: index ${index} is out of range for axis ${axis} of size ${size}, called at ${callSite()}`,
      );
    };
    const operands = inputs.map((x) => this.#elements(x, dtype));
    const data = kernels[op](operands, attrs as never, shape, dtype, outOfRange);
    const result = stored(dtype, data, this.rounding);
    if (fault !== undefined) this.#faults.set(result, fault);
    return own(this.#handle(result, shape, dtype));
  }

  runFused(): undefined {
    return undefined;
  }

  upload(data: TypedArray, given: Shape, dtype: DType): Tensor {
    const shape = shapeOf("upload", given);
    const elements = Float64Array.from(data, storage[dtype].load);
    return own(this.#handle(stored(dtype, elements, this.rounding), shape, dtype));
  }

  readSync(x: Tensor): TypedArray {
    const fault = this.#faults.get(x.payload as object);
    if (fault !== undefined) throw fault;
    return host(x.dtype, x.payload as Float64Array, this.rounding);
  }

  async read(x: Tensor): Promise<TypedArray> {
    return this.readSync(x);
  }

  release(x: Tensor): void {
    this.#net.unregister(x);
    this.#live--;
  }

  unowned(x: Tensor): void {
    this.#net.register(x, undefined, x);
  }

  owned(x: Tensor): void {
    this.#net.unregister(x);
  }

  retain(x: Tensor): Tensor {
    return this.#handle(x.payload as Float64Array, x.shape, x.dtype);
  }

  flush(): void {
    // Nothing is pending: every operation has run when it returns.
  }

  #elements(x: Value, dtype: DType): Elements {
    if (typeof x !== "number") return { data: x.payload as Float64Array, shape: x.shape, dtype: x.dtype };
    return { data: Float64Array.of(this.rounding && dtype === "f32" ? Math.fround(x) : x), shape: SCALAR, dtype };
  }

  #handle(data: Float64Array, shape: Shape, dtype: DType): Tensor {
    this.#live++;
    return new Tensor(this, shape, dtype, data);
  }
}

let shared: (Reference & Creation) | undefined;

const make = (options: ReferenceOptions): Reference & Creation => {
  const backend = new Reference(options);
  return Object.assign(backend, creation(backend));
};

/** Opens the reference; without options it is the same instance each time. */
export const openSync = (options?: ReferenceOptions): Reference & Creation =>
  options === undefined ? (shared ??= make({})) : make(options);

/** Like `openSync`, in the form that every backend has. */
export const open = async (options?: ReferenceOptions): Promise<Reference & Creation> => openSync(options);
