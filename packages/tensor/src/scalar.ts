// Scalars that are indexed along axis 0 or -1: they count as vectors of one element, as in PyTorch.
import { reshape } from "./movement.ts";
import type { Tensor } from "./tensor.ts";

/** A scalar as a vector of one element; other tensors as they are. */
export const vectorOf = (t: Tensor): Tensor => (t.shape.length === 0 ? reshape(t, [1]) : t);

/** Whether one of these is a scalar and the other one is, too, or is a vector. */
export const besideScalar = (a: Tensor, b: Tensor): boolean => a.shape.length + b.shape.length < 2;
