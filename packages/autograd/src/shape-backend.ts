// A backend whose tensors have shapes and dtypes and no values: it runs the shape rules, which `apply` has run before,
// and counts the multiply-adds that a device would do.
import {
  Tensor,
  UnsupportedError,
  type Attrs,
  type Backend,
  type DType,
  type OpName,
  type RandomStream,
  type Shape,
  type TypedArray,
  type Value,
} from "@weft/tensor";
import { CONTRACT, creation, own, randomStream, shapeOf, sizeOf } from "@weft/tensor/internals";
import { VERSION } from "./tape.ts";

const size = (x: Value | undefined): number => (typeof x === "object" ? sizeOf(x.shape) : 1);
const shapeAt = (inputs: readonly Value[], k: number): Shape => (inputs[k] as Tensor).shape;

/** Elements of a kernel per channel of the result. */
const perChannel = (w: Shape): number => sizeOf(w.slice(1));

/** The multiply-adds of products and convolutions, on which models spend their time; other operations have none. */
const multiplyAdds: {
  readonly [K in OpName]?: (inputs: readonly Value[], attrs: Attrs<K>, shape: Shape) => number;
} = {
  matmul: (inputs, { transA }, shape) => sizeOf(shape) * (shapeAt(inputs, 0).at(transA ? -2 : -1) ?? 1),
  conv: (inputs, _, shape) => sizeOf(shape) * perChannel(shapeAt(inputs, 1)),
  convInputGrad: (inputs) => size(inputs[0]) * perChannel(shapeAt(inputs, 1)),
  convWeightGrad: (inputs, _, shape) => size(inputs[1]) * perChannel(shape),
};

export class ShapeBackend implements Backend {
  readonly name = "shapes()";
  readonly version = VERSION;
  readonly contract = CONTRACT;
  readonly level = 0;
  readonly stream: RandomStream = randomStream(0);
  /** So many multiply-adds the operations so far would do. */
  multiplyAdds = 0;

  constructor() {
    Object.assign(this, creation(this));
  }

  get backend(): this {
    return this;
  }

  /** A tensor without a value, which no scope releases. */
  blank(shape: Shape, dtype: DType): Tensor {
    return new Tensor(this, shape, dtype, undefined);
  }

  run<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, shape: Shape, dtype: DType): Tensor {
    this.multiplyAdds += multiplyAdds[op]?.(inputs, attrs, shape) ?? 0;
    return own(this.blank(shape, dtype));
  }

  /** Fallbacks run: so the products in them are counted. */
  runFused(): undefined {
    return undefined;
  }

  upload(_data: TypedArray, shape: Shape, dtype: DType): Tensor {
    return own(this.blank(shapeOf("upload", shape), dtype));
  }

  async read(x: Tensor): Promise<TypedArray> {
    return this.readSync(x);
  }

  readSync({ shape, dtype }: Tensor): TypedArray {
    throw new UnsupportedError(`shapes: there are no values to read, this ${dtype}[${shape}] has only a shape`);
  }

  /** Constants in a model live on a device. */
  adopt(operands: Value[]): void {
    operands.forEach((x, i) => {
      if (typeof x === "object" && x.interpreter.backend !== this) operands[i] = this.blank(x.shape, x.dtype);
    });
  }

  retain({ shape, dtype }: Tensor): Tensor {
    return this.blank(shape, dtype);
  }

  release(): void {
    // There is nothing to free.
  }

  unowned(): void {
    // Nor here.
  }

  owned(): void {
    // Nor here.
  }

  flush(): void {
    // Nothing is ever pending.
  }
}
