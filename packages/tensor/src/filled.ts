// Tensors made beside another one, on its backend: one number everywhere, and the numbers of places.
import { source } from "./apply.ts";
import type { DType } from "./dtype.ts";
import type { Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/** A number everywhere, in the dtype of x if no other one is named. */
export const filled = (x: Tensor, value: number, shape: Shape, dtype: DType = x.dtype): Tensor =>
  source(x.interpreter.backend, "full", [value], { shape, dtype });

/** 0, 1, 2, … along an axis of a shape, as `i32` if no other dtype is named. */
export const iota = (x: Tensor, shape: Shape, axis = 0, dtype: DType = "i32"): Tensor =>
  source(x.interpreter.backend, "iota", [], { shape, axis, dtype });
