// Orders and scans along an axis: the place of the greatest element, running sums, and the stable order of the elements
// (radix sort of keys that sort as the numbers do). NaN wins every search and sorts as the greatest.
import { linesAlong } from "@weft/kernel";
import type { Attrs, TypedArray } from "@weft/tensor";
import { aligned, blocksOf, dense, elements, type Call, type CallMemory, type Operand } from "./call.ts";

/** A call that works on one line of its input after the other; positions are in elements. */
const line = <A extends { readonly axis: number }>(
  work: (
    attrs: A,
    n: number,
    input: Operand,
  ) => (
    m: CallMemory,
    scratch: number,
  ) => (x: TypedArray, y: TypedArray, from: number, step: number, to: number) => void,
  /** Whether the result has one element per line. */
  single: boolean,
  /** Bytes of scratch memory for lines of n elements. */
  scratch: (n: number) => number = () => 0,
): Call<A> =>
  dense((m: CallMemory, attrs: A, [out], inputs) => {
    const input = inputs[0]!;
    const { outer, size: n, inner } = linesAlong(input.shape, attrs.axis);
    const start = work(attrs, n, input);
    return {
      units: outer * inner,
      scratch: scratch(n),
      run: ([to], [from], s, begin, end) => {
        const [x, y] = [elements(m, input.dtype), elements(m, out.dtype)];
        const each = start(m, s);
        const [source, target] = [from! / x.BYTES_PER_ELEMENT, to / y.BYTES_PER_ELEMENT];
        blocksOf(begin, end, inner, (o, first, last) => {
          for (let k = first; k < last; k++) {
            const at = o * n * inner + k;
            each(x, y, source + at, inner, target + (single ? o * inner + k : at));
          }
        });
      },
    };
  });

// Loops over elements are functions of their own: V8 optimizes them sooner than closures.

/** The first place of the greatest element; the first NaN, if there is one. */
function greatest(x: TypedArray, n: number, from: number, step: number): number {
  let best = x[from]!;
  let where = 0;
  for (let i = 1, p = from + step; i < n && best === best; i++, p += step) {
    const rival = x[p]!;
    if (!(rival <= best)) {
      best = rival;
      where = i;
    }
  }
  return where;
}
function least(x: TypedArray, n: number, from: number, step: number): number {
  let best = x[from]!;
  let where = 0;
  for (let i = 1, p = from + step; i < n && best === best; i++, p += step) {
    const rival = x[p]!;
    if (!(rival >= best)) {
      best = rival;
      where = i;
    }
  }
  return where;
}

const position = (find: typeof greatest): Call<Attrs<"argmax">> =>
  line(
    (_attrs, n) => () => (x, y, from, step, to) => {
      y[to] = find(x, n, from, step);
    },
    true,
  );

export const argmax = position(greatest);
export const argmin = position(least);

function runningSum(x: TypedArray, y: TypedArray, n: number, from: number, to: number, step: number): void {
  let sum = 0;
  for (let i = 0, p = from, q = to; i < n; i++, p += step, q += step) {
    sum += x[p]!;
    y[q] = sum;
  }
}
function runningSumOfIntegers(x: Int32Array, n: number, from: number, to: number, step: number): void {
  let sum = 0;
  for (let i = 0, p = from, q = to; i < n; i++, p += step, q += step) x[q] = sum = (sum + x[p]!) | 0;
}

export const cumsum: Call<Attrs<"cumsum">> = line(
  ({ reverse }, n) =>
    () =>
    (x, y, from, step, to) => {
      const start = reverse ? (n - 1) * step : 0;
      const by = reverse ? -step : step;
      if (x instanceof Int32Array) runningSumOfIntegers(x, n, from + start, to + start, by);
      else runningSum(x, y, n, from + start, to + start, by);
    },
  false,
);

/** Unsigned keys in the order of the numbers: equal for equal numbers, NaN as the greatest. */
function fillKeys(
  keys: Uint32Array,
  x: Float32Array | Int32Array,
  bits: Int32Array,
  from: number,
  step: number,
  descending: boolean,
) {
  const real = x instanceof Float32Array;
  const flip = descending ? -1 : 0;
  for (let i = 0, p = from; i < keys.length; i++, p += step) {
    const value = x[p]!;
    if (value !== value) {
      keys[i] = 0xffffffff ^ flip;
      continue;
    }
    const b = value === 0 ? 0 : bits[p]!;
    keys[i] = (real && b < 0 ? ~b : b ^ 0x80000000) ^ flip;
  }
}

/** One more than the values of a byte: where the keys of each begin. */
const BYTES = 257;

export const argsort: Call<Attrs<"argsort">> = line(
  ({ descending }, n, { dtype }) => {
    if (dtype === "f64") {
      const sign = descending ? -1 : 1;
      const compare = (a: number, b: number): number =>
        a < b ? -sign : a > b ? sign : sign * (Number(Number.isNaN(a)) - Number(Number.isNaN(b)));
      return () => (x, y, from, step, to) =>
        Array.from({ length: n }, (_, i) => i)
          .sort((i, j) => compare(x[from + i * step]!, x[from + j * step]!))
          .forEach((i, k) => (y[to + k * step] = i));
    }
    return (m, scratch) => {
      const at = (i: number, length: number) => new Uint32Array(m.memory.buffer, scratch + i * aligned(4 * n), length);
      const [keys, now, next, starts] = [at(0, n), at(1, n), at(2, n), at(3, BYTES)];
      return (x, y, from, step, to) => {
        fillKeys(keys, x as Float32Array | Int32Array, m.i32, from, step, descending);
        const sorted = n <= 32 ? insertionSort(keys, now) : radixSort(keys, now, next, starts);
        for (let i = 0, q = to; i < n; i++, q += step) y[q] = sorted[i]!;
      };
    };
  },
  false,
  (n) => 3 * aligned(4 * n) + aligned(4 * BYTES),
);

/** The stable order of keys, by radix sort; the result is one of the two arrays given. */
function radixSort(keys: Uint32Array, now: Uint32Array, next: Uint32Array, starts: Uint32Array): Uint32Array {
  const n = keys.length;
  for (let i = 0; i < n; i++) now[i] = i;
  for (let shift = 0; shift < 32; shift += 8) {
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[((keys[i]! >>> shift) & 255) + 1]!++;
    if (starts[((keys[0]! >>> shift) & 255) + 1] === n) continue; // all have the same byte here
    for (let d = 0; d < 256; d++) starts[d + 1]! += starts[d]!;
    for (let i = 0; i < n; i++) {
      const k = now[i]!;
      next[starts[(keys[k]! >>> shift) & 255]!++] = k;
    }
    [now, next] = [next, now];
  }
  return now;
}

function insertionSort(keys: Uint32Array, order: Uint32Array): Uint32Array {
  for (let i = 0; i < order.length; i++) {
    const key = keys[i]!;
    let j = i - 1;
    for (; j >= 0 && keys[order[j]!]! > key; j--) order[j + 1] = order[j]!;
    order[j + 1] = i;
  }
  return order;
}
