// Scalars that are indexed along axis 0 or -1: they count as vectors of one element, as in PyTorch.
import type { Value } from "./interpreter.ts";
import { reshape } from "./movement.ts";
import type { Tensor } from "./tensor.ts";

/** A scalar as a vector of one element; numbers and other tensors as they are. */
export const vectorOf = <X extends Value>(x: X): X | Tensor =>
  typeof x === "object" && x.shape.length === 0 ? reshape(x, [1]) : x;

/** Whether one of these is a scalar and the other one is, too, or is a vector. */
export const besideScalar = (a: Tensor, b: Tensor): boolean => a.shape.length + b.shape.length < 2;
