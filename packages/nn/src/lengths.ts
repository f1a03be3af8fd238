// The lengths of the sequences of a batch, which recurrences, attention and losses take in the same way.
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  less,
  readTensor,
  reshape,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { count, inDType, iota, isFloat, list, text } from "@weft/tensor/internals";

/** Lengths of the sequences of a batch: numbers, or an integer tensor `[N]`. */
export type Lengths = Operand | readonly number[];

/** Lengths that are known on the host. */
export const hostLengths = (given: Lengths): readonly number[] | undefined =>
  typeof given === "number" ? [given] : list.is(given) ? Array.from<number>(given) : undefined;

/**
 * Lengths as `i32` `[batch]`, on the backend of x. Numbers must be whole, from 0 to `most`; those of a tensor are not
 * read. `name` is what the operation calls them.
 */
export function readLengths(op: string, name: string, given: Lengths, batch: number, most: number, x: Tensor): Tensor {
  const numbers = hostLengths(given);
  const wrong = numbers?.findIndex((n) => !(count.is(n) && n <= most)) ?? -1;
  if (wrong >= 0) {
    const range = most < Infinity ? ` up to ${most}` : "";
    throw new ArgumentError(`${op}: wanted whole numbers${range} as ${name}, got ${numbers![wrong]}`);
  }
  const lengths =
    numbers === undefined
      ? readTensor(given as Operand, op, x)
      : x.backend.upload(Int32Array.from(numbers), [numbers.length], "i32");
  if (lengths.size !== batch || lengths.shape.length > 1)
    throw new ShapeError(`${op}: wanted ${name} of shape [${batch}], got ${text(lengths.shape)}`);
  if (isFloat(lengths.dtype))
    throw new DTypeError(`${op}: ${name} are integers, got ${lengths.dtype}; use cast(${name}, "i32")`);
  return reshape(inDType(lengths, "i32"), [batch]);
}

/** x `[T, B, n]`, with 0 at the steps that a sequence does not have. */
export function within(x: Tensor, lengths: Tensor | undefined): Tensor {
  if (lengths === undefined) return x;
  const t = iota(x, [x.shape[0]!, 1, 1]);
  return where(less(t, reshape(lengths, [-1, 1])), x, 0);
}
