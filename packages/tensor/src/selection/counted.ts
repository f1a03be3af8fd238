// Selections whose sizes depend on values. A backend must know sizes when it records, so these functions read what they
// need and return promises. What they select goes through `take`, so it has gradients.
import { applyRead, readTensor, readTensors, untaped } from "../apply.ts";
import { axisOf, sizeOf } from "../axes.ts";
import { context, inNameOf } from "../context.ts";
import { hostArray } from "../creation.ts";
import type { TypedArray } from "../dtype.ts";
import { cast } from "../elementwise.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, permute, reshape } from "../movement.ts";
import { integer, orNull, readOptions } from "../options.ts";
import { load, numbers } from "../reading.ts";
import { broadcast } from "../rules/elementwise.ts";
import { resultOf } from "../scope.ts";
import type { Tensor } from "../tensor.ts";

type Elements = TypedArray | number[];

/** Reads what `wanted` makes and calls `f` with its elements, in the scope and on the tape that were current before. */
async function withElements<R>(op: string, wanted: () => Tensor, f: (elements: Elements) => R): Promise<R> {
  const { tape } = context;
  let { scope } = context;
  const x = resultOf(wanted);
  let elements: Elements;
  try {
    elements = numbers(x, await load(x, op));
  } finally {
    x.release();
  }
  while (scope?.closed === true) scope = scope.parent;
  const before = { tape: context.tape, scope: context.scope };
  Object.assign(context, { tape: tape?.closed === true ? undefined : tape, scope });
  try {
    return inNameOf(op, () => resultOf(() => f(elements)));
  } finally {
    Object.assign(context, before);
  }
}

/** The positions of true elements in row-major order. */
function truePlaces(op: string, mask: Elements): Int32Array {
  let count = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) count++;
  const places = hostArray(op, count, "i32") as Int32Array;
  let n = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) places[n++] = i;
  return places;
}

/** Host integers on the backend of x. */
const uploaded = (x: Tensor, data: Int32Array, shape: readonly number[] = [data.length]): Tensor =>
  x.interpreter.backend.upload(data, shape, "i32");

/**
 * The positions of all elements that are not 0, in row-major order: one row `[count, axes]` (`i32`) for each. Reads the
 * mask, so it returns a promise.
 *
 * @example
 * await nonzero(tensor([[1, 0], [2, 3]])); // [[0, 0], [1, 0], [1, 1]]
 */
export async function nonzero(x: Operand): Promise<Tensor> {
  const t = readTensor(x, "nonzero");
  const { shape } = t;
  return withElements(
    "nonzero",
    () => cast(untaped(t), "bool"),
    (mask) => {
      const places = truePlaces("nonzero", mask);
      const rank = shape.length;
      const rows = hostArray("nonzero", places.length * rank, "i32") as Int32Array;
      places.forEach((place, i) => {
        let rest = place;
        for (let axis = rank - 1; axis >= 0; axis--) {
          rows[i * rank + axis] = rest % shape[axis]!;
          rest = Math.floor(rest / shape[axis]!);
        }
      });
      return uploaded(t, rows, [places.length, rank]);
    },
  );
}

/**
 * The elements of x where the mask is true, as a vector; x and the mask broadcast. Reads the mask, so it returns a
 * promise: in a `diff` write `await t.wait(maskedSelect(x, mask))`.
 *
 * @example
 * await maskedSelect(tensor([1, 2, 3]), tensor([true, false, true])); // [1, 3]
 */
export async function maskedSelect(x: Operand, mask: Operand): Promise<Tensor> {
  const [t, m] = readTensors("maskedSelect", [x, mask]);
  const shape = broadcast("maskedSelect", t.shape, m.shape);
  return withElements(
    "maskedSelect",
    () => broadcastTo(cast(untaped(m), "bool"), shape),
    (chosen) => {
      const flat = reshape(broadcastTo(t, shape), [sizeOf(shape)]);
      return applyRead("take", [flat, uploaded(t, truePlaces("maskedSelect", chosen))], { axis: 0 });
    },
  );
}

