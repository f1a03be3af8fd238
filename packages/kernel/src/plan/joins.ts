// The second pass: joins and pads become writes into parts of one value. A map that is used as a whole writes into its
// part directly; everything else is copied.
import { sameShape, sizeOf } from "@weft/tensor/internals";
import {
  castOf,
  fillOf,
  isWhole,
  type ComputedValue,
  type JoinValue,
  type MapValue,
  type PadValue,
  type PlanValue,
  type Values,
} from "./plan-value.ts";
import { isRowMajor, moves, rowMajor, type View } from "../graph/view.ts";

/** Where a map writes instead of into memory of its own. */
interface Target {
  readonly into: JoinValue | PadValue;
  readonly view: View;
  /** What must be written first: the numbers around the operand of a pad. */
  readonly fill: MapValue | undefined;
}

export interface Joins {
  /** Everything that is computed, a join or pad after its parts. */
  readonly values: readonly ComputedValue[];
  /** Greater than every `id`. */
  readonly count: number;
  readonly targets: ReadonlyMap<PlanValue, Target>;
  /** A join or pad is complete when these are. */
  readonly parts: ReadonlyMap<PlanValue, readonly MapValue[]>;
}

export function placeJoins({ values, count, kept }: Values): Joins {
  const targets = new Map<PlanValue, Target>();
  const parts = new Map<PlanValue, readonly MapValue[]>();
  if (!values.some(isJoin)) return { values, count, targets, parts };
  const all: ComputedValue[] = [];
  const reads = countReads(values, count);

  /** Writes `x` into `region` of a join or pad; returns the map that does so. */
  const place = (into: JoinValue | PadValue, x: PlanValue, region: View, fill?: MapValue): MapValue => {
    const b = x.base;
    if (b.kind === "map" && fill === undefined && isWhole(x) && !kept[b.id] && !targets.has(b)) {
      const view = sameShape(b.shape, x.shape) ? region : moves.reshape(region, { shape: b.shape });
      // Other readers read the value there, which works if it is still in row-major order.
      if (view !== undefined && (reads[b.id] === 1 || isRowMajor(view.shape, view.strides))) {
        targets.set(b, { into, view, fill });
        return b;
      }
    }
    const part = castOf(count++, x, into.dtype);
    targets.set(part, { into, view: region, fill });
    all.push(part);
    return part;
  };

  for (const value of values) {
    if (value.kind === "join") {
      let start = 0;
      const { axis } = value.attrs;
      const written: MapValue[] = [];
      for (const x of value.inputs) {
        const starts = value.shape.map((_, i) => (i === axis ? start : 0));
        if (sizeOf(x.shape) > 0) written.push(place(value, x, regionOf(value, x, starts)));
        start += x.shape[axis]!;
      }
      parts.set(value, written);
    } else if (value.kind === "pad") {
      const { before, interior } = value.attrs;
      const fill = fillOf(count++, value);
      targets.set(fill, { into: value, view: wholeOf(value), fill: undefined });
      all.push(fill);
      const x = value.inputs[0]!;
      const region = () => regionOf(value, x, before, interior);
      parts.set(value, sizeOf(x.shape) > 0 ? [fill, place(value, x, region(), fill)] : [fill]);
    }
    all.push(value);
  }
  return { values: all, count, targets, parts };
}

const isJoin = ({ kind }: ComputedValue): boolean => kind === "join" || kind === "pad";

/** By id: how often a value is read, directly or as a view. */
function countReads(values: readonly ComputedValue[], count: number): readonly number[] {
  const reads = new Array<number>(count).fill(0);
  for (const { inputs } of values) for (const x of inputs) if (typeof x !== "number") reads[x.base.id]!++;
  return reads;
}

const wholeOf = ({ shape }: PlanValue): View => ({ shape, strides: rowMajor(shape), offset: 0 });

/** The part of a join or pad that an operand fills: from `starts` on, with `gaps` elements between two neighbors. */
const regionOf = (
  into: PlanValue,
  { shape: sizes }: PlanValue,
  starts: readonly number[],
  gaps?: readonly number[],
): View => moves.slice(wholeOf(into), { starts, sizes, steps: sizes.map((_, i) => 1 + (gaps?.[i] ?? 0)) });
