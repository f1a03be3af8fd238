// An axis with other elements: each one a weighted sum of a few of those that are there.
import { applyRead } from "../apply.ts";
import { dtypeInfo } from "../dtype.ts";
import { mul } from "../elementwise.ts";
import { sum } from "../reduce.ts";
import { reshape } from "../movement.ts";
import type { Tensor } from "../tensor.ts";

/** One element of a result: the places of its terms along the axis, and their weights. */
export interface Mixture {
  readonly places: readonly number[];
  readonly weights: readonly number[];
}

const isSame = ({ places, weights }: Mixture, i: number): boolean =>
  weights.every((w, k) => (places[k] === i ? w === 1 : w === 0));

/** x with these elements along an axis. All mixtures have equally many terms. */
export function resample(x: Tensor, axis: number, mixtures: readonly Mixture[]): Tensor {
  if (mixtures.length === x.shape[axis] && mixtures.every(isSame)) return x;
  const { backend } = x.interpreter;
  const size = mixtures.length;
  const terms = mixtures[0]!.places.length;
  const places = backend.upload(Int32Array.from(mixtures.flatMap((m) => m.places)), [size * terms], "i32");
  const rows = applyRead("take", [x, places], { axis });
  const weights = mixtures.flatMap((m) => m.weights);
  if (terms === 1 && weights.every((w) => w === 1)) return rows;
  const after = x.shape.slice(axis + 1);
  const factors = backend.upload(dtypeInfo[x.dtype].array.from(weights), [size, terms, ...after.map(() => 1)], x.dtype);
  return sum(mul(reshape(rows, [...x.shape.slice(0, axis), size, terms, ...after]), factors), { axis: axis + 1 });
}
