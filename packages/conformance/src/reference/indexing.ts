// The meaning of the indexing family. An index out of range reads NaN (integers: 0) or drops its update, and is
// reported.
import type { IndexingOps } from "@weft/tensor/internals";
import { offsets, sizeOf, stridesOf, type Elements, type Kernels, type OutOfRange } from "./kernels.ts";

/** Calls `visit` for every element of take's result: its place there, and in x (-1 if the index is out of range). */
function eachTaken(
  x: { readonly shape: readonly number[] },
  indices: Elements,
  axis: number,
  outOfRange: OutOfRange,
  visit: (taken: number, at: number) => void,
): void {
  const size = x.shape[axis]!;
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  let taken = 0;
  for (let o = 0; o < outer; o++)
    for (const index of indices.data) {
      const inside = index >= 0 && index < size;
      if (!inside) outOfRange(index, axis, size);
      for (let i = 0; i < inner; i++) visit(taken++, inside ? (o * size + index) * inner + i : -1);
    }
}

/** Calls `visit` for every index: its place, and that of the element of x that it selects along the axis. */
function eachGathered(
  x: { readonly shape: readonly number[] },
  indices: Elements,
  axis: number,
  outOfRange: OutOfRange,
  visit: (place: number, at: number) => void,
): void {
  const strides = stridesOf(x.shape);
  const bases = offsets(
    indices.shape,
    strides.map((stride, i) => (i === axis ? 0 : stride)),
  );
  const size = x.shape[axis]!;
  for (let i = 0; i < bases.length; i++) {
    const index = indices.data[i]!;
    const inside = index >= 0 && index < size;
    if (!inside) outOfRange(index, axis, size);
    visit(i, inside ? bases[i]! + index * strides[axis]! : -1);
  }
}

type EachIndex = typeof eachTaken;

const reading =
  (walk: EachIndex): Kernels<"take">["take"] =>
  ([x, indices], { axis }, shape, _, outOfRange) => {
    const result = new Float64Array(sizeOf(shape));
    walk(x!, indices!, axis, outOfRange, (i, at) => (result[i] = at < 0 ? NaN : x!.data[at]!));
    return result;
  };

const adding =
  (walk: EachIndex): Kernels<"indexAdd">["indexAdd"] =>
  ([x, indices, updates], { axis }, shape, _, outOfRange) => {
    const result = x!.data.slice();
    walk({ shape }, indices!, axis, outOfRange, (i, at) => {
      if (at >= 0) result[at]! += updates!.data[i]!;
    });
    return result;
  };

export const indexing: Kernels<keyof IndexingOps> = {
  take: reading(eachTaken),
  indexAdd: adding(eachTaken),
  gather: reading(eachGathered),
  scatterAdd: adding(eachGathered),
};
