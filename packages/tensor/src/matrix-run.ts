// Kernels of matrices run with numbers: what they do at once is done one after the other. A kernel brings this with it,
// so that a program without one does not have it.
import { sizeOf } from "./axes.ts";
import { ownShape, type HostMemory, type MatrixArithmetic, type MatrixKernel, type MatrixKind, type MatrixMemory } from "./matrix-kernel.ts"; // prettier-ignore
import type { Shape } from "./ops.ts";

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
  inner: (x, i, y, j, begin, end) => {
    let sum = 0;
    for (let r = begin; r < end; r++) sum += x.at(r, i) * y.at(r, j);
    return sum;
  },
  subtract: (x, i, factor, y, j, begin, end) => {
    for (let r = begin; r < end; r++) x.put(x.at(r, i) - factor * y.at(r, j), r, i);
  },
  rotate: (x, i, j, sine, half) => {
    for (let r = 0; r < x.rows; r++) {
      const [left, right] = [x.at(r, i), x.at(r, j)];
      x.put(left - sine * (right + half * left), r, i);
      x.put(right + sine * (left - half * right), r, j);
    }
  },
  eliminate: (x, [top, bottom], [left, right], y, z, c) => {
    for (let i = top; i < bottom; i++) {
      const factor = y.at(i, c);
      for (let j = left; j < right; j++) x.put(x.at(i, j) - factor * z.at(c, j), i, j);
    }
  },
};

/** The elements of one matrix. A class, since engines call its methods faster than closures. */
class Memory implements MatrixMemory<number> {
  readonly rows: number;
  readonly columns: number;
  readonly #data: HostMemory[keyof HostMemory];
  readonly #start: number;
  constructor(own: Shape, data: HostMemory[keyof HostMemory], start: number) {
    this.rows = own.at(-2) ?? 1;
    this.columns = own.at(-1) ?? 1;
    this.#data = data;
    this.#start = start;
  }
  at(i: number, j?: number): number {
    return this.#data[this.#start + (j === undefined ? i : i * this.columns + j)]!;
  }
  put(value: number, i: number, j?: number): void {
    this.#data[this.#start + (j === undefined ? i : i * this.columns + j)] = value;
  }
}

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
    for (let b = begin; b < end; b++) {
      const memories = given.map(({ shape, dtype }, i) => {
        const own = ownShape(kinds[i]!, shape);
        const data = memory[dtype as keyof HostMemory];
        return new Memory(own, data, addresses[i]! / data.BYTES_PER_ELEMENT + b * sizeOf(own));
      });
      write(k, attrs, ...memories);
    }
  },
});