/** What `unique` returns. */
export interface UniqueElements {
  /** Each element, or each slice of the axis, once, in order. */
  readonly values: Tensor;
  /** Where each element of x is among the values (`i32`): `take(values, inverse)` is x. */
  readonly inverse: Tensor;
  /** How often each of the values occurs (`i32`). */
  readonly counts: Tensor;
}

/** What differs among elements or rows, in ascending order. */
interface Different {
  /** Where each is first. */
  readonly firsts: Int32Array;
  readonly counts: Int32Array;
  /** Which of them each element or row is. */
  readonly inverse: Int32Array;
}

/** What differs, given the number of each among them, of which there are `n`. */
function different(inverse: Int32Array, n: number): Different {
  const [firsts, counts] = [new Int32Array(n), new Int32Array(n)];
  inverse.forEach((k, i) => {
    if (counts[k]!++ === 0) firsts[k] = i;
  });
  return { firsts, counts, inverse };
}

/** What differs among elements; each NaN does, and comes last. */
function differentElements(all: Elements): Different {
  const values = new Float64Array(all).sort(); // without a function that compares, which takes most of the time
  let n = 0;
  for (const x of values) if (n === 0 || x !== values[n - 1]) values[n++] = x;
  let numbers = n;
  while (numbers > 0 && Number.isNaN(values[numbers - 1])) numbers--;
  let next = numbers;
  const inverse = hostArray("unique", all.length, "i32") as Int32Array;
  for (let i = 0; i < all.length; i++) {
    const x = all[i]!;
    if (Number.isNaN(x)) {
      inverse[i] = next++;
      continue;
    }
    let [low, high] = [0, numbers - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle]! < x) low = middle + 1;
      else high = middle;
    }
    inverse[i] = low;
  }
  return different(inverse, n);
}

/** What differs among rows of `width` elements, compared element by element; NaN comes last. */
function differentRows(rows: Elements, count: number, width: number): Different {
  const compare = (a: number, b: number): number => {
    for (let k = 0; k < width; k++) {
      const [x, y] = [rows[a * width + k]!, rows[b * width + k]!];
      if (x < y || (x === x && y !== y)) return -1;
      if (x > y || (x !== x && y === y)) return 1;
    }
    return a - b;
  };
  const same = (a: number, b: number): boolean => {
    for (let k = 0; k < width; k++) if (rows[a * width + k] !== rows[b * width + k]) return false;
    return true;
  };
  const order = Int32Array.from({ length: count }, (_, i) => i).sort(compare);
  const inverse = hostArray("unique", count, "i32") as Int32Array;
  let n = 0;
  order.forEach((place, i) => {
    if (i === 0 || !same(order[i - 1]!, place)) n++;
    inverse[place] = n - 1;
  });
  return different(inverse, n);
}

/**
 * The different elements of x in ascending order, or with `axis` its different slices; where each element of x is among
 * them, and how often each occurs. NaN differs from NaN, as in PyTorch. Reads x, so it returns a promise.
 *
 * @example
 * const { values, counts } = await unique(tensor([2, 1, 2]));
 * values; // [1, 2]
 * counts; // [1, 2]
 */
export async function unique(x: Operand, options?: { axis?: number | null }): Promise<UniqueElements> {
  const { axis } = readOptions<{ axis?: number | null }, object>("unique", options, { axis: orNull(integer) }, {});
  const t = readTensor(x, "unique");
  const along = axis === null || axis === undefined ? undefined : axisOf("unique", axis, t.shape);
  const count = along === undefined ? sizeOf(t.shape) : t.shape[along]!;
  const axes = t.shape.map((_, i) => i);
  if (along !== undefined) axes.unshift(...axes.splice(along, 1));
  return withElements(
    "unique",
    () => permute(untaped(t), axes),
    (rows) => {
      const width = count === 0 ? 0 : rows.length / count;
      const { firsts, counts, inverse } = width === 1 ? differentElements(rows) : differentRows(rows, count, width);
      const chosen = uploaded(t, firsts);
      const from = along === undefined ? reshape(t, [count]) : t;
      return {
        values: applyRead("take", [from, chosen], { axis: along ?? 0 }),
        inverse: uploaded(t, inverse, along === undefined ? t.shape : [count]),
        counts: uploaded(t, counts),
      };
    },
  );
}
