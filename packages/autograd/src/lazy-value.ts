// Values that are made later: a parameter of a layer is known by its shape before there is a backend to hold it.
import type { Backend, DType, Shape, Tensor, TypedArray } from "@weft/tensor";
import { shapeOf } from "@weft/tensor/internals";

/** A value that is made later, on the backend of the first tensor that its box is used with. */
export interface LazyValue {
  readonly shape: Shape;
  readonly dtype: DType;
  create(backend: Backend): Tensor;
  /** The same value on the host, if it is known without a backend: then it can be saved before there is one. */
  readonly values?: (() => TypedArray) | undefined;
}

/** A value that is known or made on the host, and uploaded once there is a backend. */
export const fromHost = (shape: Shape, dtype: DType, values: () => TypedArray): LazyValue => ({
  shape,
  dtype,
  create: (backend) => backend.upload(values(), shape, dtype),
  values,
});

export const isLazyValue = (x: Tensor | LazyValue): x is LazyValue =>
  typeof x === "object" && x !== null && typeof (x as Partial<LazyValue>).create === "function";

/** A copy, with a frozen shape. */
export const copied = (x: LazyValue): LazyValue => ({
  shape: shapeOf("param", x.shape),
  dtype: x.dtype,
  create: (backend) => x.create(backend),
  values: x.values,
});
