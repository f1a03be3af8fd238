// Strided views: movement operations change offset and strides and copy nothing, wherever strides can express the
// result.
import type { Attrs, Shape } from "@weft/tensor";
import { sameShape, sizeOf } from "@weft/tensor/internals";
import type { NodeOp, OpOf } from "./operation.ts";

export interface View {
  readonly shape: Shape;
  /** In elements; negative after a flip, 0 along a broadcast axis. */
  readonly strides: readonly number[];
  readonly offset: number;
}

const scalar: readonly number[] = Object.freeze([]);
const vector: readonly number[] = Object.freeze([1]);

export function rowMajor(shape: Shape): readonly number[] {
  const { length } = shape;
  // Small ranks are fast: planning calls this often.
  if (length === 0) return scalar;
  if (length === 1) return vector;
  if (length === 2) return [shape[1]!, 1];
  const strides = new Array<number>(length);
  let n = 1;
  for (let i = length - 1; i >= 0; i--) {
    strides[i] = n;
    n *= shape[i]!;
  }
  return strides;
}

/** Whether elements lie side by side in row-major order (axes of size 1 may have any stride). */
export function isRowMajor(shape: Shape, strides: readonly number[]): boolean {
  let n = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== n) return sizeOf(shape) === 0;
    n *= shape[i]!;
  }
  return true;
}

/** Lines along an axis: `outer` blocks of `inner` lines of `size` elements, which are `inner` elements apart. */
export const linesAlong = (shape: Shape, axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  size: shape[axis]!,
  inner: sizeOf(shape.slice(axis + 1)),
});

/** The strides of a view broadcast to a shape. */
export function broadcastStrides(view: View, shape: Shape): readonly number[] {
  if (sameShape(view.shape, shape) && !shape.includes(1)) return view.strides;
  const lead = shape.length - view.shape.length;
  const strides = new Array<number>(shape.length);
  for (let i = 0; i < shape.length; i++)
    strides[i] = i < lead || view.shape[i - lead] === 1 ? 0 : view.strides[i - lead]!;
  return strides;
}

type Moves = { readonly [K in OpOf<"move">]: (v: View, attrs: Attrs<K>) => View | undefined };

/** The view after a movement operation; undefined if strides cannot express it and a copy is needed. */
export const moves = {
  permute: (v, { axes }) => ({
    shape: axes.map((a) => v.shape[a]!),
    strides: axes.map((a) => v.strides[a]!),
    offset: v.offset,
  }),
  broadcastTo: (v, { shape }) => ({ shape, strides: broadcastStrides(v, shape), offset: v.offset }),
  slice: (v, { starts, sizes, steps }) => ({
    shape: sizes,
    strides: v.strides.map((s, i) => s * steps[i]!),
    offset: v.strides.reduce((o, s, i) => o + (sizes[i] === 0 ? 0 : s * starts[i]!), v.offset),
  }),
  flip: (v, { axes }) => ({
    shape: v.shape,
    strides: v.strides.map((s, i) => (axes.includes(i) ? -s : s)),
    offset: axes.reduce((o, a) => o + v.strides[a]! * Math.max(v.shape[a]! - 1, 0), v.offset),
  }),
  reshape: (v, { shape }) => reshaped(v, shape),
} satisfies Moves;

const byName: Moves = moves;
/** The same for a node of kind `move`: here its attributes get their type back. */
export const moved = (v: View, { op, attrs }: { readonly op: NodeOp; readonly attrs: unknown }): View | undefined =>
  byName[op as OpOf<"move">](v, attrs as never);

/** Reshapes by strides: groups of contiguous axes are split anew. */
function reshaped(v: View, shape: Shape): View | undefined {
  if (isRowMajor(v.shape, v.strides)) return { shape, strides: rowMajor(shape), offset: v.offset };
  const strides = new Array<number>(shape.length).fill(0);
  let from = 0;
  let to = 0;
  while (from < v.shape.length || to < shape.length) {
    if (from < v.shape.length && v.shape[from] === 1) {
      from++;
      continue;
    }
    if (to < shape.length && shape[to] === 1) {
      to++;
      continue;
    }
    if (from >= v.shape.length || to >= shape.length) return undefined;
    let [a, b] = [v.shape[from]!, shape[to]!];
    const [fromStart, toStart] = [from, to];
    while (a !== b) {
      if (a < b) a *= v.shape[++from]!;
      else b *= shape[++to]!;
    }
    for (let i = fromStart; i < from; i++) if (v.strides[i] !== v.strides[i + 1]! * v.shape[i + 1]!) return undefined;
    let stride = v.strides[from]!;
    for (let i = to; i >= toStart; i--) {
      strides[i] = stride;
      stride *= shape[i]!;
    }
    from++;
    to++;
  }
  return { shape, strides, offset: v.offset };
}
