// Indices that are in range by how they are computed.
import { mod } from "../elementwise.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Indices of an axis of n elements that need no check: a remainder of n is in range, and backends know that. The indices
 * are in range already, or it does not matter what they select.
 */
export const wrapped = (index: Tensor, n: number): Tensor => mod(index, Math.max(n, 1));
