// Axes in another order, turned, or made into a grid.
import { readTensor } from "../apply.ts";
import { axisOf, listOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { ShapeError } from "../errors.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, flip, permute, reshape, transpose } from "../movement.ts";
import { tensorsOf } from "../operands.ts";
import { integer, list, oneOf, readOptions } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** Axes that differ from each other, counted from the front. */
function distinctAxes(op: string, axes: readonly number[], shape: readonly number[]): number[] {
  const found = axes.map((axis) => axisOf(op, axis, shape));
  if (new Set(found).size < found.length) throw new ShapeError(`${op}: an axis is named twice in ${text(axes)}`);
  return found;
}

/**
 * The axes named in `from` moved to the places `to` of the result; the others keep their order.
 *
 * @example movedim(tensor([[[1, 2]], [[3, 4]]]), 0, -1) // [[[1, 3], [2, 4]]]
 */
export function movedim(x: Operand, from: number | readonly number[], to: number | readonly number[]): Tensor {
  const t = readTensor(x, "movedim");
  const shape = t.shape.length === 0 ? [1] : t.shape; // a scalar counts as a vector
  const read = (name: string, axes: number | readonly number[]) =>
    typeof axes === "number" ? [axes] : listOf("movedim", name, axes);
  const [sources, targets] = [read("from", from), read("to", to)];
  if (sources.length !== targets.length)
    throw new ShapeError(`movedim: wanted as many axes from as to, got ${text(sources)} and ${text(targets)}`);
  const [taken, places] = [distinctAxes("movedim", sources, shape), distinctAxes("movedim", targets, shape)];
  const rest = shape
    .map((_, i) => i)
    .filter((i) => !taken.includes(i))
    .values();
  const axes = t.shape.map((_, i) => (places.includes(i) ? taken[places.indexOf(i)]! : rest.next().value!));
  return inNameOf("movedim", () => permute(t, axes));
}

/**
 * Turns a plane of x by k quarters, from the first of the `axes` toward the second.
 *
 * @example rot90(tensor([[1, 2], [3, 4]])) // [[2, 4], [1, 3]]
 */
export function rot90(x: Operand, options?: { k?: number; axes?: readonly number[] }): Tensor {
  const { k, axes } = readOptions("rot90", options, { k: integer, axes: list }, { k: 1, axes: [0, 1] });
  const t = readTensor(x, "rot90");
  const plane = distinctAxes("rot90", listOf("rot90", "axes", axes), t.shape);
  if (plane.length !== 2) throw new ShapeError(`rot90: wanted two axes, got ${text(plane)}`);
  const [a, b] = plane as [number, number];
  const turns = ((k % 4) + 4) % 4;
  return inNameOf("rot90", () => {
    if (turns === 0)
      return permute(
        t,
        t.shape.map((_, i) => i),
      );
    if (turns === 2) return flip(t, { axis: plane });
    return turns === 1 ? transpose(flip(t, { axis: b }), a, b) : flip(transpose(t, a, b), { axis: b });
  });
}

/**
 * Coordinates of a grid: result i has the elements of vector i along axis i, and repeats them along the others. With
 * `indexing: "xy"` the first two axes are swapped, as in NumPy's default.
 *
 * @example meshgrid([tensor([1, 2]), tensor([3, 4])]) // [[[1, 1], [2, 2]], [[3, 4], [3, 4]]]
 */
export function meshgrid(xs: readonly Operand[], options?: { indexing?: "ij" | "xy" }): Tensor[] {
  const { indexing } = readOptions("meshgrid", options, { indexing: oneOf("ij", "xy") }, { indexing: "ij" });
  const vectors = tensorsOf("meshgrid", xs);
  for (const { shape } of vectors)
    if (shape.length > 1) throw new ShapeError(`meshgrid: wanted vectors, got shape ${text(shape)}`);
  const sizes = vectors.map(({ shape }) => shape[0] ?? 1);
  return inNameOf("meshgrid", () =>
    vectors.map((t, i) => {
      const line = sizes.map((d, k) => (k === i ? d : 1));
      const grid = broadcastTo(reshape(t, line), sizes);
      return indexing === "xy" && sizes.length > 1 ? transpose(grid, 0, 1) : grid;
    }),
  );
}
