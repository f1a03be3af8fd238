// Kernels of matrices run with numbers: what they do at once is done one after the other. A kernel brings this with it,
// so that a program without one does not have it.
import { sizeOf } from "./axes.ts";
import { ownShape, type HostMemory, type MatrixArithmetic, type MatrixKernel, type MatrixKind, type MatrixMemory } from "./matrix-kernel.ts"; // prettier-ignore
import type { Shape } from "./ops.ts";

type Elements = HostMemory[keyof HostMemory];

/** The elements of one matrix. A class, since engines call its methods faster than closures. */
class Memory implements MatrixMemory<number> {
  readonly rows: number;
  readonly columns: number;
  readonly data: Elements;
  readonly #start: number;
  constructor(own: Shape, data: Elements, start: number) {
    this.rows = own.at(-2) ?? 1;
    this.columns = own.at(-1) ?? 1;
    this.data = data;
    this.#start = start;
  }
  /** Where an element is in `data`. */
  place(i: number, j?: number): number {
    return this.#start + (j === undefined ? i : i * this.columns + j);
  }
  at(i: number, j?: number): number {
    return this.data[this.place(i, j)]!;
  }
  put(value: number, i: number, j?: number): void {
    this.data[this.place(i, j)] = value;
  }
}

type Numbers = Omit<MatrixArithmetic<number>, "epsilon">;

const loop: Numbers["loop"] = (begin, end, f) => {
  for (let i = begin; i < end; i++) f(i);
};

const folds = { sum: (a: number, b: number) => a + b, max: Math.max, min: Math.min };
const neutral = { sum: 0, max: -Infinity, min: Infinity };

const same = (x: number): number => x;

const arithmetic: Numbers = {
  constant: same,
  integer: same,
  float: same,
  whole: same,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  quotient: (a, b) => Math.floor(a / b),
  remainder: (a, b) => a % b,
  max: Math.max,
  abs: Math.abs,
  sqrt: Math.sqrt,
  less: (a, b) => Number(a < b),
  equal: (a, b) => Number(a === b),
  where: (condition, a, b) => (condition ? a : b),
  keep: same,
  sum: (begin, end, f) => {
    let sum = 0;
    for (let i = begin; i < end; i++) sum += f(i);
    return sum;
  },
  over: (fold, begin, end, f) => {
    let all = neutral[fold];
    for (let i = begin; i < end; i++) all = folds[fold](all, f(i));
    return all;
  },
  loop,
  each: loop,
  grid: ([top, bottom], [left, right], f) => {
    for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) f(i, j);
  },
  when: (condition, f) => {
    if (condition) f();
  },
  // What follows is where time goes. It walks over the elements of columns and rows without computing each place anew.
  inner: (x: Memory, i, y: Memory, j, begin, end) => {
    const a = x.data;
    const b = y.data;
    const last = x.place(end, i);
    let q = y.place(begin, j);
    let sum = 0;
    for (let p = x.place(begin, i); p < last; p += x.columns, q += y.columns) sum += a[p]! * b[q]!;
    return sum;
  },
  gram: (x: Memory, i, j) => {
    const { data, columns } = x;
    const across = j - i;
    const end = x.place(x.rows, i);
    let [ii, jj, ij] = [0, 0, 0];
    for (let p = x.place(0, i); p < end; p += columns) {
      const left = data[p]!;
      const right = data[p + across]!;
      ii += left * left;
      jj += right * right;
      ij += left * right;
    }
    return [ii, jj, ij];
  },
  subtract: (x: Memory, i, factor, y: Memory, j, begin, end) => {
    const a = x.data;
    const b = y.data;
    let q = y.place(begin, j);
    const last = x.place(end, i);
    for (let p = x.place(begin, i); p < last; p += x.columns, q += y.columns) a[p] = a[p]! - factor * b[q]!;
  },
  rotate: (x: Memory, i, j, sine, half) => {
    const { data, columns } = x;
    const across = j - i;
    const end = x.place(x.rows, i);
    for (let p = x.place(0, i); p < end; p += columns) {
      const left = data[p]!;
      const right = data[p + across]!;
      data[p] = left - sine * (right + half * left);
      data[p + across] = right + sine * (left - half * right);
    }
  },
  eliminate: (x: Memory, [top, bottom], [left, right], y: Memory, z: Memory, c) => {
    const a = x.data;
    const b = z.data;
    for (let i = top; i < bottom; i++) {
      const factor = y.at(i, c);
      const end = x.place(i, right);
      let q = z.place(c, left);
      for (let p = x.place(i, left); p < end; p++, q++) a[p] = a[p]! - factor * b[q]!;
    }
  },
};

/** A kernel with these operands and results for each matrix of a batch. */
export const matrixKernel = <A>(
  operands: readonly MatrixKind[],
  results: readonly MatrixKind[],
  write: MatrixKernel<A>["write"],
): MatrixKernel<A> => ({
  operands,
  results,
  write,
  count: (shape) => sizeOf(shape.slice(0, shape.length - ownShape(results[0]!, shape).length)),
  run: (attrs, memory, given, addresses, begin, end) => {
    const kinds = [...operands, ...results];
    const k = { ...arithmetic, epsilon: given.some(({ dtype }) => dtype === "f64") ? 2 ** -52 : 2 ** -23 };
    const parts = given.map(({ shape, dtype }, i) => {
      const own = ownShape(kinds[i]!, shape);
      const data = memory[dtype as keyof HostMemory];
      const start = addresses[i]! / data.BYTES_PER_ELEMENT;
      return (b: number) => new Memory(own, data, start + b * sizeOf(own));
    });
    for (let b = begin; b < end; b++) write(k, attrs, ...parts.map((at) => at(b)));
  },
});
