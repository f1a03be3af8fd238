// A backend that computes nothing: it records which primitives reach it, so that tests can inspect rules and attributes.
import { Tensor } from "../src/index.ts";
import { CONTRACT, VERSION, own, randomStream } from "../src/internals.ts";
import type { Backend, DType, FusedOp, OpName, Shape, TypedArray, Value } from "../src/index.ts";

export interface Call {
  readonly op: OpName;
  readonly inputs: readonly Value[];
  readonly attrs: unknown;
  readonly shape: Shape;
  readonly dtype: DType;
}

export class Recorder implements Backend {
  readonly name: string = "recorder";
  readonly version = VERSION;
  readonly contract: number = CONTRACT;
  readonly level = 0;
  readonly stream = randomStream(0);
  readonly calls: Call[] = [];
  readonly released: Tensor[] = [];
  flushes = 0;

  get backend(): this {
    return this;
  }
  of(shape: Shape, dtype: DType = "f32"): Tensor {
    return own(new Tensor(this, shape, dtype, undefined));
  }
  run(op: OpName, inputs: readonly Value[], attrs: unknown, shape: Shape, dtype: DType): Tensor {
    this.calls.push({ op, inputs, attrs, shape, dtype });
    return this.of(shape, dtype);
  }
  runFused(fused: FusedOp, inputs: readonly Value[], attrs: unknown): readonly Tensor[] | undefined {
    fused.infer(inputs, attrs);
    return undefined;
  }
  upload(_data: TypedArray, shape: Shape, dtype: DType): Tensor {
    return this.of(shape, dtype);
  }
  async read(x: Tensor): Promise<TypedArray> {
    return new Float32Array(x.size);
  }
  release(x: Tensor): void {
    this.released.push(x);
  }
  unowned(): void {
    // It has no storage.
  }
  owned(): void {
    // Here neither.
  }
  retain(x: Tensor): Tensor {
    return this.of(x.shape, x.dtype);
  }
  flush(): void {
    this.flushes++;
  }
  /** The names of the primitives that ran since the last call of this. */
  ops(): OpName[] {
    return this.calls.splice(0).map(({ op }) => op);
  }
}
