// Elements repeated in place, and elements of a source put where a mask is true.
import { applyRead, placed, readTensor, readTensors } from "../apply.ts";
import { axisOf, listOf, sizeOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { hostArray } from "../creation.ts";
import { where } from "../elementwise.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, concat, reshape } from "../movement.ts";
import { inDType, positions } from "../operands.ts";
import { count, integer, orNull, readOptions, readValue } from "../options.ts";
import { cumsum } from "../reduce.ts";
import { broadcast } from "../rules/elementwise.ts";
import { filled, iota } from "../filled.ts";
import type { Tensor } from "../tensor.ts";
import { placesIn } from "./search.ts";

export interface RepeatOptions {
  /** The axis along which elements are repeated; without one, x is flattened. */
  readonly axis?: number | null;
  /** The length of the result's axis. It is needed where `repeats` is a tensor, since sizes do not depend on values. */
  readonly length?: number;
}
const repeatKinds = { axis: orNull(integer), length: count };

/** Refuses a length that is not what known repeats sum to. */
function checkLength(total: number, length: number | undefined): void {
  if (length !== undefined && length !== total)
    throw new ArgumentError(`repeatInterleave: these repeats give a length of ${total}, got ${length} as length`);
}

/** Which row stands at each place, for repeats that are known here. */
function rowsFor(x: Tensor, repeats: readonly number[], size: number, length: number | undefined): Tensor {
  for (const n of repeats) readValue("repeatInterleave", "repeats", n, count);
  if (repeats.length !== size && repeats.length !== 1)
    throw new ShapeError(`repeatInterleave: wanted ${size} repeats, one per element of the axis, got ${text(repeats)}`);
  const times = (i: number): number => repeats[repeats.length === 1 ? 0 : i]!;
  let total = 0;
  for (let i = 0; i < size; i++) total += times(i);
  checkLength(total, length);
  const data = hostArray("repeatInterleave", total, "i32");
  let end = 0;
  for (let i = 0; i < size; i++) data.fill(i, end, (end += times(i)));
  return x.interpreter.backend.upload(data, [total], "i32");
}

/** Which row stands at each place: the first one whose repeats end behind it. */
function rowsOnDevice(repeats: Tensor, size: number, length: number | undefined): Tensor {
  if (length === undefined)
    throw new ArgumentError(
      "repeatInterleave: wanted the sum of repeats as length, since repeats is a tensor; or give repeats as a list",
    );
  const ends = cumsum(broadcastTo(reshape(positions("repeatInterleave", repeats), [sizeOf(repeats.shape)]), [size]));
  const places = iota(repeats, [length]);
  return placesIn(ends, places, "right");
}

/**
 * Each element (with `axis`, each slice of the axis) repeated, by one number or by one number for each. A tensor of
 * repeats needs their sum as `length`. Its values are not checked: a larger length is an IndexError at each read, a
 * smaller one leaves the rest out, and repeats below 0 give something else. Like PyTorch's `repeat_interleave`.
 *
 * @example repeatInterleave(tensor([[1, 2], [3, 4]]), 2) // [1, 1, 2, 2, 3, 3, 4, 4]
 * @example repeatInterleave(tensor([[1, 2], [3, 4]]), [1, 2], { axis: 0 }) // [[1, 2], [3, 4], [3, 4]]
 */
export function repeatInterleave(x: Operand, repeats: Operand | readonly number[], options?: RepeatOptions): Tensor {
  const { axis, length } = readOptions<RepeatOptions, object>("repeatInterleave", options, repeatKinds, {});
  const isList = Array.isArray(repeats) || ArrayBuffer.isView(repeats);
  const beside = isList ? x : placed([x, repeats as Operand]);
  const given = readTensor(x, "repeatInterleave", beside);
  return inNameOf("repeatInterleave", () => {
    const t = axis === null || axis === undefined ? reshape(given, [sizeOf(given.shape)]) : given;
    const at = axisOf("repeatInterleave", axis ?? 0, t.shape);
    const size = t.shape[at]!;
    if (typeof repeats === "number") {
      readValue("repeatInterleave", "repeats", repeats, count);
      checkLength(size * repeats, length);
      const wide = reshape(t, t.shape.toSpliced(at + 1, 0, 1));
      return reshape(broadcastTo(wide, t.shape.toSpliced(at + 1, 0, repeats)), t.shape.with(at, size * repeats));
    }
    const rows = isList
      ? rowsFor(t, listOf("repeatInterleave", "repeats", repeats), size, length)
      : rowsOnDevice(readTensor(repeats as Operand, "repeatInterleave", t), size, length);
    return applyRead("take", [t, rows], { axis: at });
  });
}

/**
 * x with the elements of a source, one after another, where the mask is true; x and the mask broadcast. Too few
 * elements are an IndexError at each read.
 *
 * @example maskedScatter(tensor([1, 2, 3]), tensor([true, false, true]), tensor([8, 9])) // [8, 2, 9]
 */
export function maskedScatter(x: Operand, mask: Operand, elements: Operand): Tensor {
  const [t, m, given] = readTensors("maskedScatter", [x, mask, elements]);
  const shape = broadcast("maskedScatter", t.shape, m.shape);
  return inNameOf("maskedScatter", () => {
    const chosen = broadcastTo(inDType(m, "bool"), shape);
    const flat = reshape(inDType(given, t.dtype), [sizeOf(given.shape)]);
    // Element 0 stands for all that are not replaced.
    const none = filled(t, 0, [1]);
    const number = reshape(cumsum(reshape(chosen, [sizeOf(shape)])), shape);
    const values = applyRead("take", [concat([none, flat]), where(chosen, number, 0)], { axis: 0 });
    return inDType(where(chosen, values, t), t.dtype);
  });
}
