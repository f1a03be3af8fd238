// The numbers of places along an axis: masks and positions in sequences are made of them.
import { source, type Shape, type Tensor } from "@weft/tensor";

/** 0, 1, 2, … along an axis of a shape, as `i32` on the backend of x. */
export const iota = ({ backend }: Tensor, shape: Shape, axis = 0): Tensor =>
  source(backend, "iota", [], { shape, axis, dtype: "i32" });
